"""Boxes on a picture, with a legible name and score each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import cv2

# Blue, green, red; one per class, apart from each other for colour-blind eyes too (Okabe and Ito's set).
COLOURS = ((233, 180, 86), (0, 159, 230), (115, 158, 0), (94, 60, 240), (167, 121, 204), (66, 228, 240))


def draw(picture: Any, boxes: Iterable[Sequence[float]], class_names: Sequence[str], *, named: bool = True) -> Any:
    """A copy of the picture with `[x1, y1, x2, y2, score, class]` boxes."""
    canvas = picture.copy()
    for left, top, right, bottom, score, kind in boxes:
        colour = COLOURS[int(kind) % len(COLOURS)]
        corner, opposite = (round(left), round(top)), (round(right), round(bottom))
        cv2.rectangle(canvas, corner, opposite, colour, 2, cv2.LINE_AA)
        if not named:
            continue
        text = f"{class_names[int(kind)]} {score:.2f}"
        (wide, tall), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.38, 1)
        y = max(tall + 3, corner[1])
        cv2.rectangle(canvas, (corner[0], y - tall - 4), (corner[0] + wide + 3, y), colour, -1)
        cv2.putText(canvas, text, (corner[0] + 1, y - 3), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (0, 0, 0), 1, cv2.LINE_AA)
    return canvas
