"""Counts what an inference worker answers, over all models that it serves, and says so now and then.

`sedna.core.asking` counts every answer; `sedna.core.base` has `InferenceTeller` tell what `Meter.summary` makes of it.
`measuring` counts for one model, to judge it; here it is for people who watch.
"""

from __future__ import annotations

import collections
import math
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any

from sedna.common.log import LOGGER

TELL_SECONDS = 15.0
_CLOSE_SECONDS = 5.0
_REMEMBERED = 512
_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


class Meter:
    """The inferences of this process."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(timezone.utc)) -> None:
        self._lock = threading.Lock()
        self._since = now().strftime("%Y-%m-%dT%H:%M:%SZ")
        self._count = 0
        self._hard = 0
        # Seconds of each answer; below zero for a hard example, as in `measuring`.
        self._last: collections.deque[float] = collections.deque(maxlen=_REMEMBERED)

    @property
    def count(self) -> int:
        """How many answers there were."""
        return self._count

    def answered(self, seconds: float, is_hard: bool) -> None:
        """Count an answer."""
        with self._lock:
            self._count += 1
            self._hard += is_hard
            self._last.append(-seconds if is_hard else seconds)

    def summary(self, per_second: float) -> dict[str, Any]:
        """What there was since the process began, and of the last 512: the share of hard ones, seconds each took."""
        with self._lock:
            last, count, hard = list(self._last), self._count, self._hard
        told: dict[str, Any] = {"count": count, "hard": hard, "perSecond": round(per_second, 3), "since": self._since}
        if last:
            told["hardShare"] = round(sum(math.copysign(1, one) < 0 for one in last) / len(last), 4)
            told["latencySeconds"] = quantiles([abs(one) for one in last])
        return told


def quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return p50, p95 and p99: so many in a hundred take at most that long. `seconds` is not empty."""
    times = sorted(seconds)
    return {name: round(times[math.ceil(share * len(times)) - 1], 6) for name, share in _SHARES.items()}


class InferenceTeller:
    """Tells every few seconds what a meter has counted, while it counts, and once more when nothing comes."""

    def __init__(
        self,
        meter: Meter,
        tell: Callable[[dict[str, Any]], None],
        *,
        every: float = TELL_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._meter = meter
        self._tell = tell
        self._every = every
        self._monotonic = monotonic
        self._stop = threading.Event()
        self._told = (0, monotonic())
        self._idle = True
        self._thread = threading.Thread(target=self._run, name="sedna-inferences", daemon=True)

    def start(self) -> None:
        """Begin to tell."""
        self._thread.start()

    def close(self) -> None:
        """Tell no more, and leave no thread behind."""
        self._stop.set()
        # Telling hands on to the background sender, so this takes no time. A fork has no such thread.
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(_CLOSE_SECONDS)

    def look(self) -> None:
        """Tell what is new since the last look, if anything is."""
        count, now = self._meter.count, self._monotonic()
        before, then = self._told
        self._told = count, now
        if count == before and self._idle:
            return
        self._idle = count == before
        self._tell(self._meter.summary((count - before) / (now - then) if now > then else 0.0))

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            try:
                self.look()
            except Exception:  # noqa: BLE001 - a service does not depend on being watched
                LOGGER.debug("What was counted could not be told.", exc_info=True)
