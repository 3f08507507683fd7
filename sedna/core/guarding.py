"""Whether a new model has broken a limit of its guard: a pure function of what was measured. No I/O, no clock.

`sedna.core.trials` asks it while a model is watched. The words of a guard are those of `sedna.api.guards`; they are
read here once more without pydantic, which costs more to import than a small worker needs otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

_FIELDS = {
    "windowSeconds": "window_seconds",
    "minInferences": "min_inferences",
    "maxExceptions": "max_exceptions",
    "maxLatencyRatio": "max_latency_ratio",
    "maxLatencyMilliseconds": "max_latency_milliseconds",
    "maxHardExampleShare": "max_hard_example_share",
    "maxHardExampleShareRise": "max_hard_example_share_rise",
}


@dataclass(frozen=True)
class Measured:
    """What is known of a model's inferences."""

    inferences: int = 0
    """How many came to an end, with an answer or an exception."""
    exceptions: int = 0
    latency_milliseconds: float | None = None
    """95 % of the last few hundred answers took no longer; None without any."""
    hard_share: float | None = None
    """How many of the last few hundred answers were hard examples; None without any."""

    def dump(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    @classmethod
    def read(cls, stored: Any) -> Measured:
        """Read the JSON form. Raises ValueError or TypeError for anything else."""
        found = cls(**stored)
        for number in (found.inferences, found.exceptions, found.latency_milliseconds, found.hard_share):
            if number is not None and (isinstance(number, bool) or not isinstance(number, int | float)):
                raise TypeError(f"{number!r} is no number")
        return found


@dataclass(frozen=True)
class Limits:
    """A guard, as `sedna.api.guards.Guard` explains it. None: no limit."""

    window_seconds: float = 60
    min_inferences: float = 20
    max_exceptions: float | None = None
    max_latency_ratio: float | None = None
    max_latency_milliseconds: float | None = None
    max_hard_example_share: float | None = None
    max_hard_example_share_rise: float | None = None


def read_limits(told: Any) -> Limits | None:
    """The limits from a guard's JSON form; None where there is none. Raises ValueError for what is no guard.

    Words that this version does not know are left out: a newer LocalController may say more.
    """
    if told is None:
        return None
    if not isinstance(told, Mapping):
        raise ValueError("guard is not an object")
    known = {_FIELDS[name]: value for name, value in told.items() if name in _FIELDS and value is not None}
    for name, value in known.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
            raise ValueError(f"guard: {name} is {value!r}, not a number from 0 on")
    return Limits(**known)


def judge(limits: Limits, new: Measured, old: Measured | None) -> str | None:
    """The sentence about the first limit that the new model has broken; None as long as it keeps to all.

    `old` is the last good model as it was measured before; limits that compare with it hold while it is not known.
    """
    return next(_broken(limits, new, old), None)


def _broken(limits: Limits, new: Measured, old: Measured | None) -> Iterator[str]:
    allowed = limits.max_exceptions
    if allowed is not None and (allowed >= 1 or allowed == 0) and new.exceptions > allowed:
        yield f"{_exceptions(new)} (maxExceptions is {allowed:g}; {_before(old, _exceptions)})"
    if new.inferences < limits.min_inferences:
        return
    if allowed is not None and 0 < allowed < 1 and new.exceptions > allowed * new.inferences:
        yield f"{_exceptions(new)} (maxExceptions is {_share(allowed)}; {_before(old, _exceptions)})"
    base = old if old is not None and old.inferences >= limits.min_inferences else None
    if new.latency_milliseconds is not None:
        yield from _slow(limits, new.latency_milliseconds, new, old, base.latency_milliseconds if base else None)
    if new.hard_share is not None:
        yield from _hard(limits, new.hard_share, new, old, base.hard_share if base else None)


def _slow(limits: Limits, took: float, new: Measured, old: Measured | None, before: float | None) -> Iterator[str]:
    most, ratio = limits.max_latency_milliseconds, limits.max_latency_ratio
    if most is not None and took > most:
        yield f"{_times(new)} (maxLatencyMilliseconds is {most:g}; {_before(old, _times)})"
    if ratio is not None and before is not None and took > ratio * before:
        yield f"{_times(new)} (maxLatencyRatio is {ratio:g}; {_before(old, _times)})"


def _hard(limits: Limits, share: float, new: Measured, old: Measured | None, before: float | None) -> Iterator[str]:
    most, rise = limits.max_hard_example_share, limits.max_hard_example_share_rise
    if most is not None and share > most:
        yield f"{_hardness(new)} (maxHardExampleShare is {_share(most)}; {_before(old, _hardness)})"
    if rise is not None and before is not None and share > before + rise:
        yield f"{_hardness(new)} (maxHardExampleShareRise is {_share(rise)}; {_before(old, _hardness)})"


def describe(limits: Limits, new: Measured, old: Measured | None) -> str:
    """The sentence about a model that has kept to all limits until its window was over."""
    seconds = f"{limits.window_seconds:g} s"
    if new.inferences < limits.min_inferences:
        few = f"{new.inferences} of the {limits.min_inferences:g} inferences that it takes to judge shares and times"
        return f"It was watched for {seconds} and has broken no limit; there were only {few}."
    told = ", ".join((_exceptions(new), _times(new), _hardness(new)))
    then = "" if old is None or not old.inferences else f" The model before it: {_times(old)}, {_hardness(old)}."
    return f"It was watched for {seconds} and has broken no limit: {told}.{then}"


def _before(old: Measured | None, words: Any) -> str:
    return f"the model before it: {words(old)}" if old is not None and old.inferences else "nothing to compare with"


def _exceptions(one: Measured) -> str:
    return f"{one.exceptions} of {one.inferences} inferences raised an exception"


def _times(one: Measured) -> str:
    if one.latency_milliseconds is None:
        return "no inference was answered"
    return f"95 % of the inferences took up to {one.latency_milliseconds:.3g} ms"


def _hardness(one: Measured) -> str:
    return "no hard examples are known" if one.hard_share is None else f"{_share(one.hard_share)} were hard examples"


def _share(number: float) -> str:
    return f"{number * 100:.3g} %"
