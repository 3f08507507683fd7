"""How soon the true daemons act: a manifest, a sample, a report, each until the process that it is meant to start.

One host, the process runner, workers without TensorFlow. A start is the moment of the worker's exec; samples,
reports and starts are stamped by one clock.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.processes import until
from benchmarks.rows import Aim, Row, Size, median, share
from benchmarks.sites import IMAGE, Host, host, manifest
from sedna.api import kinds
from sedna.cli.client import path_of

_JOB = "IncrementalLearningJob"
_BATCH = 10


def measure(size: Size) -> Iterator[Row]:
    """Submissions, then rounds of one job."""
    with host() as one:
        _prepare(one)
        yield _submissions(one, size.pick(30, 2))
        yield from _rounds(one, size.pick(40, 2))


def _prepare(one: Host) -> None:
    first = one.folder / "first.json"
    first.write_text(json.dumps({"name": "first", "sha256": ""}))
    one.create(manifest("Model", "base", {"url": str(first), "format": "json"}))
    (one.folder / "samples.txt").touch()
    (one.folder / "nothing.txt").touch()
    for name in ("samples", "nothing"):
        spec = {"url": str(one.folder / f"{name}.txt"), "format": "txt", "nodeName": one.setup.node}
        one.create(manifest("Dataset", name, spec))


def _job(one: Host, name: str, dataset: str) -> dict[str, Any]:
    def template(role: str) -> dict[str, Any]:
        env = [{"name": "STAMPS", "value": str(one.stamps)}]
        container = {"name": role, "image": IMAGE, "args": ["run.py", role], "env": env}
        return {"template": {"spec": {"nodeName": one.setup.node, "containers": [container]}}}

    enough = {"operator": ">=", "threshold": _BATCH, "metric": "num_of_samples"}
    better = {"operator": ">", "threshold": 0, "metric": "known"}
    return {
        "dataset": {"name": dataset, "trainProb": 0.5},
        "initialModel": {"name": "base"},
        "trainSpec": {**template("train"), "trigger": {"condition": enough}},
        "evalSpec": template("eval"),
        "deploySpec": {
            **template("inference"),
            "model": {"name": f"served-{name}", "hotUpdateEnabled": True},
            "trigger": {"condition": better},
        },
        "outputDir": str(one.folder / f"out-{name}"),
    }


def _submit(one: Host, name: str, dataset: str) -> float:
    """Submit a job; return the seconds since 1970 at which it was."""
    url = str(one.folder / "first.json")
    one.create(manifest("Model", f"served-{name}", {"url": url, "format": "json"}))
    text = manifest(_JOB, name, _job(one, name, dataset))
    begun = time.time()
    one.create(text)
    return begun


def _submissions(one: Host, times: int) -> Row:
    taken = []
    for number in range(times):
        name = f"job-{number}"
        begun = _submit(one, name, "nothing")
        taken.append(one.stamp(f"{name}-inference") - begun)
        # Nothing of it is to disturb the next one.
        one.gm.ask("DELETE", path_of(kinds.by_kind(_JOB), "default", name))
        one.until_gone(_JOB, name)
    return _row(
        "manifest submitted → its worker's process running", taken, 80,
        "from the POST of a job until its inference worker is exec'd", "Ankaios 515 ms, K3s 2,306 ms",
    )  # fmt: skip


def _rounds(one: Host, times: int) -> Iterator[Row]:
    _submit(one, "job", "samples")
    one.stamp("job-inference", "swap")
    first, second, third = [], [], []
    waits = random.Random(1)
    for round_ in range(1, times + 1):
        _settled(one, round_ - 1)
        _append(one, _BATCH - 1)
        counted = round_ * _BATCH - 1
        until(lambda: _count(one) == counted, f"{counted} samples are counted", look=0.05)  # noqa: B023 - at once
        # No rhythm: what looks now and then must not be met at its best moment each time.
        time.sleep(waits.uniform(0.3, 1.3))
        begun = _append(one, 1)
        train, evaluation = f"job-train-{round_}", f"job-eval-{round_}"
        first.append(one.stamp(train) - begun)
        second.append(one.stamp(evaluation) - one.stamp(train, "reported"))
        third.append(one.stamp("job-inference", "swap", round_) - one.stamp(evaluation, "reported"))
    what = "of rounds of one job; from the append's return until the worker is exec'd"
    yield _row("last needed sample → training process exec'd, median", first, 100, what, "30.6 s")
    row = _row("last needed sample → training process exec'd, p99", first, 250, what, "76.5 s (max)")
    yield Row(row.name, 1e3 * share(first, 0.99), "ms", what, Aim(250), row.original, row.more)
    yield _row("train's report → eval's process running", second, 100, "its exit is waited for, too", "10 s ticks")
    yield _row("eval's report → deploy's swap", third, 100, "the first prediction by the new model", "10 s ticks")


def _settled(one: Host, round_: int) -> None:
    def waits(job: dict[str, Any]) -> bool:
        status = job["status"]
        return (status.get("stage"), status.get("phase")) == ("Train", "Waiting") and status.get("round", 0) == round_

    one.until(_JOB, "job", waits, f"round {round_} has ended")


def _append(one: Host, count: int) -> float:
    with (one.folder / "samples.txt").open("a") as file:
        file.writelines(f"/data/{time.time_ns()}-{number}.jpg 1\n" for number in range(count))
    return time.time()


def _count(one: Host) -> int:
    return int((one.get("Dataset", "samples").get("status") or {}).get("numberOfSamples", 0))


def _row(name: str, taken: Sequence[float], figure: float, how: str, original: str) -> Row:
    ms = [1e3 * one for one in taken]
    more = {"p90": share(ms, 0.9), "p99": share(ms, 0.99), "max": max(ms), "all": [round(one, 1) for one in ms]}
    return Row(name, median(ms), "ms", how, Aim(figure), original, more)
