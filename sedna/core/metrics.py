"""Turn what an estimator's evaluation returns into what a report can carry: JSON numbers.

Called by `sedna.core.incremental_learning`; does no I/O.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

Metric = float | int | str | list["Metric"]


def plain_metrics(result: Any) -> dict[str, Metric]:
    """Metric names to numbers or lists of numbers, from numbers, lists and numpy values.

    A single number becomes the metric "score". A number that is infinite or not a number becomes its text,
    because JSON has none, and the stage should fail naming it. Raises TypeError for anything else.
    """
    if result is None:
        raise TypeError("the evaluation returned nothing; it should return a dict of metric names to numbers")
    if not isinstance(result, Mapping):
        return {"score": _plain("score", result)}
    return {str(name): _plain(str(name), value) for name, value in result.items()}


def _plain(name: str, value: Any) -> Metric:
    # numpy's and the frameworks' scalars and arrays become numbers and lists by themselves.
    for method in ("tolist", "numpy"):
        if hasattr(value, method):
            return _plain(name, getattr(value, method)())
    if isinstance(value, (list, tuple)):
        return [_plain(name, one) for one in value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"the metric {name} is a {type(value).__name__}, not a number or a list of numbers")
    return value if math.isfinite(value) else str(value)
