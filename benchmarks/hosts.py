"""The same on a real host with systemd: from the last sample that is needed until systemd has the training running.

It needs a lab on which Sedna is installed (tests/hosts/__init__.py says how one is made), which SEDNA_LAB names. Its
rows say so without one, and can be measured later: `SEDNA_LAB=demo make bench ROWS=hosts INTO=FILE`. All stages of the
digits example are put on one edge host there. The hosts share this machine's clock.
"""

from __future__ import annotations

import json
import math
import os
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.processes import until
from benchmarks.rows import Aim, Row, Size, median, share
from tests.hosts.clouds import Cloud, node_of
from tests.hosts.digits import JOB, PLACE, Digits, prepare
from tests.hosts.labs import Lab
from tests.hosts.machines import Machine

# Fewer leave, now and then, none to evaluate on.
_BATCH = 80
_DATASET = f"{PLACE}/dataset/train.csv"


def measure(size: Size) -> Iterator[Row]:
    """Rounds of one job."""
    name = os.environ.get("SEDNA_LAB", "")
    yield from told(_in_lab(name, size) if name else [])


def told(taken: list[float]) -> Iterator[Row]:
    """The rows for what each round took in ms; without any they say what is needed."""
    what = "last needed sample → training process exec'd, systemd"
    if not taken:
        how, missing = (
            "rounds of the digits example on hosts with systemd",
            "SEDNA_LAB names no lab (docs/performance.md)",
        )
        yield Row(f"{what}, median", math.nan, "ms", how, Aim(100), "30.6 s", missing=missing)
        yield Row(f"{what}, p99", math.nan, "ms", how, Aim(250), "76.5 s (max)", missing=missing)
        return
    more = {"p90": share(taken, 0.9), "max": max(taken), "all": [round(one, 1) for one in taken]}
    how = "rounds of the digits example on one of three hosts; from the append until systemd has started the worker"
    yield Row(f"{what}, median", median(taken), "ms", how, Aim(100), "30.6 s", more)
    yield Row(f"{what}, p99", share(taken, 0.99), "ms", how, Aim(250), "76.5 s (max)")


def _in_lab(name: str, size: Size) -> list[float]:
    lab = Lab.open(name)
    with lab.network.entered(), tempfile.TemporaryDirectory() as folder:
        cloud, edge = Cloud(lab), lab["edge1"]
        try:
            cloud.clear()
            taken = _rounds(cloud, edge, Path(folder), size.pick(20, 2))
            cloud.clear()
        finally:
            cloud.gm.close()
    return taken


def _rounds(cloud: Cloud, edge: Machine, folder: Path, times: int) -> list[float]:
    example = Digits(cloud, edge, prepare(folder))
    example.carry()
    edge.copy_in(folder / "digits" / "models/base", f"{PLACE}/models")
    edge.shell(f"chown -R --reference={PLACE}/output {PLACE}/models")
    elsewhere, here = node_of(cloud.host), node_of(edge)
    manifests = "---\n".join(text.replace(elsewhere, here) for text in example.manifests(batch=_BATCH))
    cloud.apply(manifests)
    labelled = (folder / "digits" / "labelled" / "batch_1.csv").read_text().splitlines(keepends=True)[1:]
    _settled(cloud, 0)
    begin, taken, waits = _count(cloud), [], random.Random(1)
    # What was there before the job counts for its first round.
    for round_ in range(1, times + 1):
        chosen = [labelled[(round_ * _BATCH + number) % len(labelled)] for number in range(_BATCH)]
        edge.append(_DATASET, "".join(chosen[:-1]))
        counted = begin + round_ * _BATCH - 1
        until(lambda: _count(cloud) == counted, f"{counted} samples are counted", look=0.05)  # noqa: B023 - at once
        # No rhythm: what looks now and then must not be met at its best moment each time.
        time.sleep(waits.uniform(0.3, 1.3))
        edge.append(_DATASET, chosen[-1])
        appended = float(edge.shell(f"stat --format=%.Y {_DATASET}"))
        cloud.until_round(JOB, round_)
        taken.append(1e3 * (_started(edge, f"sedna-worker-default-{JOB}-train-{round_}.service", appended) - appended))
        _settled(cloud, round_)
    return taken


def _started(edge: Machine, unit: str, since: float) -> float:
    """When systemd said that a unit is started, in seconds since 1970; one of an earlier run had the same name."""
    lines = edge.run("journalctl", f"UNIT={unit}", "--output=json", "--no-pager").splitlines()
    told = [one for one in map(json.loads, lines) if one.get("JOB_RESULT") == "done" and one.get("JOB_TYPE") == "start"]
    moments = [moment for one in told if (moment := int(one["__REALTIME_TIMESTAMP"]) / 1e6) > since]
    if not moments:
        raise LookupError(f"the journal of {edge.name} does not say when {unit} was started")
    return moments[0]


def _settled(cloud: Cloud, round_: int) -> None:
    def waits(job: dict[str, Any]) -> bool:
        status = job.get("status") or {}
        return (status.get("stage"), status.get("phase")) == ("Train", "Waiting") and status.get("round", 0) == round_

    cloud.until("IncrementalLearningJob", JOB, waits, f"round {round_} has ended")


def _count(cloud: Cloud) -> int:
    (dataset,) = cloud.list("Dataset")
    return int((dataset.get("status") or {}).get("numberOfSamples", 0))
