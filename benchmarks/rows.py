"""What one claim is, and what was found: a row of the table.

Groups make rows; `tables` prints them, `results` writes them down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

# A figure missed by less than this share is told as held: clocks and neighbours make as much.
_ROUNDING = 0.005


@dataclass(frozen=True)
class Aim:
    """The figure wanted: a number, and which side of it is good."""

    figure: float
    at_most: bool = True

    def share_missed(self, value: float) -> float:
        """By what share of the figure a value misses it; 0 when it does not."""
        beyond = value - self.figure if self.at_most else self.figure - value
        if math.isnan(value):
            return math.inf
        return max(0.0, beyond / abs(self.figure) if self.figure else beyond)

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.figure:,g}"


@dataclass(frozen=True)
class Curve:
    """A cost at several sizes, for a picture: `points` are (size, cost)."""

    name: str
    of: str
    """What the sizes count, such as samples."""
    unit: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Row:
    """One claim, measured."""

    name: str
    value: float
    unit: str
    how: str
    """How it was measured, in a sentence."""
    aim: Aim | None = None
    """The figure wanted of us; None: it is told for comparison only."""
    original: str = "–"
    """What the original has, as published in its measurements; its unit included."""
    more: dict[str, Any] = field(default_factory=dict)
    """What else was found: percentiles, baselines of the same run, ratios to them. Goes into the results only."""
    curve: Curve | None = None
    missing: str = ""
    """Why it was not measured here, and how it can be; `value` is NaN then. Empty: it was measured."""

    @property
    def verdict(self) -> str:
        """Whether the figure is reached, and by how much it is not."""
        if self.missing:
            return f"not measured: {self.missing}"
        if self.aim is None:
            return "told"
        missed = self.aim.share_missed(self.value)
        if missed <= _ROUNDING:
            return "holds"
        return f"misses by {missed:.0%}" if self.aim.figure else f"misses by {missed:g} {self.unit}"

    @property
    def holds(self) -> bool:
        """Whether nothing is missed."""
        return self.verdict in ("holds", "told")


@dataclass(frozen=True)
class Size:
    """How much is measured: all of it, or just enough to see that the measurement still works."""

    small: bool = False

    def pick(self, whole: int, small: int) -> int:
        """Return the number for this size."""
        return small if self.small else whole


def median(values: Sequence[float]) -> float:
    """Return the middle one."""
    return share(values, 0.5)


def share(values: Sequence[float], of: float) -> float:
    """Return the value that so many of all are not above, such as 0.99."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(of * len(ordered)) - 1)]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of log(cost) over log(size) by least squares: 0 is flat, 1 is proportional."""
    logs = [(math.log(size), math.log(cost)) for size, cost in points]
    x, y = (sum(column) / len(logs) for column in zip(*logs, strict=True))
    return float(sum((a - x) * (b - y) for a, b in logs) / sum((a - x) ** 2 for a, _ in logs))
