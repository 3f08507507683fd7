"""A network that is ready to look at pictures: weights, classes, the size it looks at, and the compiled call.

`interface.Estimator` owns one; swapping models means making another one and taking it from then on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from helmets import files, network
from helmets.boxes import Floats
from helmets.decoding import decode
from helmets.geometry import REACH
from helmets.samples import fit

# Pictures per call in evaluation: small enough for the memory of a small host at 352 x 640.
TOGETHER = 8
_NO_BOXES = np.zeros((0, 5), np.float32)


class Detector:
    """Finds the objects of its classes in pictures (height, width, 3; uint8; blue, green, red) of any size."""

    def __init__(self, class_names: Sequence[str], input_shape: tuple[int, int], width: float = 1.0) -> None:
        self.class_names = tuple(class_names)
        self.input_shape = input_shape
        self.width = width
        self.network = network.build(len(self.class_names), width)
        # One trace for any number of pictures and, when the size changes, of any size.
        self._call = tf.function(self._answer, input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)])

    @classmethod
    def load(cls, path: Path, input_shape: tuple[int, int] | None = None) -> Detector:
        """The detector in a file, looking at pictures of its own size or of the one given."""
        about, weights = files.read(path)
        detector = cls(about.class_names, input_shape or about.input_shape, about.width)
        wanted = [tuple(weight.shape) for weight in detector.network.weights]
        if wanted != [weight.shape for weight in weights]:
            raise files.ModelFileError(f"{path}: the weights do not fit the network of this version")
        detector.network.set_weights(weights)
        return detector

    def save(self, path: Path) -> Path:
        """Write the detector to a file and return its path."""
        about = files.Description(self.class_names, self.input_shape, self.width)
        return files.write(path, about, self.network.get_weights())

    def warm_up(self) -> None:
        """Compile now, so that the first picture does not wait for it."""
        list(self.find([np.zeros((*self.input_shape, 3), np.uint8)], 0.5, 0.5))

    def find(self, pictures: Sequence[Any], obj_threshold: float, nms_threshold: float) -> Iterator[Floats]:
        """Boxes (n, 6) per picture, in its own pixels: x1, y1, x2, y2, score, class; best score first."""
        for start in range(0, len(pictures), TOGETHER):
            some = pictures[start : start + TOGETHER]
            answers = self._call(np.stack([fit(picture, _NO_BOXES, self.input_shape)[0] for picture in some])).numpy()
            for picture, answer in zip(some, answers, strict=True):
                found = decode(answer, len(self.class_names), obj_threshold, nms_threshold)
                found[:, [0, 2]] *= picture.shape[1] / self.input_shape[1]
                found[:, [1, 3]] *= picture.shape[0] / self.input_shape[0]
                yield found

    def _answer(self, pictures: Any) -> Any:
        answer = self.network(tf.cast(pictures, tf.float32), training=False)
        classes = len(self.class_names)
        return tf.concat([tf.sigmoid(answer[..., :classes]), answer[..., classes:] * REACH], axis=-1)
