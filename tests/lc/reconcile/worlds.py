"""A node without a GM and without processes: real folders, a store that stays, a runner steered by the test."""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from sedna.api.workers import WorkerReport
from sedna.common.digests import digest
from sedna_lc.artifacts.caching import ArtifactCache
from sedna_lc.artifacts.fetching import Fetcher
from sedna_lc.artifacts.remote_models import RemoteModels
from sedna_lc.artifacts.remote_versions import RemoteVersions
from sedna_lc.datasets.tailing import Tail
from sedna_lc.places import Places
from sedna_lc.reconcile.applying import Applier
from sedna_lc.reconcile.means import Means
from sedna_lc.reconcile.providing import WantedContents
from sedna_lc.runners.base import UnitState
from sedna_lc.runners.memory import MemoryHost, MemoryRunner
from sedna_lc.runners.names import worker_unit
from sedna_lc.state.memory import MemoryStore
from sedna_lc.state.records import WorkerRecord
from sedna_lc.users import WorkerUser
from tests.lc.fakes.blobs import MemoryBlobs

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=timezone.utc)
NAMES = {"train": "j-train-1", "eval": "j-eval-1", "inference": "j-inference"}


class World:
    """One node; `lc()` is the LC that runs on it now, `restart()` the next one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.places = Places(folder / "state", folder / "images", folder / "credentials")
        self.store = MemoryStore()
        self._seconds = itertools.count()
        self.host = MemoryHost(self.clock)
        self.generations = itertools.count(2)
        self.uids = itertools.count(1)
        self.synced = True
        self.heard = True
        self.blobs = MemoryBlobs()
        self.free = 10**9
        self.user: WorkerUser | None = None
        self.wanted_count = Counter[str]()
        self.image("app:v1")
        (folder / "data").mkdir()
        self.dataset = folder / "data" / "list.txt"
        self.dataset.write_text("".join(f"{number}.jpg\n" for number in range(10)))
        self.base = self.model("base", "base model")
        self.deployed = self.model("deployed", "deployed model")
        self.follow_dataset()
        self.restart()

    def clock(self) -> datetime:
        return NOW + timedelta(seconds=next(self._seconds))

    def image(self, reference: str) -> Path:
        name, tag = reference.split(":")
        folder = self.places.images_dir / name / tag
        (folder / "app").mkdir(parents=True)
        record = {"name": name, "tag": tag, "python": sys.executable, "command": [sys.executable]}
        (folder / "image.yml").write_text(json.dumps(record))
        return folder

    def model(self, name: str, content: str) -> Path:
        path = self.folder / "models" / name / "model.pb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def follow_dataset(self) -> None:
        metadata = {"name": "d", "namespace": "default", "uid": "du"}
        self.store.put_wanted("datasets", {"metadata": metadata})
        tail = Tail(self.places.state_dir / "datasets" / "du", self.store, "du", str(self.dataset), "txt")
        tail.poll(threading.Event())
        tail.close()

    def means(self) -> Means:
        """What the next LC works with."""
        pauses = lambda: iter(lambda: 1.0, None)  # noqa: E731
        cache = ArtifactCache(self.places.artifacts_folder, lambda _: self.free)
        self.fetcher = Fetcher(cache, lambda _: self.blobs, WantedContents(self.store), pauses, time.monotonic)
        self.remotes = RemoteModels(
            RemoteVersions(self.places.remote_models_folder),
            self.places.credentials_dir,
            WantedContents(self.store).remote_models,
            pauses,
            time.monotonic,
        )
        runner = MemoryRunner(self.host)
        server = "http://127.0.0.1:9100"
        user = lambda: self.user  # noqa: E731
        return Means(
            self.store,
            runner,
            self.places,
            server,
            self.clock,
            self.fetcher,
            self.remotes,
            user,
            heard=lambda: self.heard,
        )

    def restart(self) -> None:
        """Let the next LC take over: same store, same host."""
        self.applier = Applier(self.means(), lambda: None, lambda: self.synced, lambda: iter(lambda: 1.0, None))

    def want(self, role: str = "train", **spec: Any) -> tuple[str, str]:
        """Let the GM want a worker, as its controllers write it."""
        models = {
            "train": [self.reference(self.base, 0)],
            "eval": [self.reference(self.base, 1), self.reference(self.deployed, 0)],
            "inference": [self.reference(self.deployed, 0)],
        }[role]
        out = self.folder / "out"
        content: dict[str, Any] = {
            "nodeName": "edge",
            "role": role,
            "job": {"kind": "IncrementalLearningJob", "name": "j", "uid": "ju"},
            "round": 1 if role != "inference" else 0,
            "template": {"containers": [{"name": "c", "image": "app:v1", "args": ["run.py"]}]},
            "models": models,
            "jobOutputDir": str(out),
            "outputDir": str(out / role / "1"),
            "restartPolicy": "Always" if role == "inference" else "Never",
        }
        if role != "inference":
            content["dataset"] = {"name": "d", "url": str(self.dataset), "format": "txt"}
            content["samples"] = [{"dataset": "d", "start": 0, "end": 10, "part": "all"}]
        else:
            content["hotUpdate"] = {"enabled": True, "pollPeriodSeconds": 60}
        metadata = {
            "name": NAMES[role],
            "namespace": "default",
            "uid": f"uid-{next(self.uids)}",
            "generation": 1,
            "creationTimestamp": self.clock().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "finalizers": ["sedna.io/node"],
        }
        resource = {
            "apiVersion": "sedna.io/v1alpha1",
            "kind": "Worker",
            "metadata": metadata,
            "spec": {**content, **spec},
        }
        self.store.put_wanted("workers", resource)
        self.wanted_count[role] += 1
        return "default", NAMES[role]

    def reference(self, path: Path, number: int, **fields: Any) -> dict[str, Any]:
        return {"name": "m", "url": str(path), "format": "pb", "round": number, **fields}

    def change(self, key: tuple[str, str], **spec: Any) -> None:
        resource = dict(self.store.wanted("workers")[key])
        resource["spec"] = {**resource["spec"], **spec}
        resource["metadata"] = {**resource["metadata"], "generation": next(self.generations)}
        self.store.put_wanted("workers", resource)

    def serve(self, key: tuple[str, str], path: Path, number: int) -> str:
        sha256 = digest(path)
        self.change(key, models=[self.reference(path, number, sha256=sha256)], round=number)
        return sha256

    def delete(self, key: tuple[str, str]) -> None:
        resource = dict(self.store.wanted("workers")[key])
        resource["metadata"] = {**resource["metadata"], "deletionTimestamp": "2026-11-22T15:00:00Z"}
        self.store.put_wanted("workers", resource)

    def settle(self, key: tuple[str, str]) -> float | None:
        return self.applier.step(key)

    def report(self, key: tuple[str, str], kind: str, status: str, **fields: Any) -> None:
        namespace, name = key
        body = {"name": name, "namespace": namespace, "kind": kind, "status": status, **fields}
        self.store.add_report(key, WorkerReport.model_validate(body).dump())

    def record(self, key: tuple[str, str]) -> WorkerRecord:
        found = self.store.worker(key)
        assert found is not None
        return found

    def unit(self, key: tuple[str, str]) -> UnitState | None:
        return MemoryRunner(self.host).observe().get(worker_unit(*key))

    def told(self, key: tuple[str, str]) -> dict[str, Any]:
        """What the outbox says about a worker's status."""
        bodies = [letter.body["status"] for letter in self.store.letters() if letter.path.endswith(f"/{key[1]}/status")]
        return dict(bodies[-1]) if bodies else {}

    def trained(self, key: tuple[str, str], content: str = "trained model") -> Path:
        """Let a train worker write its model and report it."""
        path = self.folder / "out" / "train" / "1" / "model.pb"
        path.write_text(content)
        self.report(key, "train", "completed", results=[{"format": "pb", "url": str(path), "metrics": {}}])
        return path

    def hot_file(self) -> dict[str, Any]:
        file = self.places.state_dir / "model-hot-update/default/incrementallearningjob/j/model_config.json"
        return dict(json.loads(file.read_text())["model_config"])


def keys() -> Iterator[tuple[str, str]]:
    for name in NAMES.values():
        yield "default", name
