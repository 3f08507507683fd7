"""A LocalController as the GlobalManager sees it: it does what workers say, and reports when the link allows.

What it observes goes into an outbox, in order; `deliver` brings one report to the GlobalManager, `repeat` brings one
once more. Unit states live here, so a report can be late without the unit waiting for it.
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from typing import Any, Literal

from tests.gm.controllers import sender
from tests.gm.controllers.world import World

Outcome = Literal["good", "worse", "silent", "failed", "stopped", "nonsense", "one"]
FINAL = ("Succeeded", "Failed")


def uid_hash(uid: str) -> str:
    """No two trainings make the same model."""
    return hashlib.sha256(uid.encode()).hexdigest()


class Edge:
    """A node of a world, `edge-node` where nothing else is said."""

    def __init__(self, world: World, node: str = "edge-node") -> None:
        self.world = world
        self.node = node
        self.sender = sender.Sender(world, node)
        self.units: dict[str, str] = {}
        self.restarts: Counter[str] = Counter()
        self.outbox: deque[tuple[str, str, dict[str, Any]]] = deque()
        self.last: tuple[str, str, dict[str, Any]] | None = None

    def wanted(self) -> list[dict[str, Any]]:
        workers = self.world.store.list("Worker").items
        return [worker for worker in workers if worker["spec"]["nodeName"] == self.node]

    def step(self, pick: int, outcome: Outcome) -> None:
        """Something happens to one worker's unit."""
        workers = self.wanted()
        if not workers:
            return
        worker = workers[pick % len(workers)]
        name, uid = worker["metadata"]["name"], worker["metadata"]["uid"]
        if worker["metadata"].get("deletionTimestamp"):
            self.units.pop(uid, None)
            self.outbox = deque(report for report in self.outbox if report[1] != uid)
            self.world.let_go(name)
            return
        state = self.units.get(uid, "Pending")
        if state in FINAL:
            return
        if state == "Pending" and self.world.can_fetch(worker):
            self._say(name, uid, "Starting")
        elif state == "Pending":
            return
        elif worker["spec"]["role"] == "inference":
            self._serve(worker, outcome)
        elif state == "Starting":
            self._say(name, uid, "Running")
        elif state in ("Running", "Paused"):
            self._end(worker, outcome)

    def send(self, pick: int, outcome: sender.Outcome) -> None:
        """Something happens to one artifact that this node is to send."""
        report = self.sender.step(pick, outcome)
        if report is not None:
            self.outbox.append(report)

    def remember(self) -> None:
        """As after a crash of the GlobalManager: what was told before it is where the units and sendings are."""
        for worker in self.wanted():
            self.units[worker["metadata"]["uid"]] = worker.get("status", {}).get("phase", "Pending")
        for artifact in self.sender.wanted():
            self.sender.states[artifact["metadata"]["uid"]] = artifact.get("status", {}).get("phase", "Pending")

    def pause(self, pick: int) -> None:
        """An operator stops a unit by hand, or starts it again."""
        workers = [
            worker for worker in self.wanted() if self.units.get(worker["metadata"]["uid"]) in ("Running", "Paused")
        ]
        if workers:
            worker = workers[pick % len(workers)]
            uid = worker["metadata"]["uid"]
            self._say(worker["metadata"]["name"], uid, "Running" if self.units[uid] == "Paused" else "Paused")

    def deliver(self, count: int = 1) -> None:
        """The link works for so many reports."""
        for _ in range(min(count, len(self.outbox))):
            self.last = self.outbox.popleft()
            self._bring(self.last)

    def repeat(self) -> None:
        """The last report arrives once more: its answer was lost."""
        if self.last is not None:
            self._bring(self.last)

    def work(self, outcome: Outcome = "good") -> None:
        """A good spell: everything that can happen here happens, and is heard of."""
        for pick in range(len(self.wanted())):
            self.step(pick, outcome)
        for pick in range(len(self.sender.wanted())):
            self.send(pick, "good")
        self.deliver(len(self.outbox))

    def _bring(self, report: tuple[str, str, dict[str, Any]]) -> None:
        name, uid, changes = report
        if self.world.artifact_uid(name) == uid:
            self.world.sends(name, **changes)
        if self.world.has_worker(name) and self.world.worker(name)["metadata"]["uid"] == uid:
            self.world.report(name, **changes)

    def _say(self, name: str, uid: str, phase: str, **more: Any) -> None:
        self.units[uid] = phase
        self.outbox.append((name, uid, {"phase": phase, **more}))

    def _serve(self, worker: dict[str, Any], outcome: Outcome) -> None:
        metadata, model = worker["metadata"], worker["spec"]["models"][0]
        if outcome == "failed":
            self._say(metadata["name"], metadata["uid"], "Failed", reason="ExitCode", message="exit code 1")
            return
        if outcome == "stopped":
            self._say(metadata["name"], metadata["uid"], "Failed", reason="Stopped", message="It was stopped.")
            return
        if outcome == "silent":
            self.restarts[metadata["uid"]] += 1
            restarts = self.restarts[metadata["uid"]]
            self._say(metadata["name"], metadata["uid"], "Starting", restarts=restarts, exitCode=1)
            return
        state = "Refused" if outcome == "nonsense" and model.get("round") else "Loaded"
        served = {"url": model["url"], "round": model.get("round", 0), "state": state}
        if "sha256" in model:
            served["sha256"] = model["sha256"]
        generation = metadata["generation"]
        self._say(metadata["name"], metadata["uid"], "Running", model=served, observedGeneration=generation)

    def _end(self, worker: dict[str, Any], outcome: Outcome) -> None:
        metadata, spec = worker["metadata"], worker["spec"]
        name, uid = metadata["name"], metadata["uid"]
        if outcome == "failed":
            self._say(name, uid, "Failed", reason="ExitCode", message="exit code 1", exitCode=1)
            return
        if outcome == "stopped":
            self._say(name, uid, "Failed", reason="Stopped", message="It was stopped.")
            return
        if outcome == "silent":
            self._say(name, uid, "Succeeded", exitCode=0)
            return
        if spec["role"] == "train":
            results = [{"format": "pb", "url": f"{spec['outputDir']}/model.pb", "sha256": uid_hash(uid)}]
        else:
            values: list[Any] = [0.9 + spec["round"], 0.1] if outcome != "worse" else [0.1, 0.9]
            if outcome == "nonsense":
                values[1] = []
            models = spec["models"][:1] if outcome == "one" else spec["models"]
            results = [
                {"url": model["url"], "metrics": {"precision": value}}
                for model, value in zip(models, values, strict=False)
            ]
        self._say(name, uid, "Succeeded", exitCode=0, report={"status": "completed"}, results=results)
