"""What a model that was just deployed has to keep to, and for how long it is watched.

`deploySpec.guard` of a manifest; controllers copy it into `Worker.spec.guard`, and the node's LocalController hands
it to the library, which measures and judges (`sedna.core.guarding`).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from sedna.api.meta import Int, Number, Value

_Share = Annotated[Number, Field(ge=0, le=1)]
_MOST_SECONDS = 86_400


def _count_or_share(value: float) -> float:
    if value >= 1 and not value.is_integer():
        raise ValueError(f"{value} is neither a count (0, 1, 2, …) nor a share below 1 (such as 0.05)")
    return value


class Guard(Value):
    """Limits for a new model while it is watched. One that breaks a limit is taken back, and the last good one
    serves again."""

    window_seconds: Annotated[Int, Field(ge=0, le=_MOST_SECONDS)] = 60
    """How long it is watched from when it serves; 0: not at all."""
    min_inferences: Annotated[Int, Field(ge=1)] = 20
    """Shares and times are judged from so many inferences on; a count of exceptions at once."""
    max_exceptions: Annotated[Number, Field(ge=0), AfterValidator(_count_or_share)] | None = None
    """How many inferences may raise: a count (0, 1, 2, …), or a share of all when it is below 1 (such as 0.05).
    Absent: an exception is the script's own matter, as long as it does not end the process."""
    max_latency_ratio: Annotated[Number, Field(gt=0)] | None = None
    """How many times as long as with the last good model an inference may take: 95 % of them are within it."""
    max_latency_milliseconds: Annotated[Number, Field(gt=0)] | None = None
    """How long an inference may take: 95 % of them are within it."""
    max_hard_example_share: _Share | None = None
    """How many of the inferences may be hard examples, as a share."""
    max_hard_example_share_rise: _Share | None = None
    """By how much the share of hard examples may rise above that of the last good model: 0.1 allows 35 % after 25 %."""
