"""When a new model has broken a limit, and the sentence about it: pure, for whatever was measured."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sedna.api.guards import Guard
from sedna.core.guarding import Limits, Measured, describe, judge, read_limits
from sedna.core.measuring import Measure

OLD = Measured(inferences=400, exceptions=1, latency_milliseconds=20.0, hard_share=0.1)
GOOD = Measured(inferences=100, exceptions=0, latency_milliseconds=21.0, hard_share=0.12)
WORDS = [
    "windowSeconds", "minInferences", "maxExceptions", "maxLatencyRatio", "maxLatencyMilliseconds",
    "maxHardExampleShare", "maxHardExampleShareRise",
]  # fmt: skip


@pytest.mark.parametrize(
    ("limits", "new", "sentence"),
    [
        (
            Limits(max_exceptions=2), replace(GOOD, exceptions=3),
            "3 of 100 inferences raised an exception (maxExceptions is 2; the model before it: 1 of 400 inferences "
            "raised an exception)",
        ),
        (
            Limits(max_exceptions=0.05), replace(GOOD, exceptions=6),
            "6 of 100 inferences raised an exception (maxExceptions is 5 %; the model before it: 1 of 400 inferences "
            "raised an exception)",
        ),
        (
            Limits(max_latency_ratio=2), replace(GOOD, latency_milliseconds=55.5),
            "95 % of the inferences took up to 55.5 ms (maxLatencyRatio is 2; the model before it: 95 % of the "
            "inferences took up to 20 ms)",
        ),
        (
            Limits(max_latency_milliseconds=50), replace(GOOD, latency_milliseconds=55.5),
            "95 % of the inferences took up to 55.5 ms (maxLatencyMilliseconds is 50; the model before it: 95 % of the "
            "inferences took up to 20 ms)",
        ),
        (
            Limits(max_hard_example_share=0.5), replace(GOOD, hard_share=0.75),
            "75 % were hard examples (maxHardExampleShare is 50 %; the model before it: 10 % were hard examples)",
        ),
        (
            Limits(max_hard_example_share_rise=0.2), replace(GOOD, hard_share=0.31),
            "31 % were hard examples (maxHardExampleShareRise is 20 %; the model before it: 10 % were hard examples)",
        ),
    ],
    ids=["count", "share", "ratio", "milliseconds", "hard", "rise"],
)  # fmt: skip
def test_each_limit_is_told_with_both_numbers(limits: Limits, new: Measured, sentence: str) -> None:
    assert judge(limits, GOOD, OLD) is None
    assert judge(limits, new, OLD) == sentence


def test_a_count_of_exceptions_is_judged_at_once_and_a_share_only_with_enough_inferences() -> None:
    first = Measured(inferences=1, exceptions=1)
    assert judge(Limits(max_exceptions=0), first, None) is not None
    assert judge(Limits(max_exceptions=0.5), first, None) is None
    assert judge(Limits(max_exceptions=0.5, min_inferences=1), first, None) is not None


def test_what_cannot_be_compared_breaks_no_limit() -> None:
    limits = Limits(max_latency_ratio=1.1, max_hard_example_share_rise=0.01)
    slow = replace(GOOD, latency_milliseconds=999.0, hard_share=1.0)
    assert judge(limits, slow, None) is None
    assert judge(limits, slow, replace(OLD, inferences=3)) is None, "three inferences are no baseline"
    assert judge(limits, slow, OLD) is not None


def test_a_model_that_kept_to_all_limits_is_told_with_its_numbers() -> None:
    assert describe(Limits(), GOOD, OLD) == (
        "It was watched for 60 s and has broken no limit: 0 of 100 inferences raised an exception, 95 % of the "
        "inferences took up to 21 ms, 12 % were hard examples. The model before it: 95 % of the inferences took up to "
        "20 ms, 10 % were hard examples."
    )
    assert "there were only 3 of the 20 inferences" in describe(Limits(), Measured(inferences=3), None)


NUMBERS = st.floats(0, 1e6)
MEASURED = st.builds(
    Measured,
    st.integers(0, 10_000),
    st.integers(0, 10_000),
    st.none() | NUMBERS,
    st.none() | st.floats(0, 1),
)
LIMITS = st.builds(
    Limits,
    st.integers(0, 86_400),
    st.integers(1, 1000),
    st.none() | st.integers(0, 100) | st.floats(0, 1),
    st.none() | st.floats(0.1, 100),
    st.none() | NUMBERS,
    st.none() | st.floats(0, 1),
    st.none() | st.floats(0, 1),
)


@given(LIMITS, MEASURED, st.none() | MEASURED)
def test_a_better_model_never_breaks_what_a_worse_one_keeps(
    limits: Limits, new: Measured, old: Measured | None
) -> None:
    worse = replace(
        new,
        exceptions=new.exceptions + 1,
        latency_milliseconds=None if new.latency_milliseconds is None else new.latency_milliseconds * 2,
        hard_share=None if new.hard_share is None else min(1.0, new.hard_share + 0.1),
    )
    if judge(limits, worse, old) is None:
        assert judge(limits, new, old) is None


@given(MEASURED, st.none() | MEASURED)
def test_without_limits_nothing_is_broken(new: Measured, old: Measured | None) -> None:
    assert judge(Limits(min_inferences=1), new, old) is None
    assert describe(Limits(), new, old)


@given(st.fixed_dictionaries({}, optional={name: st.integers(0, 80_000) for name in WORDS}))
def test_a_guard_that_a_manifest_may_hold_is_read_by_the_library_as_it_is_meant(told: dict[str, int]) -> None:
    try:
        guard = Guard.model_validate(told)
    except ValidationError:
        return
    limits = read_limits(json.loads(json.dumps(guard.dump())))
    assert limits is not None
    assert limits == Limits(
        window_seconds=guard.window_seconds,
        min_inferences=guard.min_inferences,
        max_exceptions=guard.max_exceptions,
        max_latency_ratio=guard.max_latency_ratio,
        max_latency_milliseconds=guard.max_latency_milliseconds,
        max_hard_example_share=guard.max_hard_example_share,
        max_hard_example_share_rise=guard.max_hard_example_share_rise,
    )


@pytest.mark.parametrize("told", [[], "x", 7, {"maxExceptions": "3"}, {"windowSeconds": True}, {"maxLatencyRatio": -1}])
def test_what_is_no_guard_is_refused(told: object) -> None:
    with pytest.raises(ValueError, match="guard"):
        read_limits(told)


def test_a_word_of_a_newer_local_controller_is_left_out() -> None:
    assert read_limits({"maxExceptions": 1, "maxWatts": 5}) == Limits(max_exceptions=1)
    assert read_limits(None) is None


@pytest.mark.parametrize(
    "told",
    [
        {"windowSeconds": -1}, {"windowSeconds": 86_401}, {"minInferences": 0}, {"maxExceptions": 1.5},
        {"maxExceptions": -1}, {"maxLatencyRatio": 0}, {"maxHardExampleShare": 1.1}, {"maxHardExampleShareRise": "0.1"},
        {"maxLatency": 3},
    ],
)  # fmt: skip
def test_a_guard_that_makes_no_sense_is_refused_at_the_door(told: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Guard.model_validate(told)


class TestMeasure:
    def test_the_slowest_twentieth_does_not_count(self) -> None:
        measure = Measure()
        for number in range(100):
            measure.answered(1.0 if number < 5 else 0.010, is_hard=number % 4 == 0)
        assert measure.summary() == Measured(100, 0, 10.0, 0.25)
        measure.answered(1.0, is_hard=False)
        measure.failed()
        found = measure.summary()
        assert (found.inferences, found.exceptions) == (102, 1)

    def test_old_times_are_forgotten_and_counts_are_not(self) -> None:
        measure = Measure()
        for _ in range(1000):
            measure.answered(9.0, is_hard=True)
        for _ in range(512):
            measure.answered(0.001, is_hard=False)
        assert measure.summary() == Measured(1512, 0, 1.0, 0.0)

    def test_an_immediate_answer_can_be_hard(self) -> None:
        measure = Measure()
        measure.answered(0.0, is_hard=True)
        assert measure.summary().hard_share == 1.0

    @given(MEASURED)
    def test_what_is_written_is_read(self, one: Measured) -> None:
        assert Measured.read(json.loads(json.dumps(one.dump()))) == one

    @pytest.mark.parametrize("told", [{}, {"inferences": "3"}, {"watts": 3}, [], None, 3])
    def test_what_is_no_measure_is_refused(self, told: object) -> None:
        if told == {}:
            assert Measured.read(told) == Measured()
            return
        with pytest.raises((TypeError, ValueError)):
            Measured.read(told)
