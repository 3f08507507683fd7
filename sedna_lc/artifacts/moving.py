"""Many blobs over one line: a few at a time, counted, and stopped at once when nobody needs them any more.

Used in both directions, by `keeping` and `fetching`. A picture costs a question and an answer rather than its bytes,
so several are under way; more than a few would only take turns on a thin line.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable

from sedna.api.quantities import size_text
from sedna_lc.artifacts.blobs import Blob, Told
from sedna_lc.errors import LcError

THREADS = 4
# As often as a person, or a status, can follow: at every twentieth, yet not more than twice a second, and every two
# seconds where a twentieth takes longer.
_SHARE = 20
_SHORTEST_SECONDS, _LONGEST_SECONDS = 0.5, 2.0


class Stopped(LcError):
    """Whoever wanted it does not want it any more, or this program ends."""


class Meter:
    """Counts what has been moved of a whole; safe for many threads."""

    def __init__(
        self,
        total: int,
        done: int,
        tell: Callable[[int], None],
        going: Callable[[], None],
        monotonic: Callable[[], float],
    ) -> None:
        """`tell` hears the bytes so far, at a modest pace; `going` is asked at every piece and raises Stopped."""
        self._total = total
        self.done = done
        self._tell = tell
        self._going = going
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._told_at = monotonic()
        self._told = done

    def follow(self, begin: int) -> Told:
        """Return what is to be told of one blob, of which `begin` bytes were counted before."""
        last = begin

        def told(now: int) -> None:
            nonlocal last
            self._going()
            with self._lock:
                self.done += now - last
                last = now
                if self.done == self._told or not self._is_due():
                    return
                self._told_at, self._told = self._monotonic(), self.done
                done = self.done
            self._tell(done)

        return told

    def _is_due(self) -> bool:
        seconds = self._monotonic() - self._told_at
        share = (self.done - self._told) * _SHARE >= self._total
        return seconds >= (_SHORTEST_SECONDS if share else _LONGEST_SECONDS)


def move_all(blobs: Iterable[Blob], move: Callable[[Blob], None], threads: int = THREADS) -> None:
    """Move blobs, a few at a time; the first error ends it when those under way have ended, and is raised."""
    waiting = deque(blobs)
    problems: list[Exception] = []

    def work() -> None:
        while waiting and not problems:
            try:
                blob = waiting.popleft()
            except IndexError:
                return
            try:
                move(blob)
            except Exception as problem:  # noqa: BLE001 - not swallowed: raised where the others are waited for
                problems.append(problem)

    # Daemons, unlike those of a pool: one that hangs on a dead line must not hold up the end of this program.
    workers = [
        threading.Thread(target=work, name=f"blobs-{number}", daemon=True)
        for number in range(min(threads, len(waiting)))
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if problems:
        raise problems[0]


def amount(done: int, total: int) -> str:
    """Say how much of a whole there is: `12 of 40 MB`, `812 kB of 1.4 MB`."""
    first, whole = size_text(done), size_text(total)
    number, _, unit = first.partition(" ")
    return f"{number if whole.endswith(f' {unit}') else first} of {whole}"
