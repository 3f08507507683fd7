"""The power goes at ten random moments of a round; after each boot the round is finished, once, with whole models."""

from __future__ import annotations

import random
import threading
import time

import pytest

from tests.machine.numbers import INFERENCE, Numbers

pytestmark = [pytest.mark.machine, pytest.mark.timeout(7200)]

CUTS = 10


def test_power_cuts_lose_no_round_repeat_none_and_tear_no_model(numbers: Numbers, machine_seed: int) -> None:
    draw = random.Random(machine_seed)
    cluster = numbers.cluster
    numbers.submit()
    cluster.until("Worker", INFERENCE, lambda w: w["status"].get("phase") == "Running", "inference runs")
    length = _whole_round(numbers)
    for number in range(1, CUTS + 1):
        numbers.feed()
        # The moment is the point: anywhere between the samples' arrival and the model's deployment.
        moment = draw.uniform(0, length)
        threading.Event().wait(moment)
        numbers.machine.cut_power()
        print(f"Cut {number} of {CUTS}: {moment:.1f} s into a round of about {length:.0f} s (seed {machine_seed}).")
        numbers.machine.boot()
        numbers.wait_ready()
        numbers.settle()
        numbers.check()
    assert numbers.used() == numbers.fed == 50 * (CUTS + 1)


def _whole_round(numbers: Numbers) -> float:
    """Let one round go through undisturbed; how long it took, in seconds."""
    begun = time.monotonic()
    numbers.feed()
    numbers.settle()
    return time.monotonic() - begun
