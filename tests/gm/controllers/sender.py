"""The sending half of a node as the GlobalManager sees it: what it makes of the Artifacts that name it.

It packs, sends and ends Ready or Failed, one thing at a time, and tells each through the outbox of its `Edge`.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

from tests.gm.controllers.world import World

Outcome = Literal["good", "failed", "waits"]
SIZE = 40_000_000


def tree_of(name: str) -> str:
    """The same content makes the same tree, whoever packs it and however often."""
    return hashlib.sha256(name.encode()).hexdigest()


class Sender:
    """What one node does with its artifacts. States live here, so a report can be late without the sending waiting."""

    def __init__(self, world: World, node: str) -> None:
        self.world = world
        self.node = node
        self.states: dict[str, str] = {}

    def wanted(self) -> list[dict[str, Any]]:
        artifacts = self.world.store.list("Artifact").items
        return [artifact for artifact in artifacts if artifact["spec"]["nodeName"] == self.node]

    def step(self, pick: int, outcome: Outcome) -> tuple[str, str, dict[str, Any]] | None:
        """Something happens to one artifact; returns what there is to tell of it."""
        artifacts = [each for each in self.wanted() if self.states.get(each["metadata"]["uid"]) not in _FINAL]
        if not artifacts:
            return None
        artifact = artifacts[pick % len(artifacts)]
        name, uid = artifact["metadata"]["name"], artifact["metadata"]["uid"]
        before = self.states.get(uid, "Pending")
        if outcome == "failed":
            return self._say(name, uid, "Failed", reason="StoreFull", message="The store is full.")
        if before == "Sending":
            return self._say(name, uid, "Ready", tree=tree_of(name), sizeBytes=SIZE, sentBytes=SIZE)
        if outcome == "waits":
            return self._say(name, uid, "Pending", reason="SamplesNotThere", message="Sample 7 has not been seen yet.")
        return self._say(name, uid, "Sending", sizeBytes=SIZE, sentBytes=12_000_000)

    def _say(self, name: str, uid: str, phase: str, **more: Any) -> tuple[str, str, dict[str, Any]]:
        self.states[uid] = phase
        return name, uid, {"phase": phase, **more}


_FINAL = ("Ready", "Failed")
