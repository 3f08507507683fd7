"""A network of Keras that is ready to look at pictures: weights, classes, the size it looks at, the compiled call.

`interface.Estimator` owns one; swapping models means making another one and taking it from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from helmets import files, network
from helmets.boxes import Floats
from helmets.finding import Finder
from helmets.geometry import REACH


class Detector(Finder):
    """A detector whose network Keras runs, and can train."""

    # Small enough for the memory of a small host at 352 x 640; evaluation asks for many.
    together = 8

    def __init__(self, class_names: Sequence[str], input_shape: tuple[int, int], width: float = 1.0) -> None:
        super().__init__(class_names, input_shape)
        self.width = width
        self.network = network.build(len(self.class_names), width)
        # One trace for any number of pictures and, when the size changes, of any size.
        self._call = tf.function(self.answer, input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)])
        self._traced: Any = None

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

    def save(self, path: Path, lite: files.Lite | None = None) -> Path:
        """Write the detector to a file, with its form for LiteRT when that is given; returns the path."""
        about = files.Description(self.class_names, self.input_shape, self.width)
        return files.write(path, about, self.network.get_weights(), lite)

    def answers(self, pictures: NDArray[np.uint8]) -> Floats:
        """As every detector's."""
        # To choose among traces at every call would take half a millisecond, a tenth of a frame; there is only one.
        if self._traced is None:
            self._traced = self._call.get_concrete_function()
        answered: Floats = self._traced(tf.constant(pictures)).numpy()
        return answered

    def answer(self, pictures: Any) -> Any:
        """The same on tensors; what is compiled, and what `helmets.exporting` converts."""
        answer = self.network(tf.cast(pictures, tf.float32), training=False)
        classes = len(self.class_names)
        return tf.concat([tf.sigmoid(answer[..., :classes]), answer[..., classes:] * REACH], axis=-1)
