"""When a stage may begin: conditions on metrics, and windows of the day.

Used by the controller of each kind of job and by validation; pure, the moment and the zone are arguments.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from sedna.api.meta import Int, NonEmpty, Number, Value

OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "gt": operator.gt,
    ">": operator.gt,
    "ge": operator.ge,
    ">=": operator.ge,
    "eq": operator.eq,
    "=": operator.eq,
    "==": operator.eq,
    "ne": operator.ne,
    "!=": operator.ne,
    "le": operator.le,
    "<=": operator.le,
    "lt": operator.lt,
    "<": operator.lt,
}
NUM_OF_SAMPLES = "num_of_samples"
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])\Z")
_METRIC = re.compile(r"(?P<name>[^\[\]\s]+?)(?:\[(?P<index>[0-9]{1,6})\])?(?P<delta>_delta)?\Z")

Metric = float | list[float]


def _operator(text: str) -> str:
    if text not in OPERATORS:
        raise ValueError(f"{text!r} is not an operator: use one of {', '.join(OPERATORS)}")
    return text


def _time_of_day(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        # A YAML 1.1 parser reads 20:00 as 1200, and 1200 could as well be meant as noon: asking beats guessing.
        raise ValueError(f'{value} is a number, not a time: write "HH:MM" in quotes')
    if isinstance(value, str) and not _TIME.match(value):
        raise ValueError(f'{value!r} is not a time of day: write "HH:MM", 00:00 to 23:59')
    return value


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (
        OSError,
        ValueError,
    ) as error:  # ZoneInfoNotFoundError is a KeyError, which no name of ours raises
        raise ValueError(f"{name!r} is not a time zone: write a name such as Europe/Berlin") from error
    except KeyError as error:
        raise ValueError(f"{name!r} is not a time zone: write a name such as Europe/Berlin") from error
    return name


def _metric_name(text: str) -> str:
    if not _METRIC.match(text):
        raise ValueError(f"{text!r} is not a metric: write NAME, NAME_delta, NAME[0] or NAME_delta[0]")
    return text


TimeOfDay = Annotated[str, BeforeValidator(_time_of_day)]


class TriggerCondition(Value):
    """A metric compared with a threshold."""

    operator: Annotated[str, AfterValidator(_operator)]
    """One of > >= == != <= < and their names gt ge eq ne le lt."""
    threshold: Number
    metric: Annotated[NonEmpty, AfterValidator(_metric_name)]
    """num_of_samples for training; for deployment any reported metric, NAME_delta for new minus deployed."""


class TriggerTimer(Value):
    """A window of the day; one that ends before it starts goes over midnight."""

    start: TimeOfDay
    end: TimeOfDay
    timezone: Annotated[str, AfterValidator(_zone)] | None = None
    """Such as Europe/Berlin; absent: the zone of the node that holds the data."""


class Trigger(Value):
    """Timer and condition must both hold; either may stand alone."""

    check_period_seconds: Annotated[Int, Field(ge=1)] = 60
    """How often to look; a change of the count is looked at at once."""
    timer: TriggerTimer | None = None
    condition: TriggerCondition | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Trigger:
        if self.timer is None and self.condition is None:
            raise ValueError("a trigger needs a condition, a timer, or both")
        return self


@dataclass(frozen=True)
class Verdict:
    """Whether a condition holds, and the sentence that says why."""

    holds: bool
    reason: str


def holds(condition: TriggerCondition, new: Mapping[str, Metric], old: Mapping[str, Metric] | None = None) -> Verdict:
    """Compare a metric with the threshold.

    `new` holds the metrics of the new model (or `num_of_samples`), `old` those of the deployed one, for `_delta`.
    A metric that was not reported never holds, and the reason lists those that were.
    """
    try:
        value = measure(condition.metric, new, old)
    except LookupError as error:
        return Verdict(False, str(error.args[0]))
    good = OPERATORS[condition.operator](value, condition.threshold)
    relation = "holds" if good else "does not hold"
    return Verdict(
        good, f"{condition.metric} {condition.operator} {condition.threshold:g} {relation}: it is {value:.6g}"
    )


def measure(metric: str, new: Mapping[str, Metric], old: Mapping[str, Metric] | None = None) -> float:
    """Return the number that a condition's metric stands for; a list counts by its mean.

    Raises LookupError, with a sentence, for what was not reported.
    """
    if metric in new:  # a metric whose own name ends in _delta is taken at its word
        return _number(metric, new[metric], None)
    text = metric
    index = None
    if match := re.search(r"\[([0-9]+)\]", text):
        index = int(match[1])
        text = text[: match.start()] + text[match.end() :]
    if text in new:
        return _number(text, new[text], index)
    name = text[: -len("_delta")] if text.endswith("_delta") else text
    if name == text:
        raise LookupError(f"the metric {name} was not reported for the new model: {_listing(new)}")
    if name not in new:
        raise LookupError(f"the metric {name} was not reported for the new model: {_listing(new)}")
    if old is None or name not in old:
        raise LookupError(f"the metric {name} was not reported for the deployed model: {_listing(old or {})}")
    return _number(name, new[name], index) - _number(name, old[name], index)


def undivided(metric: str, new: Mapping[str, Metric]) -> str:
    """Return the metric of one model that a condition asks for: `precision[2]` for `precision_delta[2]`."""
    match = None if metric in new else re.fullmatch(r"(.+?)_delta(\[[0-9]+\])?|(.+\[[0-9]+\])_delta", metric)
    return metric if match is None else match[3] or f"{match[1]}{match[2] or ''}"


def fewest(condition: TriggerCondition) -> int | None:
    """Return the smallest count for which a condition holds; None when none does."""
    holding, near = OPERATORS[condition.operator], math.floor(condition.threshold)
    # The verdict changes at the threshold and nowhere else; 1 is for `!= 0`.
    counts = (count for count in (0, 1, near, near + 1) if count >= 0)
    return min((count for count in counts if holding(count, condition.threshold)), default=None)


def _number(name: str, value: Metric, index: int | None) -> float:
    if not isinstance(value, list):
        if index not in (None, 0):
            raise LookupError(f"the metric {name} is a single number, it has no entry {index}")
        return float(value)
    if not value:
        raise LookupError(f"the metric {name} is an empty list")
    if index is None:
        return sum(value) / len(value)
    if index >= len(value):
        raise LookupError(f"the metric {name} has {len(value)} entries, there is no entry {index}")
    return float(value[index])


def _listing(metrics: Mapping[str, Metric]) -> str:
    return "reported were " + ", ".join(sorted(metrics)) if metrics else "no metric was reported"


def window_open(timer: TriggerTimer, now: datetime, zone: tzinfo) -> bool:
    """Tell whether an aware moment lies in the window (start included, end not); equal ends are the whole day."""
    start, end = _clock(timer.start), _clock(timer.end)
    moment = now.astimezone(_zone_of(timer, zone)).time()
    if start < end:
        return start <= moment < end
    return moment >= start or moment < end


def next_opening(timer: TriggerTimer, now: datetime, zone: tzinfo) -> datetime:
    """Return the moment, `now` or later, at which the window is open next."""
    if window_open(timer, now, zone):
        return now
    local = now.astimezone(_zone_of(timer, zone))
    start = _clock(timer.start)
    opening = local.replace(hour=start.hour, minute=start.minute, second=0, microsecond=0)
    if opening <= local:
        opening += timedelta(days=1)
    return opening.astimezone(now.tzinfo)


def next_closing(timer: TriggerTimer, now: datetime, zone: tzinfo) -> datetime | None:
    """Return the first moment after `now` at which the window ends; None for one that is the whole day."""
    end = _clock(timer.end)
    if _clock(timer.start) == end:
        return None
    local = now.astimezone(_zone_of(timer, zone))
    closing = local.replace(hour=end.hour, minute=end.minute, second=0, microsecond=0)
    if closing <= local:
        closing += timedelta(days=1)
    return closing.astimezone(now.tzinfo)


def _zone_of(timer: TriggerTimer, zone: tzinfo) -> tzinfo:
    return ZoneInfo(timer.timezone) if timer.timezone else zone


def _clock(text: str) -> time:
    hour, minute = text.split(":")
    return time(int(hour), int(minute))
