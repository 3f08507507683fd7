"""A clock that was ahead by hours and is put right: nothing waits for those hours to pass."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sedna.api.times import parse_time
from tests.gm.controllers.test_failing import begun, fail_training
from tests.gm.controllers.world import World

AHEAD = timedelta(hours=2)


def put_right(world: World) -> None:
    """The host's clock says again what it is; the GlobalManager may have been started anew with it."""
    world.clock.now -= AHEAD
    world.restart()
    world.advance(1)


def test_a_retry_comes_after_its_delay_and_not_hours_later() -> None:
    world = begun()
    fail_training(world, 1)
    put_right(world)
    assert world.at() == ("Train", "Waiting")
    world.advance(12)
    assert world.at() == ("Train", "Starting")
    assert world.has_worker("helmets-train-2")


@pytest.mark.parametrize("phase", ["Pending", "Running"])
def test_a_deadline_counts_from_when_the_clock_was_put_right(phase: str) -> None:
    world = begun()
    world.report("helmets-train-1", phase=phase)
    world.settle()
    put_right(world)
    since = parse_time(world.status()["current"]["stageSince"])
    assert world.clock.now - timedelta(seconds=60) <= since <= world.clock.now


def test_an_inference_worker_that_failed_is_made_again_after_its_delay() -> None:
    world = begun()
    world.report("helmets-inference", phase="Failed", reason="UserCodeFailed", message="it cannot start")
    world.settle()
    put_right(world)
    world.advance(12)
    world.let_all_go()
    world.settle()
    assert world.status()["serving"]["phase"] == "Pending"
    assert "retryAfter" not in world.status()["serving"]


def test_a_moment_that_lies_ahead_by_seconds_is_another_clocks_and_stays() -> None:
    world = begun()
    before = world.status()["current"]["stageSince"]
    world.clock.now -= timedelta(seconds=30)
    world.restart()
    world.settle()
    assert world.status()["current"]["stageSince"] == before
