"""The rules of reading and writing, once for every store.

A concrete store (`memory`, `sql`) gives rows in transactions; this module does on them what `interface`
promises, with the pure steps of `revising`, and publishes each accepted write to the `watchlog`.
"""

from __future__ import annotations

import threading
import uuid
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sedna.api.times import format_time
from sedna_gm.errors import AlreadyExists, NotFound
from sedna_gm.store import paging, revising
from sedna_gm.store.interface import (
    Change,
    ChangeType,
    Clock,
    Deletion,
    History,
    Key,
    Matches,
    Page,
    Resource,
    RoundPage,
    Store,
    Watch,
    key_of,
)
from sedna_gm.store.watchlog import LogWatch, WatchLog

Step = Callable[[Resource], Resource]


class Rows(Protocol):
    """What one transaction can do. A resource that `load` or `scan` gave may be shared: it is not changed."""

    def load(self, key: Key) -> Resource | None: ...

    def save(self, key: Key, resource: Resource) -> None: ...

    def remove(self, key: Key) -> None: ...

    def identity(self) -> str: ...

    def revision(self) -> int: ...

    def advance(self) -> int: ...

    def scan(self, kind: str, namespace: str | None, after: tuple[str, str] | None) -> Iterator[Resource]: ...

    def add_round(self, job: Key, uid: str, number: int, record: Mapping[str, Any]) -> bool: ...

    def rounds(self, job: Key, uid: str, after: int, limit: int | None, newest: bool) -> list[Resource]: ...

    def histories(self) -> list[History]: ...

    def drop_rounds(self, job: Key, uid: str, numbers: Collection[int]) -> int: ...


class RowStore(Store):
    """A store over rows. Writes are serial in one process: the counter and the log grow in the same order."""

    def __init__(self, clock: Clock, log_capacity: int) -> None:
        self._clock = clock
        self._writer = threading.RLock()
        with self._reading() as rows:
            self.identity = rows.identity()
            self._log = WatchLog(rows.revision(), log_capacity)

    @abstractmethod
    def _reading(self) -> AbstractContextManager[Rows]:
        """One consistent view of all rows."""

    @abstractmethod
    def _writing(self) -> AbstractContextManager[Rows]:
        """A transaction: all of it or nothing."""

    def create(self, resource: Mapping[str, Any], *, dry_run: bool = False) -> Resource:
        key = key_of(resource)
        with self._writer:
            with self._writing() as rows:
                if rows.load(key) is not None:
                    raise AlreadyExists(f'{key.kind} "{key.name}" already exists.', kind=key.kind, name=key.name)
                fresh = revising.created(resource, uid=str(uuid.uuid4()), now=self._now())
                if dry_run:
                    return fresh
                revision = rows.advance()
                fresh = revising.revised(fresh, revision)
                rows.save(key, fresh)
            self._log.publish(Change(ChangeType.ADDED, revision, key, fresh))
        return _own(fresh)

    def get(self, key: Key) -> Resource:
        with self._reading() as rows:
            return _own(_found(rows, key))

    def list(
        self,
        kind: str,
        namespace: str | None = None,
        *,
        matches: Matches | None = None,
        limit: int | None = None,
        continue_token: str | None = None,
    ) -> Page:
        cursor = paging.decode(continue_token, kind, namespace) if continue_token else None
        with self._reading() as rows:
            if cursor is None:
                revision, after = rows.revision(), None
            else:
                # A watch from a revision that left the log would answer Gone after the last page; better now.
                self._log.check(cursor.revision)
                revision, after = cursor.revision, (cursor.namespace, cursor.name)
            items: list[Resource] = []
            for resource in rows.scan(kind, namespace, after):
                if matches is not None and not matches(resource):
                    continue
                if limit and len(items) == limit:
                    last = key_of(items[-1])
                    token = paging.encode(paging.Cursor(kind, namespace, revision, last.namespace, last.name))
                    return Page(items, revision, token)
                items.append(_own(resource))
        return Page(items, revision)

    def update(self, resource: Mapping[str, Any], *, dry_run: bool = False) -> Resource:
        return self._change(key_of(resource), lambda stored: revising.updated(stored, resource), dry_run)

    def update_status(self, resource: Mapping[str, Any], *, dry_run: bool = False) -> Resource:
        return self._change(key_of(resource), lambda stored: revising.with_status(stored, resource), dry_run)

    def delete(
        self, key: Key, *, uid: str | None = None, resource_version: str | None = None, dry_run: bool = False
    ) -> Deletion:
        def mark(stored: Resource) -> Resource:
            revising.check_preconditions(stored, uid=uid, resource_version=resource_version)
            return revising.marked_deleted(stored, now=self._now())

        marked = self._change(key, mark, dry_run)
        return Deletion(marked, gone=not revising.held(marked))

    def _change(self, key: Key, step: Step, dry_run: bool) -> Resource:
        """Loads, steps, saves or removes, publishes; or, where the step changes nothing, does nothing."""
        with self._writer:
            with self._writing() as rows:
                stored = _found(rows, key)
                wanted = step(stored)
                if dry_run or revising.same(stored, wanted):
                    return _own(wanted)
                revision = rows.advance()
                wanted = revising.revised(wanted, revision)
                gone = revising.leaving(wanted) and not revising.held(wanted)
                if gone:
                    rows.remove(key)
                else:
                    rows.save(key, wanted)
            change_type = ChangeType.DELETED if gone else ChangeType.MODIFIED
            self._log.publish(Change(change_type, revision, key, wanted, stored))
        return _own(wanted)

    def revision(self) -> int:
        with self._reading() as rows:
            return rows.revision()

    def watch(
        self,
        kind: str | None = None,
        namespace: str | None = None,
        *,
        since: int | None = None,
        matches: Matches | None = None,
    ) -> Watch:
        # Under the write lock: a list may have seen a commit that is not published yet, and a watch that goes
        # on from there would look like one from the future.
        with self._writer:
            return LogWatch(self._log, self._log.head if since is None else since, kind, namespace, matches)

    def append_round(self, job: Key, uid: str, record: Mapping[str, Any]) -> bool:
        with self._writer, self._writing() as rows:
            return rows.add_round(job, uid, int(record["round"]), revising.clone(record))

    def rounds(
        self, job: Key, uid: str, *, after: int = -1, limit: int | None = None, newest: int | None = None
    ) -> RoundPage:
        with self._reading() as rows:
            if newest is not None:
                return RoundPage([_own(record) for record in rows.rounds(job, uid, after, newest, newest=True)])
            found = rows.rounds(job, uid, after, None if limit is None else limit + 1, newest=False)
        items = [_own(record) for record in found[:limit]]
        return RoundPage(items, items[-1]["round"] if limit and len(found) > limit else None)

    def histories(self) -> Sequence[History]:
        with self._reading() as rows:
            return rows.histories()

    def drop_rounds(self, job: Key, uid: str, rounds: Collection[int]) -> int:
        with self._writer, self._writing() as rows:
            return rows.drop_rounds(job, uid, rounds)

    def close(self) -> None:
        self._log.close()

    def _now(self) -> str:
        return format_time(self._clock())


def _found(rows: Rows, key: Key) -> Resource:
    resource = rows.load(key)
    if resource is None:
        raise NotFound(f'{key.kind} "{key.name}" not found', kind=key.kind, name=key.name)
    return resource


def _own(resource: Resource) -> Resource:
    """A copy for the caller: what the log and the memory store hold must not change under them."""
    copied: Resource = revising.clone(resource)
    return copied
