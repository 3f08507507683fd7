"""One resource in memory: as it is stored, and as it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sedna.api.kinds import by_kind
from sedna.api.meta import Resource
from sedna.api.validating import parse

Raw = Mapping[str, Any]


class Entry:
    """One resource, parsed when somebody first asks and then kept: most changes are never looked at."""

    __slots__ = ("_typed", "raw")

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self._typed: Resource | None = None

    @property
    def typed(self) -> Resource:
        """Raises ValidationError for what no version of ours can have stored."""
        if self._typed is None:
            self._typed = parse(by_kind(self.raw["kind"]).model, self.raw)
        return self._typed
