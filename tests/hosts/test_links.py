"""The edge's link is cut, for longer than every timeout: the edge goes on alone, and all is reconciled once after."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from tests.hosts.clouds import node_of
from tests.hosts.digits import INFERENCE, JOB, PLACE, Digits
from tests.hosts.machines import Machine
from tests.hosts.waiting import wait_until

# The longest that any side waits for the other is a LocalController for a word of its watch, 120 s.
CUT_SECONDS = 150.0

pytestmark = pytest.mark.timeout(1200)


def stay_cut(edge: Machine, since: float) -> None:
    """Stay cut off for the time, and see that the camera's worker serves on: the same process, new hard examples."""
    process = edge.show(f"sedna-worker-default-{INFERENCE}.service", "MainPID")
    while time.monotonic() - since < CUT_SECONDS:
        edge.shell(f"rm -f {PLACE}/hard_examples/*.json")
        saved: Callable[[], str] = lambda: edge.shell(f"ls {PLACE}/hard_examples")  # noqa: E731
        wait_until("the camera saves hard examples while the link is cut", saved, seconds=60)
        threading.Event().wait(5)
    assert edge.show(f"sedna-worker-default-{INFERENCE}.service", "MainPID") == process


def test_a_link_cut_during_training_costs_no_sample_and_no_round(example: Digits) -> None:
    cloud, edge = example.cloud, example.edge
    example.submit()
    example.until_camera_saves()
    first = example.label(1)
    cloud.until("Worker", f"{JOB}-train-1", lambda it: it["status"].get("phase") == "Running", "training runs")
    edge.cut_link()
    cut = time.monotonic()
    second = example.label(2)
    stay_cut(edge, cut)
    cloud.until_silent(node_of(edge))
    told = cloud.get("IncrementalLearningJob", JOB)["status"]
    edge.mend_link()
    cloud.until_round(JOB, 2)
    rounds = cloud.rounds(JOB)
    assert [each["round"] for each in rounds] == [1, 2], f"the cut cost a round; during it the job said: {told}"
    ranges = [(each["samples"]["start"], each["samples"]["end"]) for each in rounds]
    assert ranges == [(0, first), (first, first + second)]
    dataset = cloud.get("Dataset", "digits")["status"]
    assert (dataset["numberOfSamples"], dataset["samplesSeen"]) == (first + second, first + second)


def test_a_link_cut_during_deploy_is_made_up_for_once_it_is_back(example: Digits) -> None:
    cloud, edge = example.cloud, example.edge
    example.submit()
    example.until_camera_saves()
    samples = example.label(1)
    stage = lambda it: it["status"].get("stage")  # noqa: E731
    cloud.until("IncrementalLearningJob", JOB, lambda it: stage(it) == "Eval", "evaluation began")
    # The edge holds its breath until the deployment has begun, so that the cut falls into it and not beside it.
    edge.systemctl("kill", "--signal=STOP", "sedna-lc.service")
    try:
        cloud.until("IncrementalLearningJob", JOB, lambda it: stage(it) == "Deploy", "deployment began")
        edge.cut_link()
    finally:
        edge.systemctl("kill", "--signal=CONT", "sedna-lc.service")
    stay_cut(edge, time.monotonic())
    during = cloud.get("IncrementalLearningJob", JOB)["status"]
    assert during["stage"] == "Deploy"
    assert node_of(edge) in str(during), "the job says whom it waits for"
    edge.mend_link()
    record = cloud.until_round(JOB, 1)
    assert record["decision"] == "Deployed"
    assert cloud.until_served(INFERENCE, 1)["sha256"] == record["models"]["new"]["sha256"]
    assert [each["samples"]["end"] for each in cloud.rounds(JOB)] == [samples]
