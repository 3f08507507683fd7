"""Reads the network's answer: a list of boxes `[x1, y1, x2, y2, score, class]` per picture.

The score stands at index 4 because the hard-example algorithms look for it there.
"""

from __future__ import annotations

import cv2
import numpy as np

from helmets.boxes import Floats, suppress
from helmets.geometry import STRIDE

# More findings than a crowded site has people and helmets; bounds the work on a picture of pure noise.
MOST = 100
_AROUND = np.ones((3, 3), np.uint8)


def decode(answer: Floats, classes: int, obj_threshold: float, nms_threshold: float) -> Floats:
    """Boxes (n, 6) of one picture, best score first, in pixels of the network's input.

    answer: (rows, columns, classes + 4): scores 0-1 per class and distances to the sides in pixels
    """
    scores = np.ascontiguousarray(answer[..., :classes])
    # Few cells are left after the first question, and the second is asked of them alone.
    above = np.flatnonzero(scores >= obj_threshold)
    if not len(above):
        return np.zeros((0, 6), np.float32)
    highest = cv2.dilate(scores, _AROUND).reshape(-1)
    above = above[scores.reshape(-1)[above] >= highest[above]]
    rows, columns, kinds = np.unravel_index(above, scores.shape)
    values = scores.reshape(-1)[above]
    best = np.argsort(-values, kind="stable")[:MOST]
    rows, columns, kinds, values = rows[best], columns[best], kinds[best], values[best]
    sides = answer[rows, columns, classes:]
    x, y = (columns + 0.5) * STRIDE, (rows + 0.5) * STRIDE
    height, width = answer.shape[0] * STRIDE, answer.shape[1] * STRIDE
    boxes = np.stack(
        [
            np.clip(x - sides[:, 0], 0, width),
            np.clip(y - sides[:, 1], 0, height),
            np.clip(x + sides[:, 2], 0, width),
            np.clip(y + sides[:, 3], 0, height),
        ],
        axis=1,
    ).astype(np.float32)
    kept: list[int] = []
    for is_of_group in (kinds == 0, kinds != 0):
        # People against people, things on and off heads against each other: a head is not both bare and covered.
        members = np.flatnonzero(is_of_group)
        kept += [int(members[i]) for i in suppress(boxes[members], values[members], nms_threshold)]
    kept.sort(key=lambda index: -values[index])
    return np.concatenate([boxes, values[:, None], kinds[:, None]], axis=1)[kept].astype(np.float32)
