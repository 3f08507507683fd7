"""Curves stay small and true: the first point and the newest are always there, and the rest lies about evenly."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from sedna_lc.news.curves import MOST_METRICS, MOST_NUMBERS, MOST_POINTS, Point, extended, joined

NAMES = st.sampled_from([f"metric-{number}" for number in range(40)])
NUMBERS = st.floats(-1e6, 1e6)


def drawn(steps: list[float], metrics: dict[str, float]) -> list[Point]:
    curve: list[Point] = []
    for step in steps:
        curve = extended(curve, step, metrics)
    return curve


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300), st.dictionaries(NAMES, NUMBERS, max_size=32))
def test_a_curve_never_grows_beyond_its_bounds_and_ends_where_the_training_is(
    steps: list[float], metrics: dict[str, float]
) -> None:
    curve = drawn(steps, metrics)
    assert len(curve) <= MOST_POINTS
    assert sum(len(values) for _, values in curve) <= max(MOST_NUMBERS, 3 * MOST_METRICS)
    assert curve[-1][0] == steps[-1]
    assert [done for done, _ in curve] == sorted({done for done, _ in curve})


@given(st.integers(1, 3000))
def test_the_first_point_stays_and_the_others_lie_about_evenly(steps: int) -> None:
    dones = [done for done, _ in drawn([float(step) for step in range(steps)], {"loss": 1.0})]
    assert (dones[0], dones[-1]) == (0, steps - 1)
    gaps = [later - earlier for earlier, later in itertools.pairwise(dones)]
    # All but the last, which is still on its way to its neighbour.
    assert max(gaps, default=0) <= 4 * max(1, steps / MOST_POINTS)


def test_a_training_that_begins_anew_has_a_new_curve() -> None:
    assert extended([(1, {"loss": 2.0}), (2, {"loss": 1.0})], 0.5, {"loss": 3.0}) == [(0.5, {"loss": 3.0})]


def test_what_is_told_later_of_the_same_step_is_added_to_it() -> None:
    curve = extended([(1, {"loss": 2.0})], 1, {"loss": 1.5, "val_loss": 2.5})
    assert curve == [(1, {"loss": 1.5, "val_loss": 2.5})]


def test_numbers_of_a_curve_have_as_many_digits_as_a_chart_can_show() -> None:
    assert extended([], 1, {"loss": 0.123456789}) == [(1, {"loss": 0.123457})]


def test_a_curve_from_before_a_restart_goes_on_with_what_was_heard_since() -> None:
    before: list[Point] = [(1, {"loss": 3.0}), (2, {"loss": 2.0})]
    assert joined(before, [(2, {"loss": 1.9}), (3, {"loss": 1.0})]) == [
        (1, {"loss": 3.0}),
        (2, {"loss": 1.9}),
        (3, {"loss": 1.0}),
    ]
    assert joined(before, []) == before
