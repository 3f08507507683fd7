"""Whole hosts crash, as by a power switch, and boot again: what was good serves on, and nothing is forgotten."""

from __future__ import annotations

import re

from tests.hosts.digits import INFERENCE, JOB, Digits
from tests.hosts.test_rounds import half_files, sha256_of_files

SERVING = f"sedna-worker-default-{INFERENCE}.service"


def test_an_edge_that_boots_with_no_link_serves_the_last_good_model(example: Digits) -> None:
    cloud, edge = example.cloud, example.edge
    example.submit()
    example.label(1)
    record = cloud.until_round(JOB, 1)
    cloud.until_served(INFERENCE, 1)
    edge.crash()
    edge.boot(link=False)
    example.forget_hard_examples()
    example.until_camera_saves()
    served = served_path(example)
    assert sha256_of_files(edge, served) == {record["models"]["new"]["sha256"]}
    counted = example.label(2)
    edge.mend_link()
    after = cloud.until_round(JOB, 2)
    assert [each["round"] for each in cloud.rounds(JOB)] == [1, 2]
    assert after["samples"]["end"] - after["samples"]["start"] == counted
    assert not half_files(edge)


def test_a_cloud_that_crashes_during_training_forgets_nothing(example: Digits) -> None:
    cloud, edge = example.cloud, example.edge
    example.submit()
    first = example.label(1)
    cloud.until_round(JOB, 1)
    before = cloud.get("IncrementalLearningJob", JOB)
    second = example.label(2)
    cloud.until("Worker", f"{JOB}-train-2", lambda it: it["status"].get("phase") == "Running", "round 2 trains")
    serving = edge.show(SERVING, "MainPID")
    cloud.host.crash()
    cloud.host.boot()
    # A training that the crash ended has failed its round; the samples are used in the next.
    completed = lambda: [each for each in cloud.rounds(JOB) if each["decision"] != "Failed"]  # noqa: E731
    cloud.until("IncrementalLearningJob", JOB, lambda _: len(completed()) >= 2, "two rounds are completed", 300)
    after = cloud.get("IncrementalLearningJob", JOB)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert int(after["metadata"]["resourceVersion"]) > int(before["metadata"]["resourceVersion"])
    assert [(each["samples"]["start"], each["samples"]["end"]) for each in completed()] == [
        (0, first),
        (first, first + second),
    ]
    assert edge.show(SERVING, "MainPID") == serving, "the edge noticed nothing"
    assert not half_files(cloud.host)


def served_path(example: Digits) -> str:
    """The model that the worker says it serves, since the host has booted."""
    said = example.edge.run("journalctl", "--boot", "--unit", SERVING, "--output=cat", "--no-pager")
    served = re.findall(r"The model (\S+) is served now", said)
    assert served, said
    return str(served[-1])
