"""Failed attempts by address: thirty at once, then one in two seconds, however they are spread."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_gm.errors import TooMany
from sedna_gm.identity.limiting import Failures


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def let_through(failures: Failures, clock: Clock, pauses: list[float]) -> int:
    through = 0
    for pause in pauses:
        clock.now += pause
        try:
            failures.note("10.0.0.1")
            through += 1
        except TooMany:
            pass
    return through


@pytest.mark.parametrize("pause", [0.0, 0.001, 0.1])
def test_a_guesser_who_takes_a_moment_for_each_try_is_held_up_like_one_who_takes_none(pause: float) -> None:
    clock = Clock()
    through = let_through(Failures(clock), clock, [pause] * 1000)
    assert through == pytest.approx(30 + 1000 * pause / 2, abs=1)


@given(st.lists(st.floats(0, 3, allow_nan=False), min_size=1, max_size=300))
def test_never_more_than_thirty_and_one_in_two_seconds_come_through(pauses: list[float]) -> None:
    clock = Clock()
    assert let_through(Failures(clock), clock, pauses) <= 30 + sum(pauses) / 2 + 1e-6


def test_who_waits_hears_again_what_is_wrong_and_others_are_not_kept_waiting() -> None:
    clock = Clock()
    failures = Failures(clock)
    let_through(failures, clock, [0.0] * 100)
    failures.note("10.0.0.2")
    clock.now += 2.0
    failures.note("10.0.0.1")
    with pytest.raises(TooMany):
        failures.note("10.0.0.1")
