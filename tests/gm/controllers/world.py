"""A small world for the controllers: a clock that a test moves, the memory store, nodes that do as they are told.

Nothing runs by itself: `settle` handles keys until none is due. Every stored version of every job is checked against
the allowed moves, and every moment for two workers of one stage.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from sedna.api.kinds import by_kind
from sedna.api.stages import START, Phase, Position, Stage, may_move
from sedna.api.times import format_time
from sedna.api.urls import is_remote
from sedna.api.validating import validate
from sedna_gm.controllers.supervising import Controllers, Settings
from sedna_gm.errors import GMError, NotFound
from sedna_gm.store.heartbeats import Heartbeats
from sedna_gm.store.interface import Change, Key, Store
from sedna_gm.store.memory import MemoryStore

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=timezone.utc)
JOB = "IncrementalLearningJob"
IMAGE = "helmets:v1"
READY = {"type": "Ready", "status": "True", "reason": "HeartbeatsReceived", "message": "It is heard."}


def template(args: str, **spec: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "worker", "image": IMAGE, "args": [args]}], **spec}}


def job_manifest(
    name: str = "helmets", *, threshold: float = 9, dataset: str = "samples", **spec: Any
) -> dict[str, Any]:
    return {
        "apiVersion": "sedna.io/v1alpha1",
        "kind": JOB,
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "initialModel": {"name": "initial-model"},
            "dataset": {"name": dataset, "trainProb": 0.5},
            "trainSpec": {
                "template": template("train.py"),
                "trigger": {"condition": {"operator": ">", "threshold": threshold, "metric": "num_of_samples"}},
            },
            "evalSpec": {"template": template("eval.py")},
            "deploySpec": {
                "model": {"name": "deploy-model", "hotUpdateEnabled": True},
                "trigger": {"condition": {"operator": ">", "threshold": 0.1, "metric": "precision_delta"}},
                "template": template("inference.py"),
            },
            "outputDir": f"/output/{name}",
            **spec,
        },
    }


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


class World:
    """`settle` after whatever a test does; then look at `status`, `workers`, `history`, `sentences`."""

    def __init__(self, store: Store | None = None, settings: Settings | None = None) -> None:
        self.clock = Clock()
        self.store: Store = store or MemoryStore(self.clock)
        self.settings = settings or Settings()
        self.seen: dict[str, list[Position]] = {}
        self.readable = True
        self.arrived: set[tuple[str, str]] = set()
        """Name and tree of every artifact that was ever Ready."""
        self.made_on: dict[str, str] = {}
        """Node of every model that a training made, by sha256."""
        self.dataset_nodes: dict[str, str] = {}
        self.asked_for: list[str] = []
        """Names of artifacts, once for each change of them."""
        self._watch = self.store.watch(since=self.store.revision())
        self._serial = itertools.count(1)
        self.restart()

    # the GlobalManager

    def restart(self, store: Store | None = None) -> None:
        """As after a crash: everything in memory is forgotten."""
        self.heartbeats = Heartbeats(self.clock)
        self.controllers = Controllers(store or self.store, self.heartbeats, self.clock, self.settings)
        self.controllers.load()

    def settle(self, limit: int = 400) -> None:
        """Handles what is due now, until nothing is."""
        for _ in range(limit):
            self.controllers.pump(0)
            handled = self.controllers.workers.handle_next(0)
            self.check()
            if not handled and not self.controllers.pump(0):
                return
        raise AssertionError("the controllers do not come to rest")

    def advance(self, seconds: float, *, beat: bool = True) -> None:
        """Time passes, in steps short enough for heartbeats to count."""
        ends = self.clock.now + timedelta(seconds=seconds)
        while self.clock.now < ends:
            self.clock.now = min(ends, self.clock.now + timedelta(seconds=20))
            if beat:
                for node in self.store.list("Node").items:
                    self.heartbeats.beat(node["metadata"]["name"])
            self.settle()

    def after(self, seconds: float) -> datetime:
        return self.clock.now + timedelta(seconds=seconds)

    # what users do

    def create(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        fresh = {key: value for key, value in resource.items() if key != "status"}
        validate(fresh)
        created = self.store.create(fresh)
        if "status" in resource:
            created = self.store.update_status({**created, "status": resource["status"]})
        return created

    def node(self, name: str = "edge-node", *, images: tuple[str, ...] = (IMAGE,), **status: Any) -> None:
        self.create(
            {
                "apiVersion": "sedna.io/v1alpha1",
                "kind": "Node",
                "metadata": {"name": name},
                "status": {"images": list(images), "timezone": "UTC", "conditions": [READY], **status},
            }
        )

    def dataset(self, name: str = "samples", *, seen: int | None = 0, node: str = "edge-node") -> None:
        status = {} if seen is None else {"samplesSeen": seen, "numberOfSamples": seen, "state": "Watching"}
        self.create(
            {
                "apiVersion": "sedna.io/v1alpha1",
                "kind": "Dataset",
                "metadata": {"name": name, "namespace": "default"},
                "spec": {"url": f"/data/{name}.txt", "format": "txt", "nodeName": node},
                "status": status,
            }
        )

    def samples(self, seen: int, name: str = "samples") -> None:
        self.patch_status(
            Key("Dataset", "default", name),
            {"samplesSeen": seen, "numberOfSamples": seen, "state": "Watching", "reason": None, "message": None},
        )

    def model(self, name: str, url: str | None = None, format_: str = "pb", **spec: Any) -> None:
        self.create(
            {
                "apiVersion": "sedna.io/v1alpha1",
                "kind": "Model",
                "metadata": {"name": name, "namespace": "default"},
                "spec": {"url": url or f"/models/{name}", "format": format_, **spec},
            }
        )

    def models(self) -> None:
        self.model("initial-model", format_="ckpt")
        self.model("deploy-model")

    def usual(self, **job: Any) -> None:
        """A node, a dataset, two models, one job."""
        self.node()
        self.models()
        self.dataset()
        self.create(job_manifest(**job))
        self.settle()

    def edit(self, key: Key, change: Any) -> None:
        """`change` alters a copy in place."""
        resource = self.store.get(key)
        change(resource)
        self.store.update(resource)

    def annotate(self, value: str, name: str = "helmets") -> None:
        self.edit(
            Key(JOB, "default", name),
            lambda job: job["metadata"].setdefault("annotations", {}).update({"sedna.io/trigger": value}),
        )

    # what nodes do

    def patch_status(self, key: Key, changes: Mapping[str, Any]) -> None:
        resource = self.store.get(key)
        status = {**resource.get("status", {}), **changes}
        resource["status"] = {name: value for name, value in status.items() if value is not None}
        del resource["metadata"]["resourceVersion"]
        self.store.update_status(resource)

    def report(self, worker: str, **changes: Any) -> None:
        """A status of a worker arrives; final phases are final."""
        key = Key("Worker", "default", worker)
        resource = self.store.get(key)
        if resource.get("status", {}).get("phase") in ("Succeeded", "Failed"):
            return
        changes.setdefault("observedGeneration", resource["metadata"]["generation"])
        if changes.get("phase") == "Running":
            changes.setdefault("startTime", format_time(self.clock.now))
        self.patch_status(key, changes)

    def sends(self, name: str, **changes: Any) -> None:
        """A status of an artifact arrives."""
        self.patch_status(Key("Artifact", "default", name), changes)

    def send_all(self) -> None:
        """Every node sends what it is asked for."""
        for artifact in self.artifacts():
            if artifact.get("status", {}).get("phase") not in ("Ready", "Failed"):
                size = {"sizeBytes": 40_000_000, "sentBytes": 40_000_000}
                self.sends(artifact["metadata"]["name"], phase="Ready", tree=f"{7:064x}", **size)
        self.settle()

    def train_succeeds(self, round_: int = 1, job: str = "helmets", **extra: Any) -> None:
        name = f"{job}-train-{round_}"
        result = {"format": "pb", "url": f"/output/{job}/train/{round_}/model.pb", "sha256": f"{round_:064d}", **extra}
        self.report(name, phase="Running")
        self.settle()
        self.report(name, phase="Succeeded", exitCode=0, report={"status": "completed"}, results=[result])
        self.settle()

    def eval_succeeds(self, round_: int = 1, job: str = "helmets", *, new: Any = 0.9, old: Any = 0.5) -> None:
        name = f"{job}-eval-{round_}"
        worker = self.store.get(Key("Worker", "default", name))
        urls = [model["url"] for model in worker["spec"]["models"]]
        results = [
            {"format": "pb", "url": url, "metrics": value if isinstance(value, dict) else {"precision": value}}
            for url, value in zip(urls, (new, old), strict=True)
        ]
        self.report(name, phase="Running")
        self.settle()
        self.report(name, phase="Succeeded", exitCode=0, report={"status": "completed"}, results=results)
        self.settle()

    def serves(self, job: str = "helmets", state: str = "Loaded", **extra: Any) -> None:
        """The inference worker runs, and has loaded (or refused) what its spec names."""
        name = f"{job}-inference"
        model = self.worker(name)["spec"]["models"][0]
        served = {"url": model["url"], "state": state, "round": model.get("round", 0), **extra}
        if "sha256" in model:
            served["sha256"] = model["sha256"]
        self.report(name, phase="Running", model=served)
        self.settle()

    def round_to_deploy(self, round_: int = 1, **metrics: Any) -> None:
        self.train_succeeds(round_)
        self.eval_succeeds(round_, **metrics)

    def let_go(self, worker: str) -> None:
        """Its node has stopped a deleted worker."""

        def drop(resource: dict[str, Any]) -> None:
            resource["metadata"]["finalizers"] = []
            del resource["metadata"]["resourceVersion"]

        self.edit(Key("Worker", "default", worker), drop)

    def let_all_go(self) -> None:
        for worker in self.store.list("Worker").items:
            if worker["metadata"].get("deletionTimestamp"):
                self.let_go(worker["metadata"]["name"])

    # looking

    def job(self, name: str = "helmets") -> dict[str, Any]:
        return self.store.get(Key(JOB, "default", name))

    def status(self, name: str = "helmets") -> dict[str, Any]:
        return self.job(name).get("status", {})

    def at(self, name: str = "helmets") -> tuple[str, str]:
        status = self.status(name)
        return status["stage"], status["phase"]

    def worker(self, name: str) -> dict[str, Any]:
        return self.store.get(Key("Worker", "default", name))

    def has_worker(self, name: str) -> bool:
        try:
            self.worker(name)
        except NotFound:
            return False
        return True

    def workers(self) -> list[str]:
        return [worker["metadata"]["name"] for worker in self.store.list("Worker").items]

    def artifacts(self) -> list[dict[str, Any]]:
        return list(self.store.list("Artifact").items)

    def artifact_uid(self, name: str) -> str | None:
        found = (each["metadata"] for each in self.artifacts() if each["metadata"]["name"] == name)
        return next((metadata["uid"] for metadata in found), None)

    def can_fetch(self, worker: Mapping[str, Any]) -> bool:
        """Whether all that a worker refers to is in the store."""
        there = {
            (each["metadata"]["name"], each["status"].get("tree"))
            for each in self.artifacts()
            if each.get("status", {}).get("phase") == "Ready"
        }
        return {(each["name"], each["tree"]) for each in references(worker)} <= there

    def history(self, name: str = "helmets") -> list[dict[str, Any]]:
        uid = self.job(name)["metadata"]["uid"]
        return list(self.store.rounds(Key(JOB, "default", name), uid).items)

    def events(self, name: str = "helmets") -> list[dict[str, Any]]:
        return [event for event in self.store.list("Event").items if event["involvedObject"]["name"] == name]

    def due(self, name: str = "helmets") -> datetime | None:
        return self.controllers.queue.due(Key(JOB, "default", name))

    # what must always be true

    def check(self) -> None:
        for change in self._watch.wait(0):
            if change.type.value != "DELETED":
                self._check_carried(change)
            if change.key.kind == JOB:
                self._check_move(change.key, change.resource)
            if (
                self.readable
                and change.key.kind in (JOB, "Worker", "Artifact", "Model", "Node", "Event")
                and change.type.value != "DELETED"
            ):
                # What controllers write must be readable, field by field, by whoever knows the types.
                by_kind(change.resource["kind"]).model.model_validate(copy.deepcopy(change.resource))
        self._check_workers()

    def _check_carried(self, change: Change) -> None:
        """No worker is told to use what lies on another node, unless it has arrived."""
        resource = change.resource
        spec, status = resource.get("spec", {}), resource.get("status", {})
        if change.key.kind == "Artifact":
            self.asked_for.append(change.key.name)
            if status.get("phase") == "Ready" and "tree" in status:
                self.arrived.add((change.key.name, status["tree"]))
        if change.key.kind == "Dataset":
            self.dataset_nodes[change.key.name] = spec["nodeName"]
        if change.key.kind != "Worker":
            return
        if spec["role"] == "train":
            results = [each for each in status.get("results", ()) if "sha256" in each and not is_remote(each["url"])]
            self.made_on.update({each["sha256"]: spec["nodeName"] for each in results})
        for reference in references(resource):
            assert (reference["name"], reference["tree"]) in self.arrived, f"{change.key} refers to what has not come"
        for model in spec["models"]:
            home = self.made_on.get(model.get("sha256", ""), spec["nodeName"])
            assert home == spec["nodeName"] or "artifact" in model, f"{change.key} is to use {model} of node {home}"
        if spec.get("samples") and change.type.value == "ADDED":
            home = self.dataset_nodes[spec["dataset"]["name"]]
            assert home == spec["nodeName"] or "samplesArtifact" in spec, f"{change.key} is to use samples of {home}"

    def _check_move(self, key: Key, job: Mapping[str, Any]) -> None:
        status = job.get("status") or {}
        if "stage" not in status:
            return
        now = Position(Stage(status["stage"]), Phase(status["phase"]))
        if "gaveUpAt" in status:
            assert now.phase is Phase.FAILED, f"{key} has given up and is at {now}"
            assert "current" not in status, f"{key} has given up in the middle of a round"
        path = self.seen.setdefault(job["metadata"]["uid"], [START])
        if path[-1] != now:
            assert may_move(path[-1], now), f"{key} went from {path[-1]} to {now}"
            path.append(now)

    def _check_workers(self) -> None:
        alive: dict[tuple[str, str], list[str]] = {}
        for worker in self.store.list("Worker").items:
            if worker.get("status", {}).get("phase") not in ("Succeeded", "Failed"):
                role = "inference" if worker["spec"]["role"] == "inference" else "stage"
                alive.setdefault((worker["spec"]["job"]["uid"], role), []).append(worker["metadata"]["name"])
        for names in alive.values():
            assert len(names) == 1, f"two workers of one stage: {names}"


def references(worker: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a worker is to fetch."""
    spec = worker["spec"]
    models = [model["artifact"] for model in spec["models"] if "artifact" in model]
    return [*models, *([spec["samplesArtifact"]] if "samplesArtifact" in spec else [])]


__all__ = ["IMAGE", "JOB", "NOON", "GMError", "World", "job_manifest", "template"]
