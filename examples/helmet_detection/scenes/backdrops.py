"""The empty site: sky, skyline, the building that is going up, hoarding and ground.

Painted once per shot by `scenes.staging`; people and things go on top.
"""

from __future__ import annotations

import cv2
import numpy as np

from scenes.brushes import Brush, Colour, Image, shade
from scenes.domains import Domain

_DAY_SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((225, 185, 130), (240, 228, 212)),
    ((215, 205, 195), (232, 230, 226)),
    ((230, 195, 150), (225, 232, 238)),
)
# Dusk keeps the colours of its sky; `scenes.weather` takes the light away afterwards.
_DUSK_SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((150, 95, 75), (120, 150, 235)),
    ((125, 100, 90), (170, 150, 160)),
    ((140, 85, 80), (150, 130, 220)),
)
_GROUNDS: tuple[Colour, ...] = ((118, 150, 172), (140, 150, 156), (98, 128, 150), (128, 138, 140))


def backdrop(domain: Domain, horizon: float, width: int, height: int, rng: np.random.Generator) -> Image:
    """An empty site, (height, width, 3), uint8."""
    canvas = np.empty((height, width, 3), np.uint8)
    level = round(horizon)
    _sky(canvas, domain, level, rng)
    _skyline(canvas, level, rng)
    _building_site(canvas, level, rng)
    if rng.random() < 0.6:
        _crane(canvas, level, rng)
    _ground(canvas, level, rng)
    _hoarding(canvas, level, rng)
    return canvas


def _sky(canvas: Image, domain: Domain, level: int, rng: np.random.Generator) -> None:
    skies = _DUSK_SKIES if domain.dusk else _DAY_SKIES
    top, low = (np.array(colour, np.float32) for colour in skies[int(rng.integers(len(skies)))])
    share = np.linspace(0, 1, level + 1, dtype=np.float32)[:, None]
    gradient = (top * (1 - share) + low * share)[:, None, :]
    clouds = _soft_noise(canvas.shape[1], level + 1, (9, 4), rng)[..., None] * 26
    canvas[: level + 1] = np.clip(gradient + clouds, 0, 255).astype(np.uint8)


