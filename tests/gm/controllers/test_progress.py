"""A job says how far its training is, in steps that are worth a write."""

from __future__ import annotations

import pytest

from sedna.api.workers import Progress
from sedna_gm.controllers.incremental_learning.working import how_far
from tests.gm.controllers.world import World


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (None, ""),
        (Progress(done=3), ""),
        (Progress(done=0, total=0), ""),
        (Progress(done=9, total=3), ""),
        (Progress(done=0, total=20), " 0 % of 20 epochs are done."),
        (Progress(done=13.9, total=20, unit="step"), " 60 % of 20 steps are done."),
        (Progress(done=0.25, total=1), " 20 % of 1 epoch is done."),
        (Progress(done=2.5, total=2.5, unit="hour"), " 100 % of 2.5 hours are done."),
    ],
)
def test_what_is_done_is_told_in_tenths(told: Progress | None, sentence: str) -> None:
    assert how_far(told) == sentence


def test_a_training_under_way_is_told_and_hardly_ever_writes_its_job() -> None:
    world = World()
    world.usual()
    world.serves()
    world.samples(60)
    world.settle()
    world.report("helmets-train-1", phase="Running")
    world.settle()
    versions = set()
    for done in range(201):
        told = {"done": done, "total": 200, "unit": "step", "time": "2026-11-22T12:00:00Z"}
        world.report("helmets-train-1", phase="Running", progress=told)
        world.settle()
        versions.add(world.job()["metadata"]["resourceVersion"])
        assert world.at() == ("Train", "Running")
    assert world.status()["message"] == "Train of round 1 runs on node edge-node. 100 % of 200 steps are done."
    assert len(versions) == 11
    world.round_to_deploy()
    world.serves()
    assert world.history()[0]["decision"] == "Deployed"
