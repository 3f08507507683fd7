"""What the network should answer for given boxes, and the changes that training makes to pictures.

Plain numpy between `helmets.samples` and `helmets.training`.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from helmets.boxes import Floats
from helmets.geometry import STRIDE
from helmets.samples import Sample


def encode(boxes: Floats, shape: tuple[int, int], classes: int) -> Floats:
    """The wanted answer (height / 4, width / 4, classes + 5): score per class, four distances in pixels, weight.

    A class's score is 1 in the cell of the box's middle and falls off as a Gaussian. Distances count in the cells near
    the middle; where two boxes claim a cell, the smaller one gets it, as the larger has more cells of its own.
    """
    rows, columns = shape[0] // STRIDE, shape[1] // STRIDE
    wanted = np.zeros((rows, columns, classes + 5), np.float32)
    ys, xs = np.mgrid[0:rows, 0:columns].astype(np.float32)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    for index in np.argsort(-areas, kind="stable"):
        left, top, right, bottom, kind = boxes[index]
        across, down = (left + right) / 2 / STRIDE - 0.5, (top + bottom) / 2 / STRIDE - 0.5
        middle = (int(np.clip(round(float(down)), 0, rows - 1)), int(np.clip(round(float(across)), 0, columns - 1)))
        spread_x = max(0.55, (right - left) / STRIDE / 7)
        spread_y = max(0.55, (bottom - top) / STRIDE / 7)
        bump = np.exp(-(((xs - middle[1]) / spread_x) ** 2 + ((ys - middle[0]) / spread_y) ** 2) / 2)
        np.maximum(wanted[..., int(kind)], np.where(bump > 0.02, bump, 0), out=wanted[..., int(kind)])
        near = bump >= 0.4
        cell_x, cell_y = (xs[near] + 0.5) * STRIDE, (ys[near] + 0.5) * STRIDE
        sides = np.stack([cell_x - left, cell_y - top, right - cell_x, bottom - cell_y], axis=1)
        wanted[near, classes : classes + 4] = np.maximum(sides, 0.5)
        wanted[near, classes + 4] = bump[near]
    return wanted


def vary(sample: Sample, rng: np.random.Generator) -> tuple[NDArray[np.uint8], Floats]:
    """The sample mirrored, moved, scaled and relit a little, as another look at the same kind of scene."""
    picture, boxes = sample.picture, sample.boxes
    height, width = picture.shape[:2]
    zoom = float(np.exp(rng.uniform(-0.22, 0.22)))
    mirrored = rng.random() < 0.5
    across = width * (-zoom if mirrored else zoom)
    shift_x = rng.uniform(-0.08, 0.08) * width + (width - abs(across)) / 2 + (abs(across) if mirrored else 0)
    shift_y = rng.uniform(-0.06, 0.06) * height + height * (1 - zoom) / 2
    slope = -zoom if mirrored else zoom
    # Boxes count from the edges of pixels, warpAffine from their middles: without the halves a mirrored picture lies
    # a whole pixel beside its boxes, and a head is seven pixels wide.
    way = np.array([[slope, 0, shift_x + slope / 2 - 0.5], [0, zoom, shift_y + zoom / 2 - 0.5]], np.float32)
    moved = cv2.warpAffine(picture, way, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    lit = cv2.convertScaleAbs(moved, alpha=float(rng.uniform(0.85, 1.15)), beta=float(rng.uniform(-10, 10)))
    if len(boxes) == 0:
        return np.asarray(lit, np.uint8), boxes
    xs, ys = boxes[:, [0, 2]] * slope + shift_x, boxes[:, [1, 3]] * zoom + shift_y
    new = np.stack([xs.min(1), ys.min(1), xs.max(1), ys.max(1), boxes[:, 4]], axis=1).astype(np.float32)
    whole = (new[:, 2] - new[:, 0]) * (new[:, 3] - new[:, 1])
    new[:, [0, 2]] = np.clip(new[:, [0, 2]], 0, width)
    new[:, [1, 3]] = np.clip(new[:, [1, 3]], 0, height)
    inside = (new[:, 2] - new[:, 0]) * (new[:, 3] - new[:, 1]) > 0.4 * whole
    return np.asarray(lit, np.uint8), new[inside]
