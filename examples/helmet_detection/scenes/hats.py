"""What people of the site wear on their heads, and helmets that nobody wears.

`scenes.people` calls `bare_head` or `helmet_on`; `scenes.staging` puts `loose_helmet`s about. All sizes are in pixels.
"""

from __future__ import annotations

import math

import numpy as np

from scenes.brushes import Brush, Colour, Point, ellipse_points, shade

HAIR: tuple[Colour, ...] = ((30, 32, 40), (35, 55, 85), (60, 90, 130), (95, 150, 190), (140, 140, 145))
WOOL: tuple[Colour, ...] = ((45, 40, 45), (110, 70, 50), (60, 60, 130), (60, 95, 65), (70, 120, 160))


def face(brush: Brush, centre: Point, size: float, skin: Colour, facing: float, towards: bool) -> None:
    """A head seen from the front (`towards`), the back or the side (`facing` -1 left to 1 right)."""
    x, y = centre
    brush.ellipse(centre, (size * 0.74, size * 0.95), shade(skin, 0.86))
    brush.ellipse((x - size * 0.1, y - size * 0.05), (size * 0.58, size * 0.78), skin)
    if size < 6 or not (towards or abs(facing) > 0.4):
        return
    eye = shade(skin, 0.3)
    look = facing * size * 0.32
    for side in (-1, 1):
        if abs(facing) < 0.6 or side == np.sign(facing):
            brush.ellipse((x + look + side * size * 0.26, y), (size * 0.09, size * 0.1), eye)
    brush.stroke([(x + look - size * 0.16, y + size * 0.5), (x + look + size * 0.16, y + size * 0.5)], 1, eye)


def helmet_on(brush: Brush, centre: Point, size: float, colour: Colour, facing: float) -> None:
    """A hard hat on a head of half-height `size`: dome, ridge, brim towards where the wearer looks."""
    x, y = centre
    rim = y - size * 0.22
    dome = (size * 0.98, size * 1.0)
    brush.ellipse((x, rim), dome, shade(colour, 0.72), arc=(180, 360))
    brush.ellipse((x - size * 0.1, rim), (dome[0] * 0.84, dome[1] * 0.93), colour, arc=(180, 360))
    brush.ellipse((x - size * 0.34, rim - size * 0.5), (size * 0.24, size * 0.15), shade(colour, 1.4), angle=-35)
    ridge = facing * size * 0.3
    brush.stroke(
        [(x + ridge * 0.4, rim - dome[1] * 0.98), (x + ridge, rim - size * 0.1)], size * 0.14, shade(colour, 0.85)
    )
    left, right = x - size * (1.08 - 0.3 * min(0, facing)), x + size * (1.08 + 0.3 * max(0, facing))
    brush.stroke([(left, rim + size * 0.06), (right, rim + size * 0.06)], size * 0.26, shade(colour, 0.8))
    brush.stroke([(left, rim), (right, rim)], size * 0.13, shade(colour, 1.12))


def bare_head(
    brush: Brush, centre: Point, size: float, style: str, colour: Colour, facing: float, towards: bool
) -> None:
    """What is on a head without a helmet: hair, a woollen hat, a cap or a hood."""
    x, y = centre
    if style == "hood":
        brush.ellipse((x, y - size * 0.05), (size * 0.98, size * 1.16), shade(colour, 0.75), arc=(140, 400))
        if towards:
            brush.ellipse((x + facing * size * 0.3, y + size * 0.12), (size * 0.5, size * 0.66), (120, 150, 190))
        return
    top = y - size * 0.18
    lift = 0.98 if style == "wool" else 0.86
    brush.ellipse((x, top), (size * 0.8, size * lift), shade(colour, 0.85), arc=(178, 362))
    brush.ellipse((x - size * 0.1, top), (size * 0.62, size * lift * 0.86), colour, arc=(180, 360))
    if style == "wool":
        brush.stroke([(x - size * 0.74, top), (x + size * 0.74, top)], size * 0.3, shade(colour, 1.25))
        brush.ellipse((x, top - size * 0.98), (size * 0.2, size * 0.18), shade(colour, 1.3))
    elif style == "cap":
        brush.stroke([(x, top), (x + (1.25 if facing >= 0 else -1.25) * size, top + size * 0.08)], size * 0.2, colour)
    elif not towards:
        brush.ellipse((x, y), (size * 0.72, size * 0.85), colour)


def loose_helmet(brush: Brush, foot: Point, size: float, colour: Colour, tilt: float, upside_down: bool) -> None:
    """A helmet lying with its lowest point at `foot`; `size` is half its width, `tilt` in degrees."""
    x, y = foot
    if upside_down:
        centre = (x, y - size * 0.78)
        brush.ellipse(centre, (size * 0.95, size * 0.8), shade(colour, 0.75), angle=tilt, arc=(0, 180))
        brush.ellipse(centre, (size * 1.05, size * 0.34), colour, angle=tilt)
        brush.ellipse(centre, (size * 0.82, size * 0.22), shade(colour, 0.28), angle=tilt)
        return
    centre = (x, y - size * (0.16 + 0.5 * abs(math.sin(math.radians(tilt)))))
    brush.ellipse(centre, (size * 0.92, size * 0.95), shade(colour, 0.72), angle=tilt, arc=(180, 360))
    brush.ellipse(centre, (size * 0.74, size * 0.88), colour, angle=tilt - 6, arc=(180, 360))
    shine = ellipse_points(centre, (size * 0.5, size * 0.62), tilt, (225, 250))
    brush.stroke(shine, max(1.0, size * 0.16), shade(colour, 1.45))
    brim = ellipse_points(centre, (size * 1.22, size * 0.05), tilt, (0, 180))
    brush.stroke([brim[0], brim[-1]], size * 0.26, shade(colour, 0.82))
