"""Anti-aliased strokes on a canvas that remember how far they reached.

Everything that `scenes.people`, `scenes.hats` and `scenes.things` put into a picture goes through a `Brush`, so a label
is the extent of what was really painted, never a guess beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]
Colour = tuple[int, int, int]
Point = tuple[float, float]

# cv2 takes fixed-point coordinates: 4 fractional bits move a figure by a sixteenth of a pixel between video frames.
_BITS = 4
_ONE = 1 << _BITS


def shade(colour: Sequence[float], factor: float) -> Colour:
    """The colour (blue, green, red; 0-255) made lighter (factor above 1) or darker."""
    blue, green, red = (int(min(255.0, max(0.0, channel * factor))) for channel in colour)
    return blue, green, red


def _fixed(point: Point) -> tuple[int, int]:
    return round(point[0] * _ONE), round(point[1] * _ONE)


@dataclass
class Brush:
    """Paints on `canvas` (height, width, 3; uint8, changed in place) and keeps the extent in `box`, pixels."""

    canvas: Image
    box: list[float] = field(default_factory=lambda: [np.inf, np.inf, -np.inf, -np.inf])

    def _reach(self, points: Iterable[Point], margin: float = 0.0) -> None:
        for x, y in points:
            self.box[0] = min(self.box[0], x - margin)
            self.box[1] = min(self.box[1], y - margin)
            self.box[2] = max(self.box[2], x + margin)
            self.box[3] = max(self.box[3], y + margin)

    def limb(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A round stroke through the points with a lit upper left side."""
        self.stroke(points, width, shade(colour, 0.78))
        if width >= 3:
            shift = width * 0.14
            self.stroke([(x - shift, y - shift * 0.5) for x, y in points], width * 0.62, shade(colour, 1.08))

    def stroke(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A plain line through the points."""
        thick = max(1, round(width))
        line = np.array([_fixed(point) for point in points], np.int32)
        cv2.polylines(self.canvas, [line], False, colour, thick, cv2.LINE_AA, _BITS)
        self._reach(points, thick / 2)

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled polygon; it need not be convex."""
        cv2.fillPoly(self.canvas, [np.array([_fixed(p) for p in points], np.int32)], colour, cv2.LINE_AA, _BITS)
        self._reach(points)

    def rectangle(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """A filled upright rectangle."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour)

    def ellipse(
        self,
        centre: Point,
        axes: Point,
        colour: Colour,
        *,
        angle: float = 0.0,
        arc: tuple[float, float] = (0.0, 360.0),
    ) -> None:
        """A filled ellipse, or the part of it between two angles (degrees, clockwise from three o'clock)."""
        outline = ellipse_points(centre, axes, angle, arc)
        self.polygon(outline, colour)


def ellipse_points(centre: Point, axes: Point, angle: float, arc: tuple[float, float]) -> list[Point]:
    """Points on an ellipse's outline; `angle` tilts it (degrees), `arc` bounds it."""
    steps = 20 if arc[1] - arc[0] > 200 else 14
    turn = np.radians(np.linspace(arc[0], arc[1], steps))
    tilt = np.radians(angle)
    across, down = axes[0] * np.cos(turn), axes[1] * np.sin(turn)
    xs = centre[0] + across * np.cos(tilt) - down * np.sin(tilt)
    ys = centre[1] + across * np.sin(tilt) + down * np.cos(tilt)
    return list(zip(xs.tolist(), ys.tolist(), strict=True))
