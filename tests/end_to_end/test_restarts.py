"""Daemons come and go; workers, samples and rounds do not."""

from __future__ import annotations

import pytest

from tests.end_to_end.machines import Machine
from tests.end_to_end.test_loop import feed, label_of, phase, round_done, submit

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("end", ["stop", "kill"], ids=["stopped", "killed"])
def test_a_restarted_lc_adopts_its_workers(numbers: Machine, end: str) -> None:
    submit(numbers)
    before = numbers.get("Worker", "numbers-inference")["status"]["pid"]
    getattr(numbers, end)("lc")
    numbers.start_lc()
    feed(numbers, 0)
    round_done(numbers, 1)
    label_of(numbers, 15.0, "1")
    worker = numbers.get("Worker", "numbers-inference")
    assert worker["status"]["pid"] == before
    assert worker["status"]["restarts"] == 0


@pytest.mark.parametrize("end", ["stop", "kill"], ids=["stopped", "killed"])
def test_a_restarted_gm_loses_nothing(numbers: Machine, end: str) -> None:
    submit(numbers)
    feed(numbers, 0)
    first = round_done(numbers, 1)
    getattr(numbers, end)("gm")
    numbers.start_gm()
    assert numbers.rounds("numbers")[0] == first
    feed(numbers, 50)
    second = round_done(numbers, 2)
    assert second["round"] == 2


def test_what_happens_while_the_gm_is_away_is_told_later_and_once(numbers: Machine) -> None:
    submit(numbers)
    numbers.kill("gm")
    feed(numbers, 0, 30)
    numbers.start_gm()
    numbers.until(
        "Dataset", "numbers", lambda d: d["status"].get("samplesSeen") == 30, "the samples of the outage are counted"
    )
    feed(numbers, 30, 20)
    round_done(numbers, 1)
    job = numbers.get("IncrementalLearningJob", "numbers")
    assert job["status"]["samples"]["used"] == 50


def test_samples_that_come_while_the_lc_is_away_are_neither_lost_nor_counted_twice(numbers: Machine) -> None:
    submit(numbers)
    feed(numbers, 0, 20)
    numbers.until("Dataset", "numbers", lambda d: d["status"].get("samplesSeen") == 20, "20 are counted")
    numbers.kill("lc")
    feed(numbers, 20, 15)
    numbers.start_lc()
    numbers.until("Dataset", "numbers", lambda d: d["status"].get("samplesSeen") == 35, "35 are counted")


def test_an_inference_worker_that_dies_is_started_again(numbers: Machine) -> None:
    import os
    import signal

    submit(numbers)
    before = numbers.get("Worker", "numbers-inference")["status"]["pid"]
    os.kill(before, signal.SIGKILL)
    numbers.until(
        "Worker",
        "numbers-inference",
        lambda worker: worker["status"].get("pid") not in (None, before) and phase("Running")(worker),
        "it runs again",
    )
