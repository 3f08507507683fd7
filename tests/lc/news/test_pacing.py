"""Long trainings are told seldom, and their end is foretold from what they have done of late."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_lc.news.pacing import LONGEST_SECONDS, REMEMBERED, SHORTEST_SECONDS, Step, pause, remembered, seconds_left


@pytest.mark.parametrize(("taken", "seconds"), [(0, 2), (100, 2), (1000, 10), (6000, 60), (1e9, 60)])
def test_a_training_is_told_about_a_hundred_times_as_it_doubles(taken: float, seconds: float) -> None:
    assert pause(taken) == seconds


@given(st.floats(0, 1e9))
def test_a_pause_is_never_shorter_or_longer_than_promised(taken: float) -> None:
    assert SHORTEST_SECONDS <= pause(taken) <= LONGEST_SECONDS


def test_the_end_comes_nearer_while_time_passes_and_not_below_now() -> None:
    steps = [Step(0, 0), Step(10, 1), Step(20, 2)]
    assert seconds_left(steps, 4, 20) == 20
    assert seconds_left(steps, 4, 25) == 15
    assert seconds_left(steps, 4, 500) == 0


def test_slow_first_steps_are_forgotten() -> None:
    steps: list[Step] = [Step(0, 0)]
    for number in range(1, 2 * REMEMBERED):
        steps = remembered(steps, Step(100.0 + number, number))
    assert len(steps) == REMEMBERED
    assert seconds_left(steps, 2 * REMEMBERED + 9, steps[-1].seconds) == 10


@pytest.mark.parametrize(
    ("steps", "total"),
    [([], 3), ([Step(0, 1)], 3), ([Step(0, 1), Step(5, 2)], None)],
    ids=["nothing", "one step", "no total"],
)
def test_nobody_says_an_end_that_nobody_can_know(steps: list[Step], total: float | None) -> None:
    assert seconds_left(steps, total, 10) is None


def test_what_is_done_is_done_now() -> None:
    assert seconds_left([Step(0, 3)], 3, 9) == 0


def test_a_training_that_begins_anew_has_a_pace_of_its_own() -> None:
    assert remembered([Step(0, 1), Step(1, 2)], Step(2, 1)) == [Step(2, 1)]
    assert remembered([Step(0, 1)], Step(9, 1)) == [Step(0, 1)]


@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), max_size=20),
    st.none() | st.floats(0, 1e6),
    st.floats(0, 1e6),
)
def test_no_history_breaks_the_forecast(told: list[tuple[float, float]], total: float | None, now: float) -> None:
    steps: list[Step] = []
    for seconds, done in sorted(told):
        steps = remembered(steps, Step(seconds, done))
    left = seconds_left(steps, total, now)
    assert left is None or left >= 0
