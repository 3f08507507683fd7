"""How the model that serves fares: inferences, exceptions, times, hard examples. Cheap enough for every inference.

`sedna.core.asking` keeps one `Measure` for each model; `sedna.core.guarding` judges what `summary` makes of it.
"""

from __future__ import annotations

import collections
import math
import threading

from sedna.core.guarding import Measured

# Times and hard examples count over so many of the last inferences: what was at night says nothing at noon.
_REMEMBERED = 512
_SLOWEST_SHARE = 0.95


class Measure:
    """The inferences of one model."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inferences = 0
        self._exceptions = 0
        # Seconds of each answer; below zero for a hard example. One entry for both is half of the cost.
        self._last: collections.deque[float] = collections.deque(maxlen=_REMEMBERED)

    def answered(self, seconds: float, is_hard: bool) -> None:
        """Count an answer."""
        with self._lock:
            self._inferences += 1
            self._last.append(-seconds if is_hard else seconds)

    def failed(self) -> None:
        """Count an exception."""
        with self._lock:
            self._inferences += 1
            self._exceptions += 1

    def summary(self) -> Measured:
        """Return the numbers as they are now."""
        with self._lock:
            last = list(self._last)
            inferences, exceptions = self._inferences, self._exceptions
        if not last:
            return Measured(inferences, exceptions)
        times = sorted(abs(one) for one in last)
        slow = times[math.ceil(_SLOWEST_SHARE * len(times)) - 1]
        hard = sum(math.copysign(1, one) < 0 for one in last)
        return Measured(inferences, exceptions, round(slow * 1000, 3), hard / len(last))
