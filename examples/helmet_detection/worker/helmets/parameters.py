"""The quick start's parameters as the scripts get them (texts of environment variables), as values.

`train.py`, `eval.py` and `inference.py` read their environment through here; nothing below them does.
"""

from __future__ import annotations

from helmets.geometry import GRID
from sedna.common.config import Context

KERAS, TFLITE = FORMATS = ("keras", "tflite")


class ParameterError(ValueError):
    """A parameter that cannot be used; the message names it and what it must look like."""


def class_names() -> list[str]:
    """`class_names`: names of the classes, separated by commas; the order gives the indexes in the dataset."""
    names = [name.strip() for name in str(Context.get_parameters("class_names", "")).split(",") if name.strip()]
    if not names:
        raise ParameterError("class_names must name the classes, like person,helmet,helmet-on,helmet-off")
    return names


def input_shape() -> tuple[int, int]:
    """`input_shape`: height,width that pictures are brought to, in pixels."""
    text = str(Context.get_parameters("input_shape", "352,640"))
    try:
        height, width = (int(part) for part in text.split(","))
    except ValueError:
        raise ParameterError(f"input_shape must be height,width like 352,640, not {text!r}") from None
    if height < GRID or width < GRID or height % GRID or width % GRID:
        raise ParameterError(f"input_shape must be multiples of {GRID}, like 352,640, not {text!r}")
    return height, width


def model_format() -> str:
    """`format`: of FORMATS: what runs the network; models that are trained for LiteRT carry its form, too."""
    text = str(Context.get_parameters("format", KERAS))
    if text not in FORMATS:
        raise ParameterError(f"format must be {' or '.join(FORMATS)}, not {text!r}")
    return text


def number(name: str, default: float) -> float:
    """A parameter that is a number."""
    text = str(Context.get_parameters(name, default))
    try:
        return float(text)
    except ValueError:
        raise ParameterError(f"{name} must be a number, not {text!r}") from None


def whole(name: str, default: int) -> int:
    """A parameter that is a whole number, at least 1."""
    value = number(name, default)
    if value < 1 or value % 1:
        raise ParameterError(f"{name} must be a whole number of at least 1, not {value:g}")
    return int(value)
