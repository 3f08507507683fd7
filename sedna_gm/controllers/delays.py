"""How long to wait after the n-th failure in a row: used for keys that err, rounds that fail, workers that end."""

from __future__ import annotations

from collections.abc import Callable


def doubling(first: float, limit: float) -> Callable[[int], float]:
    """Delays that double from `first` to at most `limit` seconds."""

    def delay(count: int) -> float:
        # 2 ** 64 would overflow nothing but patience: the limit is reached long before.
        return min(limit, first * 2.0 ** min(count - 1, 64))

    return delay
