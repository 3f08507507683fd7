"""The rules of reading and writing, once for every store.

A concrete store (`memory`, `sql`) gives rows in transactions; this module does on them what `interface`
promises, with the pure steps of `revising`, and publishes each accepted write to the `watchlog`. Those who write at
the same time share a transaction, which `gathering` sees to.
"""

from __future__ import annotations

import threading
import uuid
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sedna.api.times import format_time
from sedna_gm.errors import AlreadyExists, NotFound, StoreUnavailable
from sedna_gm.store import paging, revising
from sedna_gm.store.gathering import Gathering, Job
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
    Step,
    Store,
    Watch,
    key_of,
)
from sedna_gm.store.watchlog import LogWatch, WatchLog

Written = tuple[Any, Change | None]
"""What a write is answered with, and what it has changed."""


class Rows(Protocol):
    """What can be read in one transaction. A resource that `load` or `scan` gave may be shared: it is not changed."""

    def load(self, key: Key) -> Resource | None: ...

    def identity(self) -> str: ...

    def revision(self) -> int: ...

    def scan(self, kind: str, namespace: str | None, after: tuple[str, str] | None) -> Iterator[Resource]: ...

    def rounds(self, job: Key, uid: str, after: int, limit: int | None, newest: bool) -> list[Resource]: ...

    def histories(self) -> list[History]: ...


class WritableRows(Rows, Protocol):
    """What several writers share, one after the other.

    What is written between `begin` and `keep` or `undo` is kept or undone; the rest of the transaction is not touched.
    """

    def begin(self) -> None: ...

    def keep(self) -> None: ...

    def undo(self) -> None: ...

    def save(self, key: Key, resource: Resource) -> None: ...

    def remove(self, key: Key) -> None: ...

    def advance(self) -> int: ...

    def add_round(self, job: Key, uid: str, number: int, record: Mapping[str, Any]) -> bool: ...

    def drop_rounds(self, job: Key, uid: str, numbers: Collection[int]) -> int: ...


class RowStore(Store):
    """A store over rows. Writes are serial in one process: the counter and the log grow in the same order."""

    def __init__(self, clock: Clock, log_capacity: int, pause: Callable[[], None]) -> None:
        self._clock = clock
        self._writer = threading.RLock()
        self._gathering: Gathering[WritableRows] = Gathering(self._writer, self._perform, pause)
        with self._reading() as rows:
            self.identity = rows.identity()
            self._log = WatchLog(rows.revision(), log_capacity)

    @abstractmethod
    def _reading(self) -> AbstractContextManager[Rows]:
        """One consistent view of all rows."""

    @abstractmethod
    def _writing(self) -> AbstractContextManager[WritableRows]:
        """A transaction: all of it or nothing."""

    def _perform(self, jobs: Sequence[Job[WritableRows]]) -> None:
        """All of them in one transaction, each as if it were alone. Raises StoreUnavailable when nothing was kept."""
        done: list[tuple[Job[WritableRows], Written | Exception]] = []
        with self._writing() as rows:
            for job in jobs:
                rows.begin()
                try:
                    done.append((job, job.run(rows)))
                except StoreUnavailable:
                    raise
                except Exception as error:  # noqa: BLE001 - it is raised where the work was asked for
                    rows.undo()
                    done.append((job, error))
                else:
                    rows.keep()
        # Only now: who was refused because of what another has written is refused wrongly if that was not kept.
        for job, written in done:
            if isinstance(written, Exception):
                job.fail(written)
                continue
            result, change = written
            if change is not None:
                self._log.publish(change)
            job.succeed(result)

    def create(self, resource: Mapping[str, Any], *, dry_run: bool = False) -> Resource:
        key = key_of(resource)

        def work(rows: WritableRows) -> Written:
            if rows.load(key) is not None:
                raise AlreadyExists(f'{key.kind} "{key.name}" already exists.', kind=key.kind, name=key.name)
            fresh = revising.created(resource, uid=str(uuid.uuid4()), now=self._now())
            if dry_run:
                return fresh, None
            revision = rows.advance()
            fresh = revising.revised(fresh, revision)
            rows.save(key, fresh)
            return fresh, Change(ChangeType.ADDED, revision, key, fresh)

        return _own(self._gathering.do(work))

    def get(self, key: Key) -> Resource:
        return _own(_there(key, self._current(key)))

    def _current(self, key: Key) -> Resource | None:
        """The last version that was kept, which may be shared: it is not changed."""
        with self._reading() as rows:
            return rows.load(key)

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

    def change(self, key: Key, step: Step, *, status: bool = False, dry_run: bool = False) -> Resource:
        take = revising.with_status if status else revising.updated
        return self._change(key, lambda stored: take(stored, step(stored)), dry_run)

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

        def work(rows: WritableRows) -> Written:
            stored = _there(key, rows.load(key))
            wanted = step(stored)
            if dry_run or revising.same(stored, wanted):
                return wanted, None
            revision = rows.advance()
            wanted = revising.revised(wanted, revision)
            gone = revising.leaving(wanted) and not revising.held(wanted)
            if gone:
                rows.remove(key)
            else:
                rows.save(key, wanted)
            return wanted, Change(ChangeType.DELETED if gone else ChangeType.MODIFIED, revision, key, wanted, stored)

        return _own(self._gathering.do(work))

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

    @property
    def watches(self) -> int:
        return self._log.watches

    def append_round(self, job: Key, uid: str, record: Mapping[str, Any]) -> bool:
        copied = revising.clone(record)
        return bool(self._gathering.do(lambda rows: (rows.add_round(job, uid, int(record["round"]), copied), None)))

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
        return int(self._gathering.do(lambda rows: (rows.drop_rounds(job, uid, rounds), None)))

    def close(self) -> None:
        self._log.close()

    def _now(self) -> str:
        return format_time(self._clock())


def _there(key: Key, resource: Resource | None) -> Resource:
    if resource is None:
        raise NotFound(f'{key.kind} "{key.name}" not found', kind=key.kind, name=key.name)
    return resource


def _own(resource: Resource) -> Resource:
    """A copy for the caller: what the log and the memory store hold must not change under them."""
    copied: Resource = revising.clone(resource)
    return copied
