"""A store that forgets: for tests, and for trying things out without a file.

The rules are in `writing`; here are only rows, as sorted dictionaries.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sedna_gm.store.interface import Clock, History, Key, Resource
from sedna_gm.store.writing import RowStore, WritableRows


class MemoryStore(RowStore):
    """Everything in this process, nothing on disk."""

    def __init__(self, clock: Clock, *, log_capacity: int = 4096) -> None:
        self._rows = _MemoryRows()
        # A write waits for no disk here: there is nothing to share, and nobody to wait for.
        super().__init__(clock, log_capacity, lambda: None)

    @contextmanager
    def _reading(self) -> Iterator[WritableRows]:
        with self._writer:
            yield self._rows

    # Nothing in `writing` can fail between two of its row operations, so there is nothing to roll back.
    _writing = _reading


class _MemoryRows:
    def __init__(self) -> None:
        self._resources: dict[Key, Resource] = {}
        self._rounds: dict[tuple[Key, str], dict[int, Resource]] = {}
        self._revision = 0
        self._identity = secrets.token_hex(16)

    def begin(self) -> None:
        """Nothing is noted: what can fail comes before the first of a write's row operations."""

    keep = undo = begin

    def load(self, key: Key) -> Resource | None:
        return self._resources.get(key)

    def save(self, key: Key, resource: Resource) -> None:
        self._resources[key] = resource

    def remove(self, key: Key) -> None:
        del self._resources[key]

    def identity(self) -> str:
        return self._identity

    def revision(self) -> int:
        return self._revision

    def advance(self) -> int:
        self._revision += 1
        return self._revision

    def scan(self, kind: str, namespace: str | None, after: tuple[str, str] | None) -> Iterator[Resource]:
        for key in sorted(self._resources):
            if key.kind != kind or (namespace is not None and key.namespace != namespace):
                continue
            if after is None or (key.namespace, key.name) > after:
                yield self._resources[key]

    def add_round(self, job: Key, uid: str, number: int, record: Mapping[str, Any]) -> bool:
        records = self._rounds.setdefault((job, uid), {})
        if number in records:
            return False
        records[number] = dict(record)
        return True

    def rounds(self, job: Key, uid: str, after: int, limit: int | None, newest: bool) -> list[Resource]:
        records = self._rounds.get((job, uid), {})
        numbers = sorted(number for number in records if number > after)
        if limit is not None:
            numbers = numbers[-limit:] if newest and limit else numbers[:limit]
        return [records[number] for number in numbers]

    def histories(self) -> list[History]:
        return [History(job, uid, len(records)) for (job, uid), records in self._rounds.items() if records]

    def drop_rounds(self, job: Key, uid: str, numbers: Collection[int]) -> int:
        records = self._rounds.get((job, uid), {})
        dropped = sum(1 for number in numbers if records.pop(number, None) is not None)
        if not records:
            self._rounds.pop((job, uid), None)
        return dropped
