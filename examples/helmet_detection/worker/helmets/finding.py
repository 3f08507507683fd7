"""What every detector does around its network: brings pictures to its size, asks, and reads the answers as boxes.

`helmets.detecting` asks Keras, `helmets.lite` asks LiteRT; `helmets.asking` neither knows nor cares which.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helmets.boxes import Floats
from helmets.decoding import decode
from helmets.samples import fit

_NO_BOXES = np.zeros((0, 5), np.float32)


class Finder(ABC):
    """Finds the objects of its classes in pictures (height, width, 3; uint8; blue, green, red) of any size."""

    #: Pictures per call of the network.
    together = 1

    def __init__(self, class_names: Sequence[str], input_shape: tuple[int, int]) -> None:
        self.class_names = tuple(class_names)
        self.input_shape = input_shape

    @abstractmethod
    def answers(self, pictures: NDArray[np.uint8]) -> Floats:
        """The network's answers (n, rows, columns, classes + 4), as `decode` reads them, for n pictures of its size."""

    def warm_up(self) -> None:
        """Compile now, so that the first picture does not wait for it."""
        list(self.find([np.zeros((*self.input_shape, 3), np.uint8)], 0.5, 0.5))

    def find(self, pictures: Sequence[Any], obj_threshold: float, nms_threshold: float) -> Iterator[Floats]:
        """Boxes (n, 6) per picture, in its own pixels: x1, y1, x2, y2, score, class; best score first."""
        for start in range(0, len(pictures), self.together):
            some = pictures[start : start + self.together]
            answers = self.answers(np.stack([fit(picture, _NO_BOXES, self.input_shape)[0] for picture in some]))
            for picture, answer in zip(some, answers, strict=True):
                found = decode(answer, len(self.class_names), obj_threshold, nms_threshold)
                found[:, [0, 2]] *= picture.shape[1] / self.input_shape[1]
                found[:, [1, 3]] *= picture.shape[0] / self.input_shape[0]
                yield found
