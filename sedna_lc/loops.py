"""One queue per key: different keys at the same time, one key's acts in order, repeats folded.

`sedna_lc.reconcile` has one for its workers, `sedna_lc.artifacts` for what it sends and for what it fetches. A slow
act (copying a model) holds up its own key only; an error slows its own key down with growing pauses.
"""

from __future__ import annotations

import heapq
import logging
import threading
from collections.abc import Callable, Iterator

from sedna_lc.state.stores import Key

logger = logging.getLogger(__name__)

# More than workers that copy models or hash them at the same time on one host; the others take milliseconds.
_THREADS = 12

Step = Callable[[Key], float | None]
"""Does what is to be done for a key; returns seconds after which to look again, None for "when it is told"."""


class KeyedLoop:
    """Calls `step` for keys on threads of its own, never twice at once for one key."""

    def __init__(
        self,
        step: Step,
        pauses: Callable[[], Iterator[float]],
        monotonic: Callable[[], float],
        name: str = "Worker",
        threads: int = _THREADS,
    ) -> None:
        self._step = step
        self._name = name
        self._pauses = pauses
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._due: list[tuple[float, Key]] = []
        self._at: dict[Key, float] = {}
        self._running: set[Key] = set()
        self._again: set[Key] = set()
        self._failing: dict[Key, Iterator[float]] = {}
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._work, name=f"{name.lower()}-{number}", daemon=True)
            for number in range(threads)
        ]

    def start(self) -> None:
        """Begin to work."""
        for thread in self._threads:
            thread.start()

    def add(self, key: Key, after_seconds: float = 0.0) -> None:
        """Look at a key, now or later; an earlier wish that is still open stays the earlier one."""
        with self._changed:
            if after_seconds <= 0 and key in self._running:
                self._again.add(key)
                return
            self._schedule(key, self._monotonic() + after_seconds)

    def close(self, seconds: float = 2.0) -> None:
        """Finish the acts under way, for at most so long, and do no more."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        deadline = self._monotonic() + seconds
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - self._monotonic()))

    def _schedule(self, key: Key, at: float) -> None:
        if self._at.get(key, float("inf")) <= at:
            return
        self._at[key] = at
        heapq.heappush(self._due, (at, key))
        self._changed.notify()

    def _work(self) -> None:
        while (key := self._take()) is not None:
            try:
                seconds = self._step(key)
                self._failing.pop(key, None)
            except Exception:
                pause = self._failing.setdefault(key, self._pauses())
                seconds = next(pause)
                logger.exception(
                    "%s %s could not be looked after; again in %.1f s.", self._name, "/".join(key), seconds
                )
            with self._changed:
                self._running.discard(key)
                if key in self._again:
                    self._again.discard(key)
                    self._schedule(key, self._monotonic())
                elif seconds is not None:
                    self._schedule(key, self._monotonic() + seconds)

    def _take(self) -> Key | None:
        with self._changed:
            while not self._stopping:
                now = self._monotonic()
                key = self._pop(now)
                if key is not None:
                    self._running.add(key)
                    return key
                wait = min((at for at, _ in self._due), default=now + 3600) - now
                self._changed.wait(timeout=max(0.01, wait))
            return None

    def _pop(self, now: float) -> Key | None:
        while self._due and self._due[0][0] <= now:
            at, key = heapq.heappop(self._due)
            if self._at.get(key) != at:
                # Replaced by an earlier one, which has been taken already.
                continue
            if key in self._running:
                # Its turn comes when the act under way has ended.
                self._again.add(key)
                del self._at[key]
                continue
            del self._at[key]
            return key
        return None
