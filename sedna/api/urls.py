"""What a URL or an address says about where something is. Pure."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Tell whether only this host can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_private(url: str) -> bool:
    """Tell whether nobody on the way can read what is sent: by TLS, or because it never leaves this host.

    Raises ValueError for what is no URL.
    """
    parts = urlsplit(url)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def is_remote(url: str) -> bool:
    """Tell whether a URL names a place that is on no node, as `s3://bucket/key` does; a path and `file://` do not."""
    scheme, separator, _ = url.partition("://")
    return bool(separator) and scheme.lower() != "file"


#: How a URL begins, as a regular expression: RFC 3986's scheme, with an end. A scheme has at most 32 characters (no
#: store's has ten): without a bound, nobody who reads a line in pieces could tell a URL from a path.
URL_BEGINS = "[A-Za-z][A-Za-z0-9+.-]{0,31}://"
#: So many first characters tell whether a text begins like a URL.
URL_BEGINS_WITHIN = 32 + len("://")


#: What this system opens besides paths of a node. A short list on purpose: of the many schemes that fsspec knows, some
#: (`local`, `dir`, `simplecache`, …) lead back into the files of whoever opens them, and daemons read everything.
OPENED = ("s3", "memory")
#: What a person is told of: `memory` is a process's own and holds nothing that outlives it, as tests want it.
NAMED = "s3://bucket/key, and paths of a node (/path or file:///path)"


def check_scheme(url: str) -> None:
    """Raise ValueError unless this system opens the URL of an object store; it lists what is opened."""
    scheme = url.partition("://")[0].lower()
    if scheme not in OPENED:
        raise ValueError(f"{url[:80]}: {scheme[:20]}:// is not opened here; known are {NAMED}")
