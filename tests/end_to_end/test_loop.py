"""The whole loop with the how-to pages' example: samples come in, a better model comes out, twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.end_to_end import pages
from tests.end_to_end.machines import Machine

pytestmark = pytest.mark.timeout(300)
JOB = ("IncrementalLearningJob", "numbers")


def submit(machine: Machine, *, hot: bool = True, name: str = "numbers") -> None:
    # A round here evaluates on ten samples or so: whether they show the improvement is the split's luck.
    text = pages.manifests(machine.folder).replace(
        'operator: ">", threshold: 0.1, metric: accuracy_delta', 'operator: ">=", threshold: 0, metric: accuracy'
    )
    assert "metric: accuracy}" in text
    if not hot:
        text = text.replace("hotUpdateEnabled: true", "hotUpdateEnabled: false")
    machine.create(text)
    machine.until("Worker", f"{name}-inference", phase("Running"), "inference runs with the first model")


def phase(wanted: str) -> object:
    return lambda resource: resource["status"].get("phase") == wanted


def feed(machine: Machine, start: int, count: int = 50) -> None:
    with (machine.folder / "numbers.csv").open("a") as file:
        file.write(pages.samples(start, count))


def round_done(machine: Machine, number: int) -> dict[str, object]:
    machine.until(
        *JOB,
        lambda job: job["status"].get("stage") == "Train" and len(machine.rounds("numbers")) >= number,
        f"round {number} is finished",
    )
    return machine.rounds("numbers")[number - 1]


def seen(machine: Machine) -> list[list[str]]:
    """What the inference worker wrote: process, value, label."""
    lines = (machine.folder / "hard" / "seen.txt").read_text().splitlines()
    return [line.split() for line in lines if line.count(" ") == 2]


def label_of(machine: Machine, value: float, label: str) -> None:
    """Wait until the running worker answers a value with a label."""
    machine.until_file(
        machine.folder / "hard" / "seen.txt",
        lambda text: f" {value} {label}\n" in text[text.rfind(f" {value} ") :],
        f"{value} is answered with {label}",
    )


@pytest.mark.parametrize("hot", [True, False], ids=["hot", "cold"])
def test_two_rounds_make_the_model_better_each_time(numbers: Machine, hot: bool) -> None:
    submit(numbers, hot=hot)
    label_of(numbers, 15.0, "0")
    feed(numbers, 0)
    first = round_done(numbers, 1)
    label_of(numbers, 15.0, "1")
    feed(numbers, 50)
    second = round_done(numbers, 2)
    label_of(numbers, 75.0, "1")
    assert [first["round"], second["round"]] == [1, 2]
    processes = {line[0] for line in seen(numbers)}
    if hot:
        assert len(processes) == 1, "the same process predicted all the time"
    else:
        assert len(processes) == 3, "each deployment started the worker again"


def test_a_hot_update_drops_and_tears_no_prediction(numbers: Machine) -> None:
    submit(numbers)
    feed(numbers, 0)
    round_done(numbers, 1)
    label_of(numbers, 15.0, "1")
    values = [float(line[1]) for line in seen(numbers)]
    assert values == [float(number % 100) for number in range(len(values))]


def test_each_finished_round_leaves_the_lineage_of_its_model(numbers: Machine) -> None:
    submit(numbers)
    feed(numbers, 0)
    record = json.dumps(round_done(numbers, 1))
    served = numbers.until(
        "Worker", "numbers-inference", lambda w: (w["status"].get("model") or {}).get("round") == 1, "round 1 is served"
    )["status"]["model"]
    assert served["sha256"] in record
    assert "accuracy" in record


def test_a_model_that_is_no_better_is_not_deployed_and_the_record_says_why(numbers: Machine) -> None:
    text = pages.manifests(numbers.folder).replace("threshold: 0.1", "threshold: 5")
    numbers.create(text)
    feed(numbers, 0)
    record = json.dumps(round_done(numbers, 1))
    assert "accuracy_delta > 5 does not hold" in record
    worker = numbers.get("Worker", "numbers-inference")
    assert worker["spec"]["round"] == 0


def test_an_exception_in_user_code_fails_the_stage_with_its_text(numbers: Machine) -> None:
    broken = numbers.setup.images / "numbers" / "v1" / "app" / "interface.py"
    broken.write_text(broken.read_text().replace("self.known += [", "raise RuntimeError('the disk of the camera') #"))
    submit(numbers)
    feed(numbers, 0)
    job = numbers.until(*JOB, lambda job: "the disk of the camera" in json.dumps(job["status"]), "the failure is told")
    assert job["status"]["samples"]["used"] == 0, "a failed round gives its samples back"


def test_describe_shows_the_events_as_sentences(numbers: Machine) -> None:
    submit(numbers)
    feed(numbers, 0)
    round_done(numbers, 1)
    described = numbers.sedna("describe", "ilj", "numbers")
    assert described.returncode == 0, described.stderr
    assert "Rounds:" in described.stdout
    assert "Events:\n" in described.stdout


def test_two_jobs_at_once_on_one_node(numbers: Machine, tmp_path: Path) -> None:
    other = pages.manifests(numbers.folder).split("---\n")[2]
    other = other.replace("name: numbers\nspec", "name: others\nspec").replace("/output", "/output-others")
    other = other.replace("/hard", "/hard-others")
    submit(numbers)
    numbers.create(other)
    numbers.until("Worker", "others-inference", phase("Running"), "the other job serves too")
    feed(numbers, 0)
    for name in ("numbers", "others"):
        numbers.until(
            "IncrementalLearningJob", name, lambda job: (job["status"].get("samples") or {}).get("used") == 50, name
        )
        assert numbers.rounds(name)


def test_a_job_that_comes_before_its_dataset_and_model_waits_and_says_so(numbers: Machine) -> None:
    dataset, model, job = pages.manifests(numbers.folder).split("---\n")
    numbers.create(job)
    numbers.until(
        *JOB,
        lambda job: "numbers" in job["status"].get("message", "") and job["status"].get("phase") == "Waiting",
        "waits",
    )
    numbers.create(dataset)
    numbers.until(*JOB, lambda job: "base" in json.dumps(job["status"]), "the missing model is told")
    numbers.create(model)
    numbers.until("Worker", "numbers-inference", phase("Running"), "it goes on by itself")


def test_deleting_a_job_ends_its_workers_before_it_disappears(numbers: Machine) -> None:
    submit(numbers)
    worker = numbers.get("Worker", "numbers-inference")
    pid = worker["status"]["pid"]
    assert Path(f"/proc/{pid}").exists()
    deleted = numbers.sedna("delete", "ilj", "numbers")
    assert deleted.returncode == 0, deleted.stderr
    assert not Path(f"/proc/{pid}").exists()
    assert numbers.list("Worker") == []


def test_logs_of_a_worker_reach_the_person_who_asks(numbers: Machine) -> None:
    broken = numbers.setup.images / "numbers" / "v1" / "app" / "inference.py"
    broken.write_text("print('hello from inference', flush=True)\n" + broken.read_text())
    submit(numbers)
    shown = numbers.sedna("logs", "numbers-inference")
    assert "hello from inference" in shown.stdout, shown.stderr
