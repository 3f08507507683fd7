"""What an inference worker answers is counted and told, cheaply, while there is something to tell."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.core.incremental_learning import IncrementalLearning
from sedna.core.metering import InferenceTeller, Meter, quantiles
from tests.library.conftest import Told

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=timezone.utc)


def test_counts_shares_and_times_are_told() -> None:
    meter = Meter(lambda: NOW)
    for number in range(1, 101):
        meter.answered(number / 100, number % 4 == 0)
    assert meter.summary(2.5) == {
        "count": 100,
        "hard": 25,
        "perSecond": 2.5,
        "since": "2026-11-22T14:00:00Z",
        "hardShare": 0.25,
        "latencySeconds": {"p50": 0.5, "p95": 0.95, "p99": 0.99},
    }


def test_before_the_first_answer_there_are_no_times() -> None:
    assert Meter(lambda: NOW).summary(0.0) == {"count": 0, "hard": 0, "perSecond": 0.0, "since": "2026-11-22T14:00:00Z"}


def test_times_and_shares_are_of_late_and_counts_for_good() -> None:
    meter = Meter(lambda: NOW)
    for number in range(2000):
        meter.answered(9.0 if number < 1000 else 0.5, number < 1000)
    told = meter.summary(0.0)
    assert (told["count"], told["hard"], told["hardShare"]) == (2000, 1000, 0.0)
    assert told["latencySeconds"]["p99"] == 0.5


@given(st.lists(st.floats(0, 1e4), min_size=1))
def test_quantiles_are_times_that_there_were_in_their_order(seconds: list[float]) -> None:
    found = quantiles(seconds)
    assert found["p50"] <= found["p95"] <= found["p99"] <= round(max(seconds), 6)
    assert round(min(seconds), 6) <= found["p50"]


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_worker_that_nobody_asks_says_once_that_it_rests_and_then_nothing() -> None:
    meter, clock = Meter(lambda: NOW), Clock()
    told: list[dict[str, Any]] = []
    teller = InferenceTeller(meter, told.append, monotonic=clock)

    def look() -> None:
        clock.seconds += 15
        teller.look()

    look()
    assert told == []
    for _ in range(30):
        meter.answered(0.1, is_hard=False)
    look()
    look()
    look()
    assert [(one["count"], one["perSecond"]) for one in told] == [(30, 2.0), (30, 0.0)]


class Estimator:
    """Says what it is asked."""

    def predict(self, data: Any, **_: Any) -> Any:
        return data

    def load(self, model_url: str) -> None:
        pass


@pytest.mark.parametrize(
    ("variable", "counted"), [("MODEL_NAME", True), ("TRAIN_DATASET_URL", False), ("TEST_DATASET_URL", False)]
)
def test_what_a_training_tries_is_no_service(
    told: Told, monkeypatch: pytest.MonkeyPatch, variable: str, counted: bool
) -> None:
    monkeypatch.setenv(variable, "x")
    job = IncrementalLearning(Estimator)
    job.inference([1])
    assert (job._inferences is not None) is counted
    if job._inferences is not None:
        job._inferences.look()
        assert told.last("inference")["count"] == 1
    job.close()
