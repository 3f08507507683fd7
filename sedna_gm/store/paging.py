"""Where a list goes on: the token that a client carries from page to page.

It holds the position (the last key given) and the revision of the first page. Every page states that revision,
so a watch that goes on from it repeats whatever changed while the client was turning pages.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

from sedna_gm.errors import BadRequest


@dataclass(frozen=True)
class Cursor:
    """`namespace` and `name` are those of the last resource given; the next page begins after it."""

    kind: str
    within: str | None
    revision: int
    namespace: str
    name: str


def encode(cursor: Cursor) -> str:
    """The cursor as an opaque word that fits a URL."""
    parts = [cursor.kind, cursor.within, cursor.revision, cursor.namespace, cursor.name]
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def decode(token: str, kind: str, within: str | None) -> Cursor:
    """Raises BadRequest for what `encode` never wrote, or wrote for another list."""
    try:
        text = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        given_kind, given_within, revision, namespace, name = json.loads(text)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise BadRequest("The continue token is not one that this server gave.") from None
    cursor = Cursor(given_kind, given_within, revision, namespace, name)
    if not all(isinstance(part, str) for part in (namespace, name)) or not isinstance(revision, int):
        raise BadRequest("The continue token is not one that this server gave.")
    if (cursor.kind, cursor.within) != (kind, within):
        raise BadRequest("The continue token belongs to another list.")
    return cursor
