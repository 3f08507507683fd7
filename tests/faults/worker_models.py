"""The form of a sweep's models, for who checks them; `worker` writes it, and is run alone on a node."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable


def content_of(known: Iterable[str]) -> str:
    """The model that knows these samples."""
    body = json.dumps(sorted(known))
    return json.dumps({"known": body, "sha256": hashlib.sha256(body.encode()).hexdigest()})


EMPTY = content_of(())
