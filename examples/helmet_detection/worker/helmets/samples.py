"""Lines of a dataset and the pictures they name.

A line is `path x1,y1,x2,y2,class …` (the original's format, pixels of the stored picture). `interface` hands the lines
over; `helmets.training` and evaluation take pictures that already have the network's size.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from helmets.boxes import Floats


class SampleError(ValueError):
    """A line of a dataset that cannot be used; the message names the line and what is wrong with it."""


@dataclass(frozen=True)
class Sample:
    """A picture (height, width, 3; uint8, blue-green-red) and its boxes (n, 5): x1, y1, x2, y2, class."""

    picture: NDArray[np.uint8]
    boxes: Floats
    name: str


def parse(line: str, classes: int) -> tuple[str, Floats]:
    """Path and boxes of one line."""
    name, *fields = line.split()
    boxes = np.zeros((len(fields), 5), np.float32)
    for index, text in enumerate(fields):
        try:
            boxes[index] = [float(part) for part in text.split(",")]
        except ValueError:
            raise SampleError(f"{name}: the box {text!r} is not x1,y1,x2,y2,class") from None
        if not 0 <= boxes[index, 4] < classes or boxes[index, 4] % 1:
            raise SampleError(
                f"{name}: the box {text!r} has class {text.rsplit(',', 1)[-1]}, but there are {classes} classes"
            )
    return name, boxes


def load(lines: Iterable[str], shape: tuple[int, int], classes: int) -> list[Sample]:
    """Read the pictures of some lines and bring them and their boxes to `shape` (height, width)."""
    samples = []
    for line in lines:
        name, boxes = parse(line, classes)
        # Boxes are in the pixels of the file, whatever its camera noted about its own position.
        picture = cv2.imread(name, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        if picture is None:
            raise SampleError(f"{name}: there is no picture that OpenCV can read")
        samples.append(Sample(*fit(picture, boxes, shape), name=name))
    return samples


def fit(picture: NDArray[np.uint8], boxes: Floats, shape: tuple[int, int]) -> tuple[NDArray[np.uint8], Floats]:
    """A picture and its boxes stretched to `shape` (height, width)."""
    height, width = picture.shape[:2]
    if (height, width) == shape:
        return picture, boxes
    scaled = boxes.copy()
    scaled[:, [0, 2]] *= shape[1] / width
    scaled[:, [1, 3]] *= shape[0] / height
    small = cv2.resize(picture, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), scaled
