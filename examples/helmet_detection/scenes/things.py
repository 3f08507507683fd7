"""Clutter of a site: what hides people, what lies in the way, and what is easily taken for a helmet.

Each function paints one thing that stands on `foot` (pixels) at `scale` (the height that a person would have there) and
returns the box of its solid part, which `scenes.staging` uses to know what it hides.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scenes.brushes import Brush, Colour, Image, Point, shade

Painter = Callable[[Image, Point, float, np.random.Generator], list[float]]


def cone(canvas: Image, foot: Point, scale: float, _rng: np.random.Generator) -> list[float]:
    brush, (x, y) = Brush(canvas), foot
    tall, wide = scale * 0.32, scale * 0.12
    brush.rectangle(x - wide * 1.25, y - tall * 0.1, x + wide * 1.25, y, (25, 70, 170))
    brush.polygon(
        [
            (x - wide, y - tall * 0.1),
            (x - wide * 0.2, y - tall),
            (x + wide * 0.2, y - tall),
            (x + wide, y - tall * 0.1),
        ],
        (35, 95, 235),
    )
    for low, high in ((0.3, 0.48), (0.62, 0.78)):
        left, right = wide * (1 - low * 0.85), wide * (1 - high * 0.85)
        brush.polygon(
            [
                (x - left, y - tall * low),
                (x - right, y - tall * high),
                (x + right, y - tall * high),
                (x + left, y - tall * low),
            ],
            (230, 232, 235),
        )
    return [x - wide * 0.8, y - tall * 0.6, x + wide * 0.8, y]


def barrel(canvas: Image, foot: Point, scale: float, rng: np.random.Generator) -> list[float]:
    brush, (x, y) = Brush(canvas), foot
    colour: Colour = ((150, 90, 40), (40, 50, 160), (60, 110, 60), (40, 160, 200))[int(rng.integers(4))]
    tall, wide = scale * 0.5, scale * 0.17
    brush.ellipse((x, y - wide * 0.25), (wide, wide * 0.3), shade(colour, 0.6))
    brush.rectangle(x - wide, y - tall, x + wide, y - wide * 0.25, colour)
    brush.rectangle(x + wide * 0.3, y - tall, x + wide, y - wide * 0.25, shade(colour, 0.7))
    for share in (0.33, 0.66):
        brush.stroke([(x - wide, y - tall * share), (x + wide, y - tall * share)], 1, shade(colour, 0.5))
    brush.ellipse((x, y - tall), (wide, wide * 0.3), shade(colour, 1.25))
    return brush.box


def bricks(canvas: Image, foot: Point, scale: float, rng: np.random.Generator) -> list[float]:
    brush, (x, y) = Brush(canvas), foot
    rows, columns = int(rng.integers(2, 5)), int(rng.integers(3, 6))
    wide, tall = scale * 0.13, scale * 0.075
    brush.rectangle(x - columns * wide / 2 - 2, y - tall * 0.5, x + columns * wide / 2 + 2, y, (60, 100, 140))
    for row in range(rows):
        for column in range(columns - (row == rows - 1)):
            left = x + (column - columns / 2) * wide
            top = y - tall * (row + 1.5)
            colour = shade((60, 85, 165), float(rng.uniform(0.8, 1.15)))
            brush.rectangle(left, top, left + wide * 0.94, top + tall * 0.9, colour)
    return brush.box


def pipes(canvas: Image, foot: Point, scale: float, rng: np.random.Generator) -> list[float]:
    brush, (x, y) = Brush(canvas), foot
    radius = scale * 0.085
    colour: Colour = ((150, 155, 160), (60, 120, 210), (130, 110, 90))[int(rng.integers(3))]
    for row, count in ((0, 4), (1, 3), (2, 2)):
        for index in range(count):
            centre = (x + (index - (count - 1) / 2) * radius * 2, y - radius - row * radius * 1.75)
            brush.ellipse(centre, (radius, radius), shade(colour, float(rng.uniform(0.85, 1.1))))
            brush.ellipse(centre, (radius * 0.68, radius * 0.68), shade(colour, 0.3))
    return brush.box


def bucket(canvas: Image, foot: Point, scale: float, rng: np.random.Generator) -> list[float]:
    """About as round and as bright as a helmet, on purpose."""
    brush, (x, y) = Brush(canvas), foot
    colours: tuple[Colour, ...] = ((35, 190, 235), (200, 110, 40), (50, 45, 190), (215, 215, 215), (70, 70, 70))
    colour = colours[int(rng.integers(len(colours)))]
    wide, tall = scale * 0.09, scale * 0.15
    brush.polygon([(x - wide, y - tall), (x + wide, y - tall), (x + wide * 0.75, y), (x - wide * 0.75, y)], colour)
    brush.polygon(
        [(x + wide * 0.25, y - tall), (x + wide, y - tall), (x + wide * 0.75, y), (x + wide * 0.2, y)],
        shade(colour, 0.72),
    )
    brush.ellipse((x, y - tall), (wide, wide * 0.3), shade(colour, 0.45))
    return brush.box


def buoy(canvas: Image, foot: Point, scale: float, rng: np.random.Generator) -> list[float]:
    """A round warning lamp or ball: the second thing that a hasty model calls a helmet."""
    brush, (x, y) = Brush(canvas), foot
    radius = scale * float(rng.uniform(0.055, 0.09))
    colour: Colour = ((35, 120, 235), (40, 200, 240), (60, 50, 200), (190, 120, 50))[int(rng.integers(4))]
    brush.ellipse((x, y - radius), (radius, radius), shade(colour, 0.75))
    brush.ellipse((x - radius * 0.15, y - radius * 1.15), (radius * 0.75, radius * 0.75), colour)
    brush.ellipse((x - radius * 0.35, y - radius * 1.4), (radius * 0.2, radius * 0.16), shade(colour, 1.5))
    return brush.box


def barrier(canvas: Image, foot: Point, scale: float, rng: np.random.Generator) -> list[float]:
    brush, (x, y) = Brush(canvas), foot
    wide, tall = scale * float(rng.uniform(0.4, 0.65)), scale * 0.5
    for side in (-0.85, 0.85):
        brush.stroke([(x + side * wide - 2, y), (x + side * wide, y - tall)], max(2.0, scale * 0.025), (95, 95, 100))
    solid = Brush(canvas)
    for low, high in ((0.62, 0.92), (0.22, 0.46)):
        solid.rectangle(x - wide, y - tall * high, x + wide, y - tall * low, (225, 228, 232))
        for index in range(5):
            left = x - wide + (index * 2) * wide / 5 + wide * 0.05
            solid.polygon(
                [
                    (left, y - tall * low),
                    (left + wide * 0.16, y - tall * high),
                    (left + wide * 0.34, y - tall * high),
                    (left + wide * 0.18, y - tall * low),
                ],
                (40, 45, 200),
            )
    return solid.box


def crate(canvas: Image, foot: Point, scale: float, rng: np.random.Generator) -> list[float]:
    brush, (x, y) = Brush(canvas), foot
    wide, tall = scale * float(rng.uniform(0.2, 0.34)), scale * float(rng.uniform(0.28, 0.45))
    wood: Colour = shade((95, 145, 185), float(rng.uniform(0.8, 1.1)))
    brush.rectangle(x - wide, y - tall, x + wide, y, shade(wood, 0.7))
    for index in range(4):
        top = y - tall + index * tall / 4
        brush.rectangle(x - wide, top + 1, x + wide, top + tall / 4 - 1, wood)
    for edge in (-0.92, 0.92):
        brush.stroke([(x + edge * wide, y - tall), (x + edge * wide, y)], max(2.0, scale * 0.03), shade(wood, 0.85))
    return brush.box


def sand(canvas: Image, foot: Point, scale: float, rng: np.random.Generator) -> list[float]:
    brush, (x, y) = Brush(canvas), foot
    wide, tall = scale * float(rng.uniform(0.5, 0.9)), scale * float(rng.uniform(0.22, 0.34))
    colour = shade((105, 155, 185), float(rng.uniform(0.85, 1.1)))
    brush.ellipse((x, y), (wide, tall), shade(colour, 0.85), arc=(180, 360))
    brush.ellipse((x - wide * 0.16, y), (wide * 0.75, tall * 0.92), colour, arc=(180, 360))
    return [x - wide * 0.7, y - tall * 0.6, x + wide * 0.7, y]


# Twice where it is common; what looks like a helmet is common.
THINGS: tuple[Painter, ...] = (
    cone,
    cone,
    barrel,
    bricks,
    pipes,
    bucket,
    bucket,
    buoy,
    buoy,
    barrier,
    barrier,
    crate,
    sand,
)
