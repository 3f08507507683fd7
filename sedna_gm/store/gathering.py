"""Writers that come at the same time are served together: one transaction, one wait for the disk, for all of them.

`writing` brings each write here as a job. Whoever gets the lock first does the jobs of all who have come by then, each
as if it were alone, and nobody goes on before the disk has what theirs has written.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from typing import Any, Generic, TypeVar

from sedna_gm.errors import StoreUnavailable

Rows = TypeVar("Rows")

# More would keep those waiting who only read; one sync of a disk is shared well enough by so many.
MOST_TOGETHER = 64


class Job(Generic[Rows]):
    """What one writer wants, and what has come of it."""

    __slots__ = ("_context", "_error", "_result", "_work", "done")

    def __init__(self, work: Callable[[Rows], Any]) -> None:
        # Another writer's thread may do it, and the work may ask which request it belongs to.
        self._context: Context = copy_context()
        self._work = work
        self._result: Any = None
        self._error: BaseException | None = None
        self.done = False

    def run(self, rows: Rows) -> Any:
        """Do the work, as its writer."""
        return self._context.run(self._work, rows)

    def succeed(self, result: Any) -> None:
        """It is on the disk."""
        self._result, self.done = result, True

    def fail(self, error: BaseException) -> None:
        """Nothing of it was kept."""
        self._error, self.done = error, True

    def outcome(self) -> Any:
        """What the work has returned, or raises what was raised instead."""
        if self._error is not None:
            raise self._error
        return self._result


class Gathering(Generic[Rows]):
    """`perform` is given jobs in the order they came, with the lock held, and says of each what has come of it.

    `pause` lets those come whose requests are there already; without it, one fast client would be served again and
    again while the others wait.
    """

    def __init__(
        self,
        lock: threading.RLock,
        perform: Callable[[Sequence[Job[Rows]]], None],
        pause: Callable[[], None],
    ) -> None:
        self._lock = lock
        self._perform = perform
        self._pause = pause
        self._waiting: deque[Job[Rows]] = deque()
        self._performing = False

    def do(self, work: Callable[[Rows], Any]) -> Any:
        """Have it done, by oneself or by another; returns what `perform` says has come of it, or raises that."""
        job = Job(work)
        self._waiting.append(job)
        try:
            self._pause()
            with self._lock:
                if self._performing:
                    # Only its own work can come here while it has the lock: that would end the transaction under it.
                    raise RuntimeError("A write within a write; this is a bug.")
                while not job.done:
                    self._take_some()
        except BaseException:
            # The writer is ended while it waits: nobody shall do its work at some later time.
            with contextlib.suppress(ValueError):
                self._waiting.remove(job)
            raise
        return job.outcome()

    def _take_some(self) -> None:
        jobs = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_TOGETHER))]
        self._performing = True
        try:
            self._perform(jobs)
        except StoreUnavailable as error:
            _fail(jobs, error)
        finally:
            self._performing = False
            # By a bug, or when the one who does them is ended: the others must not wait for it for ever.
            _fail(jobs, None)


def _fail(jobs: Sequence[Job[Rows]], cause: StoreUnavailable | None) -> None:
    for job in jobs:
        if not job.done:
            error = StoreUnavailable()
            # Each its own: an exception that is raised by several at once collects all their stacks.
            error.__cause__ = None if cause is None else cause.__cause__
            job.fail(error)


def let_others_come() -> None:
    """The pause of a service in gevent's loop, as its patched `sleep` makes it; of plain threads, a breath."""
    # Through the loop, so that it looks at all connections: switches alone would serve those that it knows already,
    # fifty times before it looks again. Then once round those that it has found.
    time.sleep(1e-6)
    time.sleep(0)
