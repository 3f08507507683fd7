"""The decision as a table: every position has its step, a decision is a value, and forbidden moves are refused."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from sedna.api.stages import MOVES, START, Phase, Position, Stage, may_move
from sedna_gm.controllers.incremental_learning.controlling import Controller
from sedna_gm.controllers.incremental_learning.deciding import STEPS, decide
from sedna_gm.controllers.incremental_learning.settings import Settings
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.steps import ForbiddenMoveError, Status, move, position
from sedna_gm.store.interface import Key
from tests.gm.controllers.edge import Edge
from tests.gm.controllers.world import JOB, World

KEY = Key(JOB, "default", "helmets")
POSITIONS = [Position(stage, phase) for stage in Stage for phase in Phase]


def snapshot_of(world: World) -> Snapshot:
    controller = Controller(world.controllers.mirror, None, world.clock, Settings(), world.clock())  # type: ignore[arg-type]
    found = controller.snapshot(KEY)
    assert found is not None
    return found


def test_every_position_has_its_step() -> None:
    assert set(STEPS) == set(POSITIONS)


@pytest.mark.parametrize("before", POSITIONS, ids=lambda each: f"{each.stage.value} {each.phase.value}")
def test_a_step_that_asks_for_a_forbidden_move_is_refused(before: Position) -> None:
    world = World()
    world.usual()
    snapshot = snapshot_of(world)
    status = Status(stage=before.stage.value, phase=before.phase.value, round=1)
    for after in POSITIONS:
        if may_move(before, after):
            assert position(move(snapshot, status, after, "R", "S.").status) == after
        else:
            with pytest.raises(ForbiddenMoveError):
                move(snapshot, status, after, "R", "S.")


def test_the_same_snapshot_gives_the_same_decision_and_stays_as_it_was() -> None:
    world = World()
    world.usual()
    world.serves()
    world.samples(60)
    edge = Edge(world)
    for _ in range(14):
        world.controllers.pump(0)
        snapshot = snapshot_of(world)
        before = snapshot.job.dump(), [worker.dump() for worker in snapshot.workers]
        assert decide(snapshot) == decide(snapshot)
        assert (snapshot.job.dump(), [worker.dump() for worker in snapshot.workers]) == before
        world.settle()
        edge.work()


def test_a_decision_makes_at_most_one_move() -> None:
    world = World()
    world.usual()
    world.serves()
    world.samples(60)
    edge = Edge(world)
    for _ in range(30):
        edge.work()
        world.settle()
    path = world.seen[world.job()["metadata"]["uid"]]
    assert path[-1] == START
    # All fourteen steps of the round are there to be seen by whoever watches.
    assert len(path) == 16
    assert all(pair in MOVES for pair in itertools.pairwise(path))


def test_every_decision_that_waits_says_when_it_looks_again() -> None:
    """What is not looked at again at some time could wait for ever, if one notice got lost."""
    world = World()
    world.usual()
    world.serves()
    world.samples(60)
    edge = Edge(world)
    for _ in range(20):
        world.settle()
        decision = decide(snapshot_of(world))
        if decision.status is None and not (decision.create or decision.change or decision.delete):
            assert decision.look_again_at is not None, decision.sentence
            assert decision.look_again_at <= world.clock() + timedelta(days=2)
        edge.work()
