"""Which Estimator a worker that only asks models takes: `eval.py` and `inference.py` ask here.

The imports stand behind the choice: a small edge has no TensorFlow to import.
"""

from __future__ import annotations

from typing import Any

from helmets import parameters


def estimator() -> type[Any]:
    """The class for the parameter `format`."""
    if parameters.model_format() == parameters.TFLITE:
        from lite_interface import Estimator as Lite

        return Lite
    from interface import Estimator

    return Estimator
