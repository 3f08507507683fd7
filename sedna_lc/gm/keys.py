"""This node's keys on disk: what the GM knows it by, and what it shall be known by next.

The file is written before the GM is told and again after it has answered, each time whole and synced, so that a crash
at any moment leaves a key that the GM knows, or the means to tell it once more. `identifying` and `joining` use it.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sedna.api.times import format_time, parse_time
from sedna.api.tokens import check_token, make_token
from sedna.common.publishing import write_atomically

logger = logging.getLogger(__name__)

_OWNER_ONLY = 0o600


@dataclass(frozen=True)
class NodeKeys:
    """Tokens that only this host has. The GM has their digests."""

    current: str | None = None
    """What the GM is shown."""

    next: str | None = None
    """What the GM is, or was, being told of; whether it has heard is not known."""

    previous: str | None = None
    """What `current` has replaced: a GM that was restored from a backup may know only this one."""

    since: datetime | None = None
    """When `current` was accepted."""

    joined_by: str = ""
    """Id of the join token that was used last; a file that still holds it is of no use any more."""

    def candidates(self) -> list[str]:
        """Return all of them, the likeliest first."""
        return [token for token in (self.current, self.next, self.previous) if token]

    def with_next(self, join_token: str = "") -> NodeKeys:
        """Return them with a new `next`, or the one that this join token was already sent with."""
        if self.next and (self.joined_by == join_token or not join_token):
            return self
        return replace(self, next=make_token(), joined_by=join_token or self.joined_by)

    def promoted(self, token: str, now: datetime) -> NodeKeys:
        """Return them with `token`, which the GM has accepted, as the current one."""
        if token == self.current:
            return self
        if token == self.previous:
            # The GM is an older one than we thought; it is told of a new key soon. Or that was an answer of somebody
            # in its place: then it knows the other one.
            return replace(self, current=token, next=None, previous=self.current, since=None)
        return replace(self, current=token, next=None, previous=self.current, since=now)


class KeyFile:
    """`node-key.json` in the state folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> NodeKeys:
        """Return what is there; a file that cannot be understood is set aside and told."""
        try:
            return _read(self.path.read_bytes())
        except FileNotFoundError:
            return NodeKeys()
        except (ValueError, TypeError, AttributeError):
            aside = self.path.with_name(f"{self.path.name}.damaged")
            self.path.replace(aside)
            logger.error("%s is damaged and lies in %s now; this node must join anew.", self.path, aside)  # noqa: TRY400
            return NodeKeys()

    def save(self, keys: NodeKeys) -> None:
        """Replace what is there. Raises OSError, and leaves the old one then."""
        content = {
            "current": keys.current,
            "next": keys.next,
            "previous": keys.previous,
            "since": None if keys.since is None else format_time(keys.since),
            "joinedBy": keys.joined_by,
        }
        write_atomically(self.path, json.dumps(content).encode(), mode=_OWNER_ONLY)


def _read(data: bytes) -> NodeKeys:
    content: dict[str, Any] = json.loads(data)
    tokens = {name: content.get(name) for name in ("current", "next", "previous")}
    since = content.get("since")
    return NodeKeys(
        **{name: None if token is None else check_token(token) for name, token in tokens.items()},
        since=None if since is None else parse_time(since),
        joined_by=str(content.get("joinedBy") or ""),
    )
