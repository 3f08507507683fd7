"""One queue per key: keys run in parallel, one key in order, repeats fold into one.

`watching` adds keys as resources change; the threads of `Workers` take them and call a controller, which answers
when to look again. An error slows down its own key, with growing delay, and nobody else.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections import deque
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

_LOG = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)

LONGEST_NAP = 30.0
"""Seconds. Delays are told by the wall clock; when it is set forward, nobody sleeps longer than this too long."""

_SET_BACK = timedelta(seconds=1)
"""By so much the clock must have gone back to be called set back; threads read it a little out of order."""


class Queue(Generic[K]):
    """Keys that want attention, now or later. A key that is being handled is given out to no second thread."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._ready: deque[K] = deque()
        self._waiting: set[K] = set()
        self._handled: set[K] = set()
        self._later: dict[K, datetime] = {}
        self._heap: list[tuple[datetime, int, K]] = []
        self._held: dict[K, datetime] = {}
        self._order = itertools.count()
        self._newest = clock()
        self._closed = False

    def add(self, key: K) -> None:
        """Wants the key looked at as soon as possible; while it is held, when the hold ends."""
        with self._changed:
            until = self._held.get(key)
            if until is not None and until > self._clock():
                self._postpone(key, until)
            else:
                self._make_ready(key)

    def add_at(self, key: K, when: datetime) -> None:
        """Wants the key looked at then. The latest word counts: it replaces an earlier `add_at` of the key."""
        with self._changed:
            self._postpone(key, max(when, self._held.get(key, when)))

    def hold(self, key: K, until: datetime) -> None:
        """Gives the key to nobody before `until`, then once."""
        with self._changed:
            self._held[key] = until
            if key in self._waiting:
                # It was added again while it was being handled; that wish waits as well.
                self._waiting.discard(key)
                self._ready = deque(other for other in self._ready if other != key)
            self._postpone(key, until)

    def take(self, timeout: float | None = None) -> K | None:
        """The next key, to be given back by `done`; None when the queue was closed or after `timeout` seconds."""
        with self._changed:
            ends = None if timeout is None else self._clock() + timedelta(seconds=timeout)
            while not self._closed:
                self._promote()
                if self._ready:
                    key = self._ready.popleft()
                    self._waiting.discard(key)
                    self._handled.add(key)
                    # Looking at it now is looking at it in time; who handles it says when to look again.
                    self._later.pop(key, None)
                    return key
                nap = self._nap()
                if ends is not None:
                    left = (ends - self._clock()).total_seconds()
                    if left <= 0:
                        return None
                    nap = min(nap, left)
                self._changed.wait(nap)
            return None

    def done(self, key: K) -> None:
        """The key was handled. If it was added meanwhile, its turn comes again."""
        with self._changed:
            self._handled.discard(key)
            if key in self._waiting:
                self._ready.append(key)
                self._changed.notify()

    def due(self, key: K) -> datetime | None:
        """When the key is looked at again without being added; for tests and for the curious."""
        with self._changed:
            return self._later.get(key)

    @property
    def depth(self) -> tuple[int, int]:
        """How many keys want attention now, and how many later."""
        with self._changed:
            return len(self._waiting), len(self._later)

    def wake(self) -> None:
        """Looks at the clock again, which a test has moved."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Wakes every waiting thread with None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _make_ready(self, key: K) -> None:
        self._later.pop(key, None)
        self._held.pop(key, None)
        if key in self._waiting:
            return
        self._waiting.add(key)
        if key not in self._handled:
            self._ready.append(key)
            self._changed.notify()

    def _postpone(self, key: K, when: datetime) -> None:
        self._later[key] = when
        heapq.heappush(self._heap, (when, next(self._order), key))
        # Entries that a later word replaced stay in the heap; before they outnumber the living, they are swept.
        if len(self._heap) > 64 + 2 * len(self._later):
            self._heap = [(due, next(self._order), key) for key, due in self._later.items()]
            heapq.heapify(self._heap)
        self._changed.notify()

    def _promote(self) -> None:
        now = self._clock()
        if now < self._newest - _SET_BACK:
            # Every appointment was made by a clock that was ahead: hours may be to go until then. Looking too early
            # does no harm, for whoever looks says anew when to look again.
            for key in list(self._later):
                self._make_ready(key)
            self._heap.clear()
            self._newest = now
        self._newest = max(self._newest, now)
        while self._heap and self._heap[0][0] <= now:
            when, _, key = heapq.heappop(self._heap)
            if self._later.get(key) == when:
                self._make_ready(key)

    def _nap(self) -> float:
        while self._heap and self._later.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        if not self._heap:
            return LONGEST_NAP
        left = (self._heap[0][0] - self._clock()).total_seconds()
        return min(max(left, 0.0), LONGEST_NAP)


class Workers(Generic[K]):
    """Threads that take keys and hand each to `handle`, which returns when to look at it again, or None.

    `delay` gives the seconds to hold a key after its n-th error in a row (n counts from 1). Errors of the
    `expected` types are outages, which name themselves; any other is a bug and is logged with its traceback.
    """

    def __init__(
        self,
        queue: Queue[K],
        handle: Callable[[K], datetime | None],
        *,
        threads: int,
        delay: Callable[[int], float],
        clock: Callable[[], datetime],
        expected: tuple[type[Exception], ...] = (),
        name: str = "controller",
    ) -> None:
        self._queue = queue
        self._handle = handle
        self._delay = delay
        self._clock = clock
        self._expected = expected
        self._errors: dict[K, int] = {}
        self._failing = threading.Lock()
        self.failures = 0
        """How often handling a key has failed, of all keys."""
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True) for number in range(1, threads + 1)
        ]

    def start(self) -> None:
        """Starts the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Closes the queue and waits for what is being handled."""
        self._queue.close()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout)

    def handle_next(self, timeout: float | None = None) -> bool:
        """Handles one key in the caller's thread. False when there was none."""
        key = self._queue.take(timeout)
        if key is None:
            return False
        try:
            again = self._handle(key)
        except Exception as error:  # noqa: BLE001 - whatever a controller raises, the other keys go on
            self._hold(key, error)
        else:
            self._errors.pop(key, None)
            if again is not None:
                self._queue.add_at(key, again)
        finally:
            self._queue.done(key)
        return True

    def _hold(self, key: K, error: Exception) -> None:
        with self._failing:
            self.failures += 1
        count = self._errors[key] = self._errors.get(key, 0) + 1
        seconds = self._delay(count)
        _LOG.error(
            "Handling %s failed %d times in a row, it is tried again in %.1f s: %s",
            key,
            count,
            seconds,
            error,
            exc_info=None if isinstance(error, self._expected) else error,
        )
        self._queue.hold(key, self._clock() + timedelta(seconds=seconds))

    def _run(self) -> None:
        while self.handle_next():
            pass
