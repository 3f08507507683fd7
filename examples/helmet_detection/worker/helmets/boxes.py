"""Arithmetic on boxes (x1, y1, x2, y2), pixels.

`helmets.decoding` thins its findings with `suppress`; `helmets.metrics` matches findings and truth with `overlaps`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def overlaps(first: Floats, second: Floats) -> Floats:
    """Intersection over union of every box of `first` (n, 4) with every one of `second` (m, 4): (n, m)."""
    first, second = np.asarray(first, np.float32).reshape(-1, 4), np.asarray(second, np.float32).reshape(-1, 4)
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    # Written out: numpy's clip and prod cost several times as much for the few boxes of a picture.
    sides = np.maximum(high - low, 0)
    shared = sides[..., 0] * sides[..., 1]
    union = _areas(first)[:, None] + _areas(second)[None, :] - shared
    return np.where(union > 0, shared / np.maximum(union, 1e-9), 0).astype(np.float32)


def _areas(boxes: Floats) -> Floats:
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float32)


def suppress(boxes: Floats, scores: Floats, threshold: float) -> list[int]:
    """Indexes that survive non-maximum suppression, best score first."""
    if len(boxes) < 2:
        return list(range(len(boxes)))
    order = np.argsort(-scores, kind="stable")
    table = overlaps(boxes, boxes)
    kept: list[int] = []
    for index in order.tolist():
        if all(table[index, other] <= threshold for other in kept):
            kept.append(index)
    return kept
