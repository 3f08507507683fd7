"""Which of the painted objects a person could label: clipped to the picture, and not hidden behind something nearer.

`scenes.staging` tells in painting order what was painted and what hides; `scenes.recording` writes the labels down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WIDTH, HEIGHT = 640, 352
CLASSES = ("person", "helmet", "helmet-on", "helmet-off")
PERSON, HELMET, HELMET_ON, HELMET_OFF = range(4)

# A label is dropped when more than this share of its box is behind something nearer: nobody could have drawn it.
HIDDEN = {PERSON: 0.8, HELMET: 0.5, HELMET_ON: 0.5, HELMET_OFF: 0.5}


@dataclass(frozen=True)
class Label:
    """One object: the box in pixels (x1, y1, x2, y2) and the index of its class."""

    box: tuple[int, int, int, int]
    kind: int


# (number of the class, box) of what was painted; (how many of those came before, box) of what hides.
Block = tuple[int, list[float]]


def visible(found: list[Block], solid: list[Block]) -> list[Label]:
    """The labels of everything that can be seen well enough."""
    labels = (_seen(index, found, solid) for index in range(len(found)))
    return [label for label in labels if label is not None]


def _seen(index: int, found: list[Block], solid: list[Block]) -> Label | None:
    """The label clipped to the picture, or None when too little of it can be seen."""
    kind, box = found[index]
    left, top, right, bottom = max(0.0, box[0]), max(0.0, box[1]), min(float(WIDTH), box[2]), min(float(HEIGHT), box[3])
    whole = (box[2] - box[0]) * (box[3] - box[1])
    if right - left < 4 or bottom - top < 4 or (right - left) * (bottom - top) < 0.4 * whole:
        return None
    columns, rows = round(right - left), round(bottom - top)
    covered = np.zeros((rows, columns), bool)
    for order, block in solid:
        # What came later hides; the figure itself does not.
        if order > index:
            covered[
                max(0, round(block[1] - top)) : max(0, round(block[3] - top)),
                max(0, round(block[0] - left)) : max(0, round(block[2] - left)),
            ] = True
    if covered.size == 0 or covered.mean() > HIDDEN[kind]:
        return None
    return Label((round(left), round(top), round(right), round(bottom)), kind)
