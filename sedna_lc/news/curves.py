"""A curve that never grows: of all that a training tells, as many points as a chart needs. Pure.

Whoever watches a training sees the newest point always and the first one for good; in between, points lie about
evenly, however long it takes. The GM keeps every state of a worker for a while, so a curve is small as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

MOST_POINTS = 50
"""Fewer than the type allows: they lie in the GM's memory once for each change that a watch may still ask for."""
MOST_NUMBERS = 200
"""So many numbers of metrics all points have together; with many metrics there are fewer points."""
MOST_METRICS = 10
"""So many metrics have a curve, the first by their names; of the others there is only the newest number."""
_FEWEST_POINTS = 3
_DIGITS = 6

Point = tuple[float, dict[str, float]]


def extended(curve: Sequence[Point], done: float, metrics: Mapping[str, float]) -> list[Point]:
    """Return the curve with one more point.

    `done` that is what it was replaces the last point; less than it was begins the curve anew, since the training has.
    """
    point = done, {name: _rounded(metrics[name]) for name in sorted(metrics)[:MOST_METRICS]}
    if curve and done < curve[-1][0]:
        return [point]
    kept = list(curve[:-1] if curve and done == curve[-1][0] else curve)
    # What was told of the same step before may have had other metrics (an epoch's loss, then its validation).
    if len(kept) < len(curve):
        together = {**curve[-1][1], **point[1]}
        point = done, {name: together[name] for name in sorted(together)[:MOST_METRICS]}
    return _thinned([*kept, point])


def joined(before: Sequence[Point], after: Sequence[Point]) -> list[Point]:
    """Return one curve of two, the later of which counts where both say something."""
    return _thinned([*(point for point in before if not after or point[0] < after[0][0]), *after])


def _thinned(curve: list[Point]) -> list[Point]:
    numbers = sum(len(values) for _, values in curve)
    while len(curve) > MOST_POINTS or (numbers > MOST_NUMBERS and len(curve) > _FEWEST_POINTS):
        # The one whose neighbours are nearest to each other is missed least.
        least = min(range(1, len(curve) - 1), key=lambda at: curve[at + 1][0] - curve[at - 1][0])
        numbers -= len(curve.pop(least)[1])
    return curve


def _rounded(number: float) -> float:
    return float(f"{number:.{_DIGITS}g}")
