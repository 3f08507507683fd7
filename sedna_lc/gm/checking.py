"""Whether a resource of the GM's may have folders and units on this host: its names become parts of paths.

`watching` asks before anybody is told. Names are checked where manifests come in; this host does not rely on it, since
what it makes and removes under these names it makes and removes as root.
"""

from __future__ import annotations

import logging
import re

from sedna.api.names import check_dns_label, check_dns_subdomain
from sedna_lc.state.stores import Wire

logger = logging.getLogger(__name__)

_UID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")


def is_usable(resource: Wire) -> bool:
    """Tell whether name, namespace and uid are what they should be; a line in the log says of one that is not."""
    metadata = resource.get("metadata")
    try:
        if not isinstance(metadata, dict):
            raise TypeError("it has no metadata")
        check_dns_subdomain(_text(metadata, "name"))
        check_dns_label(_text(metadata, "namespace", "default"))
        if not _UID.match(uid := _text(metadata, "uid")):
            raise ValueError(f"{uid[:80]!r} is not a uid")
    except (TypeError, ValueError) as problem:
        logger.error("The GlobalManager tells of a resource that is left alone: %s.", problem)  # noqa: TRY400
        return False
    return True


def _text(metadata: dict[str, object], key: str, default: str = "") -> str:
    value = metadata.get(key, default)
    if not isinstance(value, str):
        raise TypeError(f"its {key} is no text")
    return value
