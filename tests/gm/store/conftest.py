"""A clock that stands still until it is told otherwise."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest


class StandingClock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 14, 0, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()
