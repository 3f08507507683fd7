"""The quick start's manifests as printed there, by kubectl from the cloud host, with everything where it says."""

from __future__ import annotations

import string
from pathlib import Path

import pytest

from tests.end_to_end.clusters import Document
from tests.hosts import helmets
from tests.hosts.clouds import Cloud, node_of
from tests.hosts.labs import Lab
from tests.hosts.machines import Machine
from tests.hosts.waiting import wait_until

MANIFESTS = helmets.EXAMPLE / "manifests"
JOB = "helmet-detection-demo"
DATASET = "/data/helmet_detection/train_data/train_data.txt"

pytestmark = [pytest.mark.timeout(1200), pytest.mark.kubectl]


def printed(name: str, node: str) -> str:
    """A manifest with the two variables that the quick start's shell fills in."""
    return string.Template((MANIFESTS / name).read_text()).substitute(WORKER_NODE=node, IMAGE=helmets.IMAGE)


def put_in_place(edge: Machine, scenes: Path) -> None:
    """Do what the quick start's section 2.3.2 does with wget and tar, and make the output folder of its section 4."""
    edge.shell("rm -rf /data /models /incremental_learning /output")
    edge.copy_in(scenes / "samples" / "images", str(Path(DATASET).parent))
    edge.copy_in(scenes / "base_model", "/models")
    edge.shell("mkdir /models/deploy_model /output && cp /models/base_model /models/deploy_model/saved_model.pb")
    edge.copy_in(scenes / "video" / "video.mp4", "/incremental_learning/video")
    edge.write(DATASET, "")


def test_the_quick_start_runs_as_printed(lab: Lab, cloud: Cloud, scenes: Path) -> None:
    edge = lab["edge1"]
    put_in_place(edge, scenes)
    for name in ("dataset.yaml", "initial-model.yaml", "deploy-model.yaml", "job.yaml"):
        created = cloud.kubectl("create", "-f", "-", stdin=printed(name, node_of(edge)))
        assert "created" in created
    cloud.until_served(f"{JOB}-inference", 0)
    hard = "/incremental_learning/he/"
    wait_until("hard examples are saved", lambda: edge.shell(f"ls {hard}"), seconds=180)
    edge.append(DATASET, helmets.samples(scenes, 0, 505))
    cloud.until("Dataset", "incremental-dataset", lambda it: it["status"].get("numberOfSamples") == 505, "505 samples")
    shown = cloud.kubectl("get", "incrementallearningjob", JOB)
    assert JOB in shown
    # The printed window is closed at night; then a person who does not want to wait asks for the round.
    told = cloud.until("IncrementalLearningJob", JOB, begun_or_waiting, "training begins, or waits for the window")
    if told["status"]["stage"] == "Train" and not begun(told):
        cloud.kubectl("annotate", "incrementallearningjob", JOB, "sedna.io/trigger=train")
    record = cloud.until_round(JOB, 1, seconds=600)
    assert record["decision"] in ("Deployed", "NotDeployed"), record
    assert record["samples"]["end"] == 505
    assert "precision" in record["metrics"]["new"]
    described = cloud.kubectl("describe", "incrementallearningjob", JOB)
    assert "Events" in described


def begun(job: Document) -> bool:
    """Whether the training of round 1 is on its way."""
    return any(each["type"] in ("Ready", "Starting", "Running") for each in job["status"].get("conditions", []))


def begun_or_waiting(job: Document) -> bool:
    return begun(job) or "window" in str(job["status"])
