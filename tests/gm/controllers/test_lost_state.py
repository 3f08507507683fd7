"""What the original loses at a restart (W-01 to W-08), and crashes between any two steps of applying."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sedna_gm.errors import Conflict
from sedna_gm.store.interface import Key
from tests.gm.controllers.crashing import Crash, CrashingStore
from tests.gm.controllers.edge import Edge
from tests.gm.controllers.test_carrying import on_the_cloud
from tests.gm.controllers.world import JOB, World, job_manifest


def test_w01_a_restart_forgets_neither_rounds_nor_used_samples() -> None:
    world = World()
    world.usual()
    world.serves()
    world.samples(60)
    world.settle()
    world.round_to_deploy()
    world.serves()
    before = world.status()
    world.restart()
    world.settle()
    assert world.status() == before
    world.samples(120)
    world.settle()
    worker = world.worker("helmets-train-2")
    assert worker["spec"]["samples"][0]["start"] == 60
    assert worker["spec"]["models"][0]["url"] == "/output/helmets/train/1/model.pb"
    assert worker["spec"]["outputDir"] == "/output/helmets/train/2"


def test_w01_a_restart_takes_up_the_work_that_runs() -> None:
    world = World()
    world.usual()
    world.serves()
    world.samples(60)
    world.settle()
    world.report("helmets-train-1", phase="Running")
    uid = world.worker("helmets-train-1")["metadata"]["uid"]
    world.restart()
    world.settle()
    assert world.at() == ("Train", "Running")
    assert world.worker("helmets-train-1")["metadata"]["uid"] == uid


def test_w01_an_absence_of_the_globalmanager_costs_no_training() -> None:
    """The deadline passed meanwhile, but the worker had ended in time: its node tells as soon as it can."""
    world = World()
    world.usual()
    world.serves()
    world.samples(60)
    world.settle()
    world.report("helmets-train-1", phase="Running")
    world.settle()
    world.clock.now += timedelta(days=3)
    world.restart()
    world.settle()
    world.advance(20)
    world.round_to_deploy()
    world.serves()
    assert [record["decision"] for record in world.history()] == ["Deployed"]


def test_w02_a_job_without_annotations_keeps_its_progress() -> None:
    world = World()
    world.usual()
    assert "annotations" not in world.job()["metadata"]
    world.samples(60)
    world.settle()
    assert world.status()["current"] == {
        "start": 0,
        "end": 60,
        "startedAt": "2026-11-22T12:00:00Z",
        "stageSince": "2026-11-22T12:00:00Z",
        "baseModel": {"url": "/models/initial-model", "format": "ckpt", "round": 0},
        "workers": [{"name": "helmets-train-1", "role": "train", "node": "edge-node"}],
    }


def test_w07_a_report_for_a_job_that_is_gone_makes_nothing() -> None:
    world = World()
    world.usual()
    world.serves()
    world.store.delete(Key(JOB, "default", "helmets"))
    world.settle()
    world.report("helmets-inference", phase="Running")
    world.settle()
    world.let_all_go()
    world.settle()
    assert world.workers() == []
    assert world.store.list(JOB).items == []


def test_w07_workers_of_a_job_that_vanished_are_deleted() -> None:
    """Somebody took the job's finalizer off by hand: its workers are nobody's."""
    world = World()
    world.usual()
    world.samples(60)
    world.settle()
    world.restart()
    world.edit(Key(JOB, "default", "helmets"), lambda job: job["metadata"].update(finalizers=[]))
    world.store.delete(Key(JOB, "default", "helmets"))
    world.settle()
    assert all(worker["metadata"].get("deletionTimestamp") for worker in world.store.list("Worker").items)


class ConflictingStore:
    """Somebody else always writes the job a moment earlier, so many times."""

    def __init__(self, world: World, times: int) -> None:
        self._world = world
        self._times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world.store, name)

    def update_status(self, resource: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        if resource["kind"] == JOB and self._times:
            self._times -= 1

            def label(job: dict[str, Any]) -> None:
                job["metadata"].setdefault("labels", {})["written"] = str(self._times)

            self._world.edit(Key(JOB, "default", "helmets"), label)
        return self._world.store.update_status(resource, dry_run=dry_run)


def test_w08_a_status_that_cannot_be_written_is_decided_again_until_it_can() -> None:
    world = World()
    world.usual()
    world.serves()
    world.samples(60)
    world.restart(ConflictingStore(world, 20))  # type: ignore[arg-type]
    world.settle()
    assert world.at() == ("Train", "Starting")
    assert world.workers() == ["helmets-inference", "helmets-train-1"]


def play(world: World) -> None:
    """Two whole rounds, as far as the GlobalManager's part goes from what is stored now."""
    edges = [Edge(world, node["metadata"]["name"]) for node in world.store.list("Node").items]
    for edge in edges:
        edge.remember()
    world.settle()
    for _ in range(25):
        for edge in edges:
            edge.work()
        world.settle()
        if world.store.list(JOB).items and world.status().get("round") == 1 and world.at() == ("Train", "Waiting"):
            world.samples(120)
            world.settle()


@pytest.mark.parametrize(
    ("nodes", "stages"), [(("edge-node",), {}), (("edge-node", "cloud"), on_the_cloud())], ids=["one host", "two hosts"]
)
def test_a_crash_at_any_write_of_two_rounds_changes_nothing_in_the_end(
    nodes: tuple[str, ...], stages: dict[str, Any]
) -> None:
    """A crash before a write leaves the store as one after the write before it does: each moment is played once."""
    crashes = 0
    # On two hosts there are twice as many; random histories crash at the others.
    for at in range(0, 800, len(nodes)):
        crashed = False
        world = World()
        for node in nodes:
            world.node(node)
        world.models()
        world.dataset(seen=60)
        world.store.create(job_manifest(**stages))
        world.restart(CrashingStore(world.store, at, after=False))  # type: ignore[arg-type]
        try:
            play(world)
        except Crash:
            crashed, crashes = True, crashes + 1
            world.restart()
            play(world)
        records = [(each["round"], each["decision"], each["samples"]["start"]) for each in world.history()]
        assert records == [(1, "Deployed", 0), (2, "Deployed", 60)], f"after a crash at write {at}"
        assert world.status()["deployedModel"]["round"] == 2
        assert world.workers() == ["helmets-eval-2", "helmets-inference", "helmets-train-2"]
        left = [artifact["metadata"]["name"].rpartition("-")[0] for artifact in world.artifacts()]
        assert left == ([] if len(nodes) == 1 else ["helmets-eval-2-samples", "helmets-model-1", "helmets-model-2"])
        if not crashed:
            break
    assert crashes * len(nodes) > 60


def test_a_conflict_is_no_error_and_holds_nobody() -> None:
    world = World()
    world.usual()
    assert issubclass(Conflict, Exception)
    world.samples(60)
    world.restart(ConflictingStore(world, 1))  # type: ignore[arg-type]
    world.settle()
    assert world.due() is None or world.at() == ("Train", "Starting")
