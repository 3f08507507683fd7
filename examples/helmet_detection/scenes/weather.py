"""Light, rain and wet ground: what turns the same site into another domain.

`scenes.staging` calls `dusk` and `rain` on the finished picture of domain B; `shadows` lies under people in both.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scenes.brushes import Image, Point


@dataclass(frozen=True)
class Lamps:
    """Site lamps of one shot: where they stand, and the light (height, width, 3; float factors) they throw."""

    points: tuple[Point, ...]
    light: NDArray[np.float32]


def lamps(width: int, height: int, horizon: float, ambient: float, rng: np.random.Generator) -> Lamps:
    """Two to four warm lamps on poles, and the light of the whole picture with the ambient rest."""
    points = tuple(
        (float(rng.uniform(0.05, 0.95) * width), float(horizon * rng.uniform(0.35, 0.8)))
        for _ in range(int(rng.integers(2, 5)))
    )
    # A quarter of the resolution is plenty for something this smooth, and sixteen times as cheap.
    ys, xs = np.mgrid[0 : height // 4, 0 : width // 4].astype(np.float32) * 4
    cold = np.array((1.12, 0.96, 0.84), np.float32) * ambient
    light = np.ones((*xs.shape, 3), np.float32) * cold
    for x, y in points:
        spread = np.exp(-(((xs - x) / 150) ** 2 + ((ys - y - 70) / 130) ** 2))
        light += spread[..., None] * np.array((0.18, 0.36, 0.48), np.float32)
    return Lamps(points, cv2.resize(light, (width, height)))


def dusk(canvas: Image, shining: Lamps) -> Image:
    """The picture in the light of the lamps, with their glow."""
    dark = cv2.multiply(canvas, shining.light, dtype=cv2.CV_8U)
    for x, y in shining.points:
        centre = (round(x), round(y))
        cv2.line(dark, (centre[0], centre[1]), (centre[0], centre[1] + 70), (48, 48, 52), 2, cv2.LINE_AA)
    glow = np.zeros_like(dark)
    for x, y in shining.points:
        cv2.circle(glow, (round(x), round(y)), 7, (150, 215, 255), -1, cv2.LINE_AA)
    blurred = cv2.resize(glow, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    blurred = cv2.resize(cv2.GaussianBlur(blurred, (0, 0), 5), (dark.shape[1], dark.shape[0]))
    dark = cv2.add(dark, cv2.add(blurred, blurred))
    for x, y in shining.points:
        cv2.circle(dark, (round(x), round(y)), 4, (215, 245, 255), -1, cv2.LINE_AA)
    return dark


def reflections(canvas: Image, feet_line: int, strength: float) -> None:
    """Wet ground mirrors what stands behind it: a blurred, flipped strip blended into the ground (in place)."""
    height = canvas.shape[0]
    depth = min(height - feet_line, feet_line)
    mirrored = canvas[feet_line - depth : feet_line][::-1]
    mirrored = cv2.blur(mirrored, (3, 17))
    ground = canvas[feet_line : feet_line + depth]
    canvas[feet_line : feet_line + depth] = cv2.addWeighted(ground, 1 - strength, mirrored, strength, 0)


def rain(canvas: Image, strength: float, rng: np.random.Generator) -> Image:
    """Slanting streaks and a little haze; `strength` 0 to 1."""
    height, width = canvas.shape[:2]
    drops = int(260 * strength)
    streaks = np.zeros((height, width), np.uint8)
    starts = np.stack([rng.uniform(-20, width, drops), rng.uniform(-20, height, drops)], axis=1)
    lengths = rng.uniform(7, 20, drops)
    slant = 0.22
    for (x, y), length in zip(starts, lengths, strict=True):
        cv2.line(streaks, (int(x), int(y)), (int(x + slant * length), int(y + length)), 90, 1, cv2.LINE_AA)
    veil = cv2.merge([streaks, streaks, cv2.convertScaleAbs(streaks, alpha=0.92)])
    hazy = cv2.convertScaleAbs(canvas, alpha=1 - 0.14 * strength, beta=16 * strength)
    return cv2.add(hazy, veil)


def shadows(canvas: Image, feet: list[tuple[Point, float]], strength: float) -> Image:
    """Soft dark ellipses under (foot, height of the figure)."""
    layer = np.full(canvas.shape[:2], 255, np.uint8)
    for (x, y), tall in feet:
        cv2.ellipse(
            layer,
            (round(x + tall * 0.1), round(y)),
            (round(tall * 0.2), max(2, round(tall * 0.035))),
            0,
            0,
            360,
            round(255 * (1 - strength)),
            -1,
            cv2.LINE_AA,
        )
    soft = cv2.blur(layer, (9, 5))
    return cv2.multiply(canvas, cv2.merge([soft, soft, soft]), scale=1 / 255)
