"""The last changes in order, and those who wait for the next.

`writing` publishes here after each commit; the HTTP door and the controllers hold `LogWatch`es. A watcher keeps
only a position in the one log, so a slow one costs no memory: it is told Gone once the log has moved on.
"""

from __future__ import annotations

import bisect
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from sedna_gm.errors import Gone
from sedna_gm.store.interface import Change, ChangeType, Matches, Watch


class WatchLog:
    """A bounded log of changes. It begins at `revision`: what happened before, nobody can ask for."""

    def __init__(self, revision: int, capacity: int) -> None:
        self._lock = threading.Lock()
        self._capacity = capacity
        self._changes: list[Change] = []
        self._floor = revision
        self._head = revision
        self._watches: set[LogWatch] = set()
        self._closed = False

    @property
    def head(self) -> int:
        """The revision of the last change published."""
        return self._head

    def publish(self, change: Change) -> None:
        """Adds a change and wakes whom it concerns. Revisions only grow: the store's write lock sees to that."""
        with self._lock:
            self._changes.append(change)
            self._head = change.revision
            # Dropping a whole capacity at a time keeps `publish` cheap; the log holds one to two capacities.
            if len(self._changes) >= 2 * self._capacity:
                del self._changes[: self._capacity]
                self._floor = self._changes[0].revision - 1
            watches = tuple(self._watches)
        for watch in watches:
            # Only those concerned: waking ten thousand sleepers for one change would cost more than asking them.
            if watch.concerns(change):
                watch.wake()

    def since(self, revision: int) -> tuple[Sequence[Change], int]:
        """The changes after `revision`, and the revision they reach to. Raises Gone."""
        with self._lock:
            self.check(revision)
            first = bisect.bisect_right(self._changes, revision, key=lambda change: change.revision)
            return self._changes[first:], self._head

    def check(self, revision: int) -> None:
        """Raises Gone for a revision before the log, or one that never was (the database is an older copy)."""
        if self._floor <= revision <= self._head:
            return
        # Clients of Kubernetes look for these very words before they list again.
        wrong = "too old resource version" if revision < self._floor else "resource version from the future"
        raise Gone(f"{wrong}: {revision} (the log of changes reaches from {self._floor} to {self._head}). List again.")

    def enter(self, watch: LogWatch) -> None:
        """From now on `watch` is woken; by a closed log, only to hear that it is closed."""
        with self._lock:
            self._watches.add(watch)
            closed = self._closed
        if closed:
            watch.close()

    def leave(self, watch: LogWatch) -> None:
        """From now on it is not."""
        with self._lock:
            self._watches.discard(watch)

    def close(self) -> None:
        """Ends every watch, and each that is opened from now on."""
        with self._lock:
            self._closed = True
            watches = tuple(self._watches)
        for watch in watches:
            watch.close()


class LogWatch(Watch):
    """One watcher's position in the log."""

    def __init__(
        self, log: WatchLog, since: int, kind: str | None, namespace: str | None, matches: Matches | None
    ) -> None:
        self._log = log
        self._revision = since
        self._kind = kind
        self._namespace = namespace
        self._matches = matches
        self._woken = threading.Event()
        self._closed = False
        # What was published before we entered the log is found by looking, not by being woken.
        self._woken.set()
        log.check(since)
        log.enter(self)

    @property
    def revision(self) -> int:
        return self._revision

    @property
    def closed(self) -> bool:
        return self._closed

    def concerns(self, change: Change) -> bool:
        """Whether this watcher will see anything of the change."""
        if self._kind is not None and change.key.kind != self._kind:
            return False
        if self._namespace is not None and change.key.namespace != self._namespace:
            return False
        return as_seen(change, self._matches) is not None

    def wait(self, timeout: float | None = None) -> Sequence[Change]:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            in_time = self._woken.wait(left)
            # Cleared before the log is read: a change published in between wakes us again, for nothing at worst.
            # The other order would sleep over it.
            self._woken.clear()
            if self._closed:
                self._woken.set()
                return ()
            if (changes := self._read()) or not in_time:
                return changes

    def _read(self) -> Sequence[Change]:
        changes, self._revision = self._log.since(self._revision)
        seen = (as_seen(change, self._matches) for change in changes if self.concerns(change))
        return [change for change in seen if change is not None]

    def wake(self) -> None:
        """Makes `wait` look at the log."""
        self._woken.set()

    def close(self) -> None:
        self._closed = True
        self._log.leave(self)
        self._woken.set()


def as_seen(change: Change, matches: Matches | None) -> Change | None:
    """The change in the eyes of somebody who sees only resources that match; None if it does not concern them."""
    if matches is None:
        return change
    before = change.previous is not None and matches(change.previous)
    after = change.type is not ChangeType.DELETED and matches(change.resource)
    if before and after:
        return change if change.type is ChangeType.MODIFIED else replace(change, type=ChangeType.MODIFIED)
    if after:
        return change if change.type is ChangeType.ADDED else replace(change, type=ChangeType.ADDED)
    if before:
        return change if change.type is ChangeType.DELETED else replace(change, type=ChangeType.DELETED)
    return None
