"""The versions that were written last, in memory, so that most writes and questions about one resource need no SQL.

Only one process writes to a database (`sedna_gm.store.sql.locking`), so what it has kept last is the present version.
Only writes are remembered: a reader could bring a version that was replaced while it was reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sedna_gm.store.interface import Key, Resource

# As many as the log of changes holds at least, whose resources these mostly are.
_MOST = 4096
# Of their JSON; as dictionaries they take about five times as much.
_MOST_CHARACTERS = 4 * 1024 * 1024

Version = tuple[Resource, int]
"""A resource, which nobody changes, and how many characters of JSON it takes."""


class Present:
    """For any thread that asks; what changes it is called under the store's write lock."""

    def __init__(self, most: int = _MOST, most_characters: int = _MOST_CHARACTERS) -> None:
        self._most = most
        self._most_characters = most_characters
        self._versions: dict[Key, Version] = {}
        self._characters = 0

    def get(self, key: Key) -> Resource | None:
        """The present version; None where that is not known here."""
        found = self._versions.get(key)
        return None if found is None else found[0]

    def forget(self, keys: Iterable[Key]) -> None:
        """Before these are committed: meanwhile the database alone knows which version is the present one."""
        for key in keys:
            if (found := self._versions.pop(key, None)) is not None:
                self._characters -= found[1]

    def take(self, written: Mapping[Key, Version | None]) -> None:
        """These are committed; None stands for what was removed. What was written longest ago makes room."""
        self.forget(written)
        for key, version in written.items():
            if version is not None:
                self._versions[key] = version
                self._characters += version[1]
        while len(self._versions) > self._most or self._characters > self._most_characters:
            self.forget([next(iter(self._versions))])

    def close(self) -> None:
        """Nothing is known from now on."""
        self._most = 0
        self.take({})
