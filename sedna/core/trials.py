"""A new model on trial: it serves, is watched for its guard's window, and gives way when it breaks a limit.

`sedna.core.base` begins one when it has changed the model; `sedna.core.guarding` judges. The verdict about an
exception falls at once, on the thread of the inference that met it, so that not even the next input meets a model
that is known to fail; the other limits are looked at every second, on a thread that ends with the window.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sedna.backend import BackendBase
from sedna.core.guarding import Limits, Measured, describe, judge
from sedna.core.measuring import Measure

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0

WATCHING, PASSED, ROLLED_BACK = "Watching", "Passed", "RolledBack"
"""What a report says of a trial: the `state` of its result."""


@dataclass(frozen=True)
class Served:
    """A model that serves, or did before: what answers, how it fares, and what a report says of it."""

    estimator: BackendBase
    described: dict[str, str] = field(default_factory=dict)
    measure: Measure = field(default_factory=Measure)


class Trial:
    """One window of one model.

    `old` is the last good model, if it is in memory; `before` how it fared. `give_way()` puts it back (or does nothing,
    where the LocalController will start the worker again with it); `tell(state, sentence)` reports the end.
    """

    def __init__(
        self,
        limits: Limits,
        new: Served,
        old: Served | None,
        before: Measured | None,
        *,
        give_way: Callable[[], None],
        tell: Callable[[str, str], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.new = new
        self.limits = limits
        self._old = old
        self._before = before
        self._give_way = give_way
        self._tell = tell
        self._monotonic = monotonic
        self._ends = monotonic() + limits.window_seconds
        self._lock = threading.Lock()
        self._verdict: str | None = None
        self._over = False
        self._news = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def substitute(self) -> Served | None:
        """Who answers an input on which the new model raises: the last good one, where exceptions are limited.

        Where they are not, they are the script's own matter; answering them in silence would make a model that
        raises at every input look like a good one.
        """
        return self._old if self.limits.max_exceptions is not None else None

    def start(self) -> None:
        """Watch from now on, in the background; more calls do nothing."""
        if self._thread is not None:
            return
        self._thread = threading.Thread(target=self._run, name="sedna-trial", daemon=True)
        self._thread.start()

    def failed(self) -> None:
        """The new model has raised: count it, and take it back at once if that was once too often."""
        self.new.measure.failed()
        self._decide()

    def look(self) -> float | None:
        """Judge, and report the end if it has come; the seconds until the next look, None after the end."""
        self._decide()
        with self._lock:
            verdict, left = self._verdict, self._ends - self._monotonic()
            if self._over:
                return None
            if verdict is None and left > 0:
                return min(left, _LOOK_SECONDS)
            self._over = True
        if verdict is not None:
            logger.error("The new model %s is taken back: %s.", self.new.described.get("url", ""), verdict)
            self._tell(ROLLED_BACK, f"{verdict}.")
        else:
            self._tell(PASSED, describe(self.limits, self.new.measure.summary(), self._before))
        return None

    def abandon(self) -> None:
        """End it, since another model takes its place; a verdict that has fallen is still reported."""
        with self._lock:
            if self._verdict is None:
                self._over = True
        self._news.set()

    def close(self) -> None:
        """As `abandon`, and wait until a verdict is reported."""
        self.abandon()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _decide(self) -> None:
        with self._lock:
            if self._over or self._verdict is not None:
                return
            self._verdict = judge(self.limits, self.new.measure.summary(), self._before)
            if self._verdict is None:
                return
            # Nothing here waits: an inference may be what has brought the verdict, and goes on with the last good one.
            self._give_way()
        self._news.set()

    def _run(self) -> None:
        while (pause := self.look()) is not None:
            self._news.wait(pause)
