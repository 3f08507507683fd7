"""The Estimator of workers with `format=tflite`: asks LiteRT, cannot train, and imports neither TensorFlow nor Keras.

`choosing` gives it to `eval.py` and `inference.py`.
"""

from __future__ import annotations

import os
from pathlib import Path

# Of no framework that the library has a wrapper for: the one for any estimator fits.
os.environ["BACKEND_TYPE"] = "LITERT"

from helmets.asking import Asking
from helmets.lite import LiteDetector


class Estimator(Asking[LiteDetector]):
    """A helmet detector that loads, predicts and evaluates."""

    def opened(self, path: Path, shape: tuple[int, int] | None) -> LiteDetector:
        """As `Asking` wants it."""
        return LiteDetector.load(path, shape)
