"""What a job tells of its inference worker: one that keeps ending, one that nobody hears of."""

from __future__ import annotations

from typing import Any

from tests.gm.controllers.world import World, job_manifest, template

INFERENCE = "helmets-inference"


def begun(**job: Any) -> World:
    world = World()
    world.usual(**job)
    return world


def crash(world: World, restarts: int, *, seconds: int = 5, **status: Any) -> None:
    """The program ends, its node waits a little and starts it again, and it ends again."""
    world.report(INFERENCE, phase="Starting", restarts=restarts - 1, exitCode=1, **status)
    world.advance(seconds)
    world.report(INFERENCE, phase="Running", restarts=restarts, exitCode=1, startTime="2026-11-22T12:00:00Z")
    world.advance(1)
    world.report(INFERENCE, phase="Starting", restarts=restarts, exitCode=1, **status)
    world.settle()


def serving(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.status()["serving"]
    return found


def test_an_inference_worker_that_keeps_ending_is_told_as_failing_with_one_event() -> None:
    world = begun()
    for restarts in (1, 2):
        crash(world, restarts)
        assert serving(world)["phase"] == "Starting"
    for restarts in (3, 4, 5):
        crash(world, restarts)
        assert serving(world)["phase"] == "Failing"
    assert serving(world)["message"] == (
        "The inference worker on node edge-node keeps ending: exit code 1, restarted 5 times."
    )
    told = [event for event in world.events() if event["reason"] == "InferenceFailing"]
    assert [(event["type"], event["message"], event["count"]) for event in told] == [
        ("Warning", "The inference worker on node edge-node keeps ending: exit code 1.", 1)
    ]


def test_what_node_and_program_said_is_told_of_one_that_keeps_ending() -> None:
    world = begun()
    said = {"status": "failed", "message": "ModuleNotFoundError: No module named 'nosuch'"}
    crash(world, 3, report=said)
    assert serving(world)["message"].endswith("restarted 3 times. ModuleNotFoundError: No module named 'nosuch'")
    crash(world, 4, message="It ended with exit code 1.")
    assert serving(world)["message"].endswith("restarted 4 times. It ended with exit code 1.")


def test_one_that_kept_ending_runs_again_once_it_has_run_for_a_while() -> None:
    world = begun()
    crash(world, 5)
    world.report(INFERENCE, phase="Running", restarts=6)
    world.advance(60)
    assert serving(world)["phase"] == "Failing"
    world.advance(120)
    assert serving(world)["phase"] == "Running"
    assert serving(world)["failures"] == 6
    world.advance(900)
    assert serving(world)["failures"] == 0


def test_restarts_far_apart_are_no_failing() -> None:
    world = begun()
    for restarts in range(1, 8):
        crash(world, restarts)
        world.report(INFERENCE, phase="Running", restarts=restarts)
        world.advance(1200)
        assert serving(world)["phase"] == "Running"


def test_a_cold_update_whose_worker_keeps_ending_is_not_taken_for_done() -> None:
    deploy = {"model": {"name": "deploy-model"}, "template": template("inference.py")}
    world = begun(deploySpec=deploy)
    world.serves()
    world.samples(60)
    world.settle()
    world.round_to_deploy()
    world.advance(1)
    began = "2026-11-22T12:00:01Z"
    for restarts in range(1, 10):
        world.report(INFERENCE, phase="Running", restarts=restarts, startTime=began, model=None)
        world.advance(60)
        assert world.at() == ("Deploy", "Running")
    world.advance(200)
    assert world.history()[0]["decision"] == "Deployed"


def test_an_inference_worker_on_a_silent_node_is_unknown_since_the_last_heartbeat() -> None:
    world = begun()
    world.serves()
    world.advance(600)
    world.advance(100, beat=False)
    assert serving(world)["phase"] == "Unknown"
    assert serving(world)["message"] == (
        "The inference worker ran on node edge-node when it was last heard. "
        "Node edge-node has not been heard of since 2026-11-22T12:10:00Z."
    )
    assert serving(world)["model"] == "/models/deploy-model"
    world.advance(20)
    assert serving(world)["phase"] == "Running"
    assert serving(world)["message"] == "The inference worker runs on node edge-node."


def test_a_node_that_never_registered_is_named_as_what_is_missing_and_another_one_serves() -> None:
    world = World()
    world.models()
    world.dataset(seen=None, node="ghost")
    world.create(job_manifest())
    world.settle()
    assert world.status()["message"] == (
        "Waits for node ghost to look at dataset samples. No node ghost is registered."
    )
    assert serving(world)["message"] == "The inference worker waits for a node. No node has registered yet."
    world.node()
    world.settle()
    assert world.worker("helmets-inference")["spec"]["nodeName"] == "edge-node"
    assert world.status()["message"].endswith("No node ghost is registered.")
