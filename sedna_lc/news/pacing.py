"""How often the GM hears of how things stand, and when a training will be done. Pure.

Each telling is a write at the GM, kept for a while and sent to everybody who watches. So a long training is told
seldom: a hundredth of the time it has taken so far is still a live picture of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SHORTEST_SECONDS = 2.0
LONGEST_SECONDS = 60.0
INFERENCE_SECONDS = 60.0
_SHARE = 0.01
# Over so many of the last steps the pace is taken: the first ones of a training are slow, and hosts change.
REMEMBERED = 16


@dataclass(frozen=True)
class Step:
    """When, on a clock that only goes forward, how much was done."""

    seconds: float
    done: float


def pause(taken: float) -> float:
    """Return after how many seconds a training that has taken so many is told again."""
    return min(LONGEST_SECONDS, max(SHORTEST_SECONDS, taken * _SHARE))


def remembered(steps: Sequence[Step], step: Step) -> list[Step]:
    """Return the steps with a new one; anew where less is done than before."""
    if steps and step.done < steps[-1].done:
        return [step]
    if steps and step.done == steps[-1].done:
        return list(steps)
    return [*steps, step][-REMEMBERED:]


def seconds_left(steps: Sequence[Step], total: float | None, now: float) -> float | None:
    """Return in how many seconds all will be done at the pace of the last steps; None while nobody can say."""
    if total is None or not steps:
        return None
    first, last = steps[0], steps[-1]
    if last.done >= total:
        return 0.0
    if last.done <= first.done or last.seconds <= first.seconds:
        return None
    pace = (last.done - first.done) / (last.seconds - first.seconds)
    # What has passed since the last step counts, but no step is over before it is told.
    return max(0.0, (total - last.done) / pace - (now - last.seconds))
