"""A job on a true store under the true controllers, whose workers take no time: for thousands of rounds.

Leaner than `tests.gm.controllers.world`, which checks every step; here only what grows is of interest.
"""

from __future__ import annotations

import gc
import hashlib
import json
import sqlite3
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sedna.api.times import format_time
from sedna.api.validating import validate
from sedna_gm.controllers.supervising import Controllers, Settings
from sedna_gm.store.heartbeats import Heartbeats
from sedna_gm.store.interface import Key
from sedna_gm.store.sql.store import SqlStore
from sedna_lc.news.curves import MOST_POINTS
from tests.gm.controllers.world import IMAGE, JOB, READY, Clock, job_manifest

SAMPLES = 60
_JOB = Key(JOB, "default", "helmets")
# More steps than any round has: one that needs them all has got stuck.
_MOST_STEPS = 60


@dataclass(frozen=True)
class Size:
    """What there is after so many rounds."""

    round: int
    status: int
    """Bytes of all resources that controllers write, as JSON."""
    resources: int
    records: int
    database: int
    """Bytes in use, free pages left out."""
    memory: int
    """Blocks of memory that Python holds."""


class Site:
    """`run` rounds, then `measure`."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.clock = Clock()
        self._file = folder / "gm.db"
        # Little to remember: a log of changes that has filled up is part of the measured state from the beginning.
        self.store = SqlStore(f"sqlite:///{self._file}", self.clock, log_capacity=256)
        self._heartbeats = Heartbeats(self.clock)
        self.controllers = Controllers(self.store, self._heartbeats, self.clock, settings)
        self._make()
        self.controllers.load()
        self._settle()

    def close(self) -> None:
        """Let go of the database."""
        self.controllers.mirror.close()
        self.store.close()

    def run(self, round_: int) -> None:
        """One whole round: new samples, training, evaluation, deployment, two minutes."""
        self.clock.now += timedelta(minutes=2)
        self._heartbeats.beat("edge-node")
        seen = {"samplesSeen": SAMPLES * round_, "numberOfSamples": SAMPLES * round_, "state": "Watching"}
        self._tell(Key("Dataset", "default", "samples"), seen)
        for _ in range(_MOST_STEPS):
            self._settle()
            status = self.store.get(_JOB)["status"]
            if (status["round"], status["stage"], status["phase"]) == (round_, "Train", "Waiting"):
                return
            for worker in self.store.list("Worker").items:
                self._work(worker)
        raise AssertionError(f"round {round_} does not end: {status['stage']}/{status['phase']}: {status['message']}")

    def measure(self, round_: int) -> Size:
        """What there is now."""
        kinds = (JOB, "Worker", "Model", "Dataset", "Node", "Artifact", "Event")
        resources = [resource for kind in kinds for resource in self.store.list(kind).items]
        records = sum(history.count for history in self.store.histories())
        written = [resource for resource in resources if resource["kind"] != "Event"]
        gc.collect()
        return Size(
            round_, len(json.dumps(written)), len(resources), records, used_bytes(self._file), sys.getallocatedblocks()
        )

    def _settle(self) -> None:
        self.controllers.pump(0)
        while self.controllers.workers.handle_next(0):
            self.controllers.pump(0)

    def _tell(self, key: Key, status: dict[str, Any]) -> None:
        resource = self.store.get(key)
        self.store.update_status({**resource, "status": {**resource.get("status", {}), **status}})

    def _work(self, worker: dict[str, Any]) -> None:
        """What the worker's node does: everything that there is to do, at once."""
        metadata, spec = worker["metadata"], worker["spec"]
        key = Key("Worker", "default", metadata["name"])
        if metadata.get("deletionTimestamp"):
            self.store.update({**worker, "metadata": {**metadata, "finalizers": []}})
            return
        phase = worker.get("status", {}).get("phase", "Pending")
        told: dict[str, Any] = {"observedGeneration": metadata["generation"]}
        if spec["role"] == "inference":
            model = spec["models"][0]
            served = {name: model[name] for name in ("url", "sha256") if name in model}
            told |= {"phase": "Running", "model": {**served, "round": model.get("round", 0), "state": "Loaded"}}
        elif phase == "Pending":
            # A curve as long as its node makes it: it stays with a worker that has ended, and goes with it.
            curve = [[float(point), {"loss": 0.123456, "accuracy": 0.654321}] for point in range(MOST_POINTS)]
            time = format_time(self.clock())
            told |= {"phase": "Running", "progress": {"done": 50.0, "total": 50.0, "curve": curve, "time": time}}
        elif phase == "Running":
            told |= {
                "phase": "Succeeded",
                "exitCode": 0,
                "report": {"status": "completed"},
                "results": _results(worker),
            }
        if {**worker.get("status", {}), **told} != worker.get("status"):
            self._tell(key, told)

    def _make(self) -> None:
        models = {"initial-model": "ckpt", "deploy-model": "pb"}
        made: list[dict[str, Any]] = [
            {"kind": "Node", "metadata": {"name": "edge-node"}},
            *({"kind": "Model", "metadata": {"name": name}, "spec": {"url": f"/models/{name}", "format": form}}
              for name, form in models.items()),
            {"kind": "Dataset", "metadata": {"name": "samples"},
             "spec": {"url": "/data/samples.txt", "format": "txt", "nodeName": "edge-node"}},
            job_manifest(),
        ]  # fmt: skip
        for resource in made:
            resource.setdefault("apiVersion", "sedna.io/v1alpha1")
            if resource["kind"] != "Node":
                resource["metadata"]["namespace"] = "default"
            validate(resource)
            self.store.create(resource)
        self._tell(Key("Node", "", "edge-node"), {"images": [IMAGE], "timezone": "UTC", "conditions": [READY]})


_PAGES = ("page_count", "freelist_count", "page_size")


def used_bytes(database: Path) -> int:
    """How much of a database is in use."""
    connection = sqlite3.connect(database)
    pages, free, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in _PAGES)
    connection.close()
    return int((pages - free) * size)


def _results(worker: dict[str, Any]) -> list[dict[str, Any]]:
    spec = worker["spec"]
    if spec["role"] == "train":
        sha256 = hashlib.sha256(worker["metadata"]["uid"].encode()).hexdigest()
        return [{"format": "pb", "url": f"{spec['outputDir']}/model.pb", "sha256": sha256}]
    values = (0.9 + spec["round"], 0.1)
    return [
        {"url": model["url"], "metrics": {"precision": value}}
        for model, value in zip(spec["models"], values, strict=False)
    ]
