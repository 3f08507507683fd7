"""The last changes in order, and those who wait for the next.

`writing` publishes here after each commit; the HTTP door and the controllers hold `LogWatch`es. A watcher keeps only a
position in the one log, so a slow one costs no memory: it is told Gone once the log has moved on. Of ten thousand
watches, one for each node, a change is shown to those only that ask for its node.
"""

from __future__ import annotations

import bisect
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from sedna_gm.errors import Gone
from sedna_gm.store.interface import Change, ChangeType, Matches, Watch
from sedna_gm.store.selecting import Selection, field_value

# The one field that every node's watches ask for. Watches are sorted by it, others are shown every change.
_SORTED_BY = "spec.nodeName"


class WatchLog:
    """A bounded log of changes. It begins at `revision`: what happened before, nobody can ask for."""

    def __init__(self, revision: int, capacity: int) -> None:
        self._lock = threading.Lock()
        self._capacity = capacity
        self._changes: list[Change] = []
        self._floor = revision
        self._head = revision
        self._watches: dict[str | None, set[LogWatch]] = {}
        self._closed = False

    @property
    def head(self) -> int:
        """The revision of the last change published."""
        return self._head

    @property
    def watches(self) -> int:
        """How many watches are open."""
        return sum(map(len, self._watches.values()))

    def publish(self, change: Change) -> None:
        """Adds a change and wakes whom it concerns. Revisions only grow: the store's write lock sees to that."""
        with self._lock:
            self._changes.append(change)
            self._head = change.revision
            # Dropping a whole capacity at a time keeps `publish` cheap; the log holds one to two capacities.
            if len(self._changes) >= 2 * self._capacity:
                del self._changes[: self._capacity]
                self._floor = self._changes[0].revision - 1
            watches = [watch for place in _places(change) for watch in self._watches.get(place, ())]
            # Only those concerned: waking a thousand sleepers for one change would cost more than asking them.
            concerned = [watch for watch in watches if watch.concerns(change)]
            for watch in concerned:
                watch.behind = True
        for watch in concerned:
            watch.wake()

    def read(self, watch: LogWatch) -> Sequence[Change]:
        """The changes that a watch has not seen yet, and moves it on to the head. Raises Gone."""
        with self._lock:
            found: Sequence[Change] = ()
            if watch.behind:
                self.check(watch.revision)
                first = bisect.bisect_right(self._changes, watch.revision, key=lambda change: change.revision)
                found = self._changes[first:]
            # What did not concern it, ten thousand watches need not read to know it.
            watch.behind, watch.revision = False, self._head
            return found

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
            self._watches.setdefault(watch.place, set()).add(watch)
            watch.behind = watch.revision < self._head
            closed = self._closed
        if closed:
            watch.close()

    def leave(self, watch: LogWatch) -> None:
        """From now on it is not."""
        with self._lock:
            if (present := self._watches.get(watch.place)) is not None:
                present.discard(watch)
                if not present:
                    del self._watches[watch.place]

    def close(self) -> None:
        """Ends every watch, and each that is opened from now on."""
        with self._lock:
            self._closed = True
            watches = [watch for present in self._watches.values() for watch in present]
        for watch in watches:
            watch.close()


def _places(change: Change) -> Iterator[str | None]:
    """Where the watches are that a change may concern: those for all nodes, for its node, and for the one before."""
    yield None
    node = field_value(change.resource, _SORTED_BY)
    yield node
    if change.previous is not None and (before := field_value(change.previous, _SORTED_BY)) != node:
        yield before


class LogWatch(Watch):
    """One watcher's position in the log."""

    __slots__ = (
        "_closed",
        "_kind",
        "_listener",
        "_log",
        "_matches",
        "_namespace",
        "_revision",
        "_woken",
        "behind",
        "place",
    )

    def __init__(
        self, log: WatchLog, since: int, kind: str | None, namespace: str | None, matches: Matches | None
    ) -> None:
        self._log = log
        self._revision = since
        self._kind = kind
        self._namespace = namespace
        self._matches = matches
        self.place = matches.fields.get(_SORTED_BY) if isinstance(matches, Selection) else None
        # Who subscribes needs none; with a condition and its lock it is most of a watch.
        self._woken: threading.Event | None = None
        self._listener: Callable[[], None] | None = None
        self._closed = False
        self.behind = False
        """Whether the log has something for it. The log sets it, under its lock."""
        log.check(since)
        log.enter(self)

    @property
    def revision(self) -> int:
        return self._revision

    @revision.setter
    def revision(self, reached: int) -> None:
        self._revision = reached

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
        if self._woken is None:
            # What was published before is found by looking, not by being woken.
            self._woken = threading.Event()
            self._woken.set()
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

    def read(self) -> Sequence[Change]:
        return () if self._closed else self._read()

    def subscribe(self, listener: Callable[[], None]) -> None:
        self._listener = listener
        if self._closed or self.behind:
            listener()

    def _read(self) -> Sequence[Change]:
        seen = (as_seen(change, self._matches) for change in self._log.read(self) if self.concerns(change))
        return [change for change in seen if change is not None]

    def wake(self) -> None:
        """Makes `wait` look at the log, and tells who has subscribed."""
        if self._woken is not None:
            self._woken.set()
        if self._listener is not None:
            self._listener()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._log.leave(self)
            self.wake()


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
