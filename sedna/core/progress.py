"""How far a training is, said by whoever trains: one function for any loop, and what a Keras callback tells by it.

    for epoch in range(20):
        loss = train_one_epoch()
        report_progress(done=epoch + 1, total=20, metrics={"loss": loss})

What is said goes to the LocalController in the background (`sedna.service.news`) and to the Worker's status from
there. It costs microseconds, waits for nobody, and never raises: a training does not fail for being watched. Outside
of Sedna nothing happens.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

from sedna.service.news import news_of_this_worker

__all__ = ("report_progress",)

logger = logging.getLogger(__name__)

# As in `sedna.api.workers`, which needs more to be imported than a worker has to have.
_MOST_METRICS = 32
_LONGEST_NAME = 63
_LONGEST_UNIT = 32


def report_progress(
    done: float,
    total: float | None = None,
    unit: str = "epoch",
    metrics: Mapping[str, Any] | None = None,
) -> None:
    """Say that `done` of `total` units (epochs, steps, images) are done, and how the metrics are now.

    `total`: None when nobody knows. `metrics`: names to numbers, such as {"loss": 0.3}; anything that `float` reads,
    such as an element of numpy or a tensor of one number. Of it at most 32 are told, and what is no finite number is
    left out. Call it as often as you like: the newest counts, and at most one a second is sent.
    """
    try:
        sender = news_of_this_worker()
        if sender is None:
            return
        news = _news(done, total, unit, metrics or {})
        if news is None:
            logger.debug("Progress of %r is no number from 0 on; it is not told.", done)
        else:
            sender.tell("progress", news)
    except Exception:
        logger.debug("Progress could not be told.", exc_info=True)


def _news(done: Any, total: Any, unit: Any, metrics: Mapping[Any, Any]) -> dict[str, Any] | None:
    far, whole = _number(done), _number(total)
    if far is None or far < 0:
        return None
    news: dict[str, Any] = {"done": far, "unit": str(unit)[:_LONGEST_UNIT] or "epoch", "metrics": _metrics(metrics)}
    return news if whole is None or whole < 0 else {**news, "total": whole}


def _metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    told: dict[str, float] = {}
    for name, value in metrics.items():
        number = _number(value)
        if number is not None and str(name) and len(told) < _MOST_METRICS:
            told[str(name)[:_LONGEST_NAME]] = number
    return told


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
