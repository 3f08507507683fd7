"""Triggers: windows of the day and conditions on metrics."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sedna.api.triggers import (
    OPERATORS,
    Trigger,
    TriggerCondition,
    TriggerTimer,
    holds,
    next_opening,
    window_open,
)

UTC = timezone.utc
times = st.builds(lambda h, m: f"{h:02}:{m:02}", st.integers(0, 23), st.integers(0, 59))
moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


def condition(metric: str, operator: str = ">", threshold: float = 0.1) -> TriggerCondition:
    return TriggerCondition(operator=operator, threshold=threshold, metric=metric)


@pytest.mark.parametrize("operator", OPERATORS)
def test_w20_every_operator_of_the_original_is_known(operator: str) -> None:
    assert isinstance(holds(condition("m", operator, 1.0), {"m": 1.0}).holds, bool)


@pytest.mark.parametrize("operator", ["><", "", "=>", "GT", "is"])
def test_w20_an_unknown_operator_is_refused_instead_of_meaning_false(operator: str) -> None:
    with pytest.raises(ValidationError, match="is not an operator"):
        condition("m", operator)


@pytest.mark.parametrize("metric", ["metric[-1]", "metric[", "metric]", "metric[1", "metric[x]", "a b", ""])
def test_w20_a_bad_index_is_refused_instead_of_ending_the_process(metric: str) -> None:
    with pytest.raises(ValidationError):
        condition(metric)


def test_w19_a_list_without_an_index_counts_by_its_mean() -> None:
    assert holds(condition("precision_delta"), {"precision": [0.9, 0.7]}, {"precision": [0.3, 0.3]}).holds
    assert not holds(condition("precision_delta", "<="), {"precision": [0.9, 0.7]}, {"precision": [0.3, 0.3]}).holds


def test_w19b_a_plain_number_is_a_metric() -> None:
    verdict = holds(condition("precision_delta"), {"precision": 0.9}, {"precision": 0.5})
    assert verdict.holds
    assert "precision_delta > 0.1 holds: it is 0.4" in verdict.reason


@pytest.mark.parametrize("metric", ["precision[1]_delta", "precision_delta[1]"])
def test_an_index_may_stand_before_or_behind_delta(metric: str) -> None:
    assert holds(condition(metric), {"precision": [0, 0.9]}, {"precision": [0, 0.5]}).holds


@pytest.mark.parametrize(
    ("metric", "new", "old", "reason"),
    [
        (
            "f1",
            {"precision": 0.9, "recall": 0.8},
            {},
            "not reported for the new model: reported were precision, recall",
        ),
        ("f1", {}, {}, "no metric was reported"),
        (
            "precision_delta",
            {"precision": 0.9},
            {"recall": 0.1},
            "not reported for the deployed model: reported were recall",
        ),
        ("precision_delta", {"precision": 0.9}, None, "not reported for the deployed model"),
        ("precision[3]", {"precision": [0.1, 0.2]}, {}, "has 2 entries, there is no entry 3"),
        ("precision_delta[1]", {"precision": [0.9, 0.9]}, {"precision": [0.1]}, "has 1 entries"),
        ("precision", {"precision": []}, {}, "is an empty list"),
    ],
)
def test_w11_a_missing_metric_does_not_hold_and_says_what_was_reported(metric, new, old, reason) -> None:  # type: ignore[no-untyped-def]
    verdict = holds(condition(metric), new, old)
    assert not verdict.holds
    assert reason in verdict.reason


def test_w18_a_timer_alone_is_a_trigger_and_so_is_a_condition() -> None:
    assert Trigger(timer=TriggerTimer(start="00:00", end="23:59")).condition is None
    assert Trigger(condition=condition("m")).timer is None


def test_a_trigger_that_says_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="needs a condition, a timer, or both"):
        Trigger()


@pytest.mark.parametrize("value", ["24:00", "2:5", "20.00", "20:00:00", "", "noon"])
def test_a_bad_time_is_refused(value: str) -> None:
    with pytest.raises(ValidationError, match="not a time of day"):
        TriggerTimer(start=value, end="10:00")


def test_the_number_that_yaml_1_1_makes_of_a_time_is_refused_with_the_way_out() -> None:
    with pytest.raises(ValidationError, match='1200 is a number, not a time: write "HH:MM" in quotes'):
        TriggerTimer.model_validate({"start": "02:00", "end": 1200})


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "", "/etc/localtime", "Europe"])
def test_a_zone_that_does_not_exist_is_refused(zone: str) -> None:
    with pytest.raises(ValidationError, match="is not a time zone"):
        TriggerTimer(start="02:00", end="20:00", timezone=zone)


def test_w22_a_window_counts_in_its_own_zone() -> None:
    timer = TriggerTimer(start="02:00", end="20:00", timezone="Asia/Tokyo")
    assert window_open(timer, datetime(2026, 11, 22, 18, 0, tzinfo=UTC), UTC)  # 03:00 in Tokyo
    assert not window_open(timer, datetime(2026, 11, 22, 12, 0, tzinfo=UTC), UTC)  # 21:00 in Tokyo


def test_w22_without_a_zone_the_node_of_the_data_decides() -> None:
    timer = TriggerTimer(start="02:00", end="20:00")
    moment = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
    assert window_open(timer, moment, UTC)
    assert not window_open(timer, moment, ZoneInfo("Europe/Athens"))  # 20:00 there


def test_w21_a_window_over_midnight_is_open_on_both_sides_only() -> None:
    timer = TriggerTimer(start="22:00", end="04:00")
    open_hours = [h for h in range(24) if window_open(timer, datetime(2026, 1, 1, h, 30, tzinfo=UTC), UTC)]
    assert open_hours == [0, 1, 2, 3, 22, 23]


@given(times, times, moments)
def test_the_next_opening_is_open_and_nothing_before_it_is(start: str, end: str, now: datetime) -> None:
    timer = TriggerTimer(start=start, end=end)
    opening = next_opening(timer, now, UTC)
    assert opening >= now
    assert opening - now <= timedelta(days=1)
    assert window_open(timer, opening, UTC)
    if opening > now:
        assert not window_open(timer, opening - timedelta(seconds=1), UTC)