def _soft_noise(width: int, height: int, cells: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    coarse = rng.normal(0, 1, (cells[1], cells[0])).astype(np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def _skyline(canvas: Image, level: int, rng: np.random.Generator) -> None:
    brush, x, width = Brush(canvas), -10.0, canvas.shape[1]
    haze = np.array(canvas[level - 2, width // 2], np.float32)
    while x < width:
        wide, tall = float(rng.uniform(35, 95)), float(rng.uniform(12, level * 0.55))
        base = np.array((150, 140, 135), np.float32) * rng.uniform(0.7, 1.05)
        colour: Colour = tuple(int(value) for value in base * 0.45 + haze * 0.55)  # type: ignore[assignment]
        brush.rectangle(x, level - tall, x + wide, level + 1, colour)
        for row in range(int(tall // 11)):
            for column in range(int(wide // 10)):
                left, top = x + 4 + column * 10, level - tall + 4 + row * 11
                brush.rectangle(left, top, left + 5, top + 6, shade(colour, 0.86))
        x += wide + float(rng.uniform(-6, 24))


def _building_site(canvas: Image, level: int, rng: np.random.Generator) -> None:
    """A raw concrete frame with scaffolding: floors, columns, poles."""
    brush = Brush(canvas)
    left, wide = float(rng.uniform(-60, 420)), float(rng.uniform(150, 290))
    storey = float(rng.uniform(24, 34))
    concrete = shade((158, 164, 168), float(rng.uniform(0.85, 1.08)))
    floors = max(2, int(level * rng.uniform(0.6, 1.0) / storey))
    top = level - floors * storey
    brush.rectangle(left, top, left + wide, level + 2, shade(concrete, 0.52))
    for column in np.linspace(left, left + wide, 7):
        brush.rectangle(column - 3, top, column + 3, level + 2, concrete)
    for floor in range(floors + 1):
        brush.rectangle(
            left - 4, top + floor * storey - 3, left + wide + 4, top + floor * storey + 2, shade(concrete, 1.1)
        )
    pole = shade((70, 130, 165), float(rng.uniform(0.7, 1.1)))
    for x in np.linspace(left - 8, left + wide + 8, 12):
        brush.stroke([(x, top - 8), (x, level + 2)], 1, pole)
    for floor in range(floors):
        y = top + floor * storey + storey * 0.55
        brush.stroke([(left - 8, y), (left + wide + 8, y)], 1, pole)
        brush.stroke([(left - 8, y + storey * 0.4), (left + wide + 8, y + storey * 0.4)], 2, shade((75, 120, 160), 0.9))


def _crane(canvas: Image, level: int, rng: np.random.Generator) -> None:
    brush, x = Brush(canvas), float(rng.uniform(80, 560))
    colour, top = shade((40, 175, 225), float(rng.uniform(0.75, 1.0))), float(rng.uniform(8, 26))
    way, reach = (1 if rng.random() < 0.5 else -1), float(rng.uniform(120, 210))
    for side in (-4, 4):
        brush.stroke([(x + side, top), (x + side, level)], 1, colour)
    for index, y in enumerate(np.arange(top, level, 8)):
        brush.stroke([(x - 4, y), (x + 4, y + 8)] if index % 2 else [(x + 4, y), (x - 4, y + 8)], 1, colour)
    brush.stroke([(x - way * reach * 0.35, top + 6), (x + way * reach, top + 6)], 2, colour)
    brush.stroke([(x - way * reach * 0.3, top + 6), (x, top - 6), (x + way * reach * 0.9, top + 6)], 1, colour)
    brush.stroke([(x + way * reach * 0.7, top + 6), (x + way * reach * 0.7, level * 0.55)], 1, (60, 60, 60))
    brush.rectangle(x - way * reach * 0.35 - 7, top + 4, x - way * reach * 0.35 + 7, top + 15, (120, 125, 130))


def _ground(canvas: Image, level: int, rng: np.random.Generator) -> None:
    height, width = canvas.shape[0] - level, canvas.shape[1]
    base = np.array(_GROUNDS[int(rng.integers(len(_GROUNDS)))], np.float32)
    near = np.linspace(1.06, 0.82, height, dtype=np.float32)[:, None, None]
    patches = _soft_noise(width, height, (10, 14), rng) * 9 + _soft_noise(width, height, (60, 50), rng) * 5
    grain = rng.normal(0, 5, (height, width)).astype(np.float32)
    canvas[level:] = np.clip(base * near + (patches + grain)[..., None], 0, 255).astype(np.uint8)
    brush = Brush(canvas)
    # Wheel tracks run towards the camera.
    for _ in range(int(rng.integers(1, 4))):
        far, close = float(rng.uniform(0, width)), float(rng.uniform(-150, width + 150))
        for gap in (0.0, 1.0):
            brush.polygon(
                [
                    (far + gap * 9, level + 2),
                    (far + gap * 9 + 2, level + 2),
                    (close + gap * 90 + 20, height + level),
                    (close + gap * 90, height + level),
                ],
                shade(tuple(base), 0.8),
            )


def _hoarding(canvas: Image, level: int, rng: np.random.Generator) -> None:
    """A fence or boards along the far edge of the site."""
    brush, width = Brush(canvas), canvas.shape[1]
    tall = float(rng.uniform(16, 26))
    if rng.random() < 0.5:
        colour = shade(
            ((165, 120, 70), (120, 150, 110), (150, 160, 165))[int(rng.integers(3))], float(rng.uniform(0.8, 1.1))
        )
        for x in np.arange(0, width, 34):
            brush.rectangle(x, level - tall, x + 33, level + 5, shade(colour, float(rng.uniform(0.94, 1.05))))
        brush.stroke([(0, level - tall * 0.5), (width, level - tall * 0.5)], 3, (225, 228, 230))
        return
    for y in (level - tall, level - tall * 0.5, level + 3):
        brush.stroke([(0, y), (width, y)], 1, (125, 130, 135))
    for x in np.arange(0, width, 7):
        brush.stroke([(x, level - tall), (x, level + 4)], 1, (135, 140, 145))
