"""The digits example as its README runs it: real handwriting, a real drift, two rounds, hot and cold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sedna.api.kinds import by_kind
from sedna.cli.client import path_of
from sedna.images import references
from sedna.images.building import build
from tests.end_to_end.conftest import NOW
from tests.end_to_end.machines import DEADLINE, Machine
from tests.house.project import ROOT

pytest.importorskip("sklearn")
pytestmark = pytest.mark.timeout(400)
EXAMPLE = ROOT / "examples" / "digits"


@pytest.fixture
def digits(machine: Machine) -> Machine:
    """A machine with the example's image, data and manifests; nothing submitted yet."""
    reference = references.parse("sedna/example-digits:v1")
    build(EXAMPLE / "worker", reference, machine.setup.images, now=NOW, python=sys.executable)
    script(machine, "prepare.py")
    return machine


def script(machine: Machine, name: str) -> None:
    """Run one of the example's scripts as a person does."""
    out = str(machine.folder / "digits")
    done = subprocess.run(
        [sys.executable, str(EXAMPLE / name), "--out", out],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def finished(machine: Machine, number: int) -> dict[str, Any]:
    machine.until(
        "IncrementalLearningJob",
        "digits",
        lambda job: len(machine.rounds("digits")) >= number,
        f"round {number} finished",
    )
    record: dict[str, Any] = machine.rounds("digits")[number - 1]
    return record


@pytest.mark.parametrize("hot", [True, False], ids=["hot", "cold"])
def test_what_a_person_labels_makes_the_model_better(digits: Machine, hot: bool) -> None:
    folder = digits.folder / "digits"
    if not hot:
        job = next(path for path in (folder / "manifests").iterdir() if "hotUpdateEnabled" in path.read_text())
        job.write_text(job.read_text().replace("hotUpdateEnabled: true", "hotUpdateEnabled: false"))
    applied = digits.sedna("apply", "-f", str(folder / "manifests"))
    assert applied.stdout.count("created") == 4, applied.stderr
    saved = folder / "hard_examples"
    digits.until_seen(lambda: saved.is_dir() and len(list(saved.glob("*.json"))) > 60, "hard examples are saved")
    script(digits, "label.py")
    append_batch(folder, 1)
    first = finished(digits, 1)
    append_batch(folder, 2)
    second = finished(digits, 2)
    assert (first["round"], second["round"]) == (1, 2)
    assert first["metrics"]["new"]["accuracy"] > first["metrics"]["comparedWith"]["accuracy"]
    assert first["decision"] == "Deployed"
    if hot:
        check_what_can_be_watched(digits)
    served = digits.get("Worker", "digits-inference")["spec"]["round"]
    assert served == (2 if second["decision"] == "Deployed" else 1)


def check_what_can_be_watched(digits: Machine) -> None:
    """The training was told with its curve, inferences are counted, and what the worker uses is known."""
    train = digits.until(
        "Worker",
        "digits-train-2",
        lambda one: one["status"].get("progress", {}).get("done") == 60,
        "the last epoch is told",
    )
    told = train["status"]["progress"]
    assert (told["total"], told["unit"]) == (60, "epoch")
    assert told["curve"][-1] == [60, {"loss": pytest.approx(told["metrics"]["loss"], rel=1e-4)}]
    digits.until("Worker", "digits-inference", lambda one: one["status"].get("inference"), "inferences are counted")
    # It has run for longer than there is between two looks.
    used = digits.gm.ask("GET", path_of(by_kind("Worker"), "default", "digits-inference", "usage"))
    assert [one["running"] for one in used["workers"]] == [True]
    assert used["workers"][0]["memoryBytes"] > 10_000_000


def append_batch(folder: Path, number: int) -> None:
    """Append an already labelled batch to the dataset, without its header."""
    batch = (folder / "labelled" / f"batch_{number}.csv").read_text().split("\n", 1)[1]
    with (folder / "dataset" / "train.csv").open("a") as dataset:
        dataset.write(batch)
