"""A deployment under a guard: Running while it is watched, RolledBack with a sentence when its node has gone back."""

from __future__ import annotations

from typing import Any

import pytest

from sedna_gm.store.interface import Key
from tests.gm.controllers.world import JOB, World, job_manifest

INFERENCE = "helmets-inference"
GUARD = {"windowSeconds": 3600, "minInferences": 50, "maxExceptions": 0.01, "maxLatencyRatio": 2}
WHY = "95 % of the inferences took up to 80 ms (maxLatencyRatio is 2; the model before it: … took up to 20 ms)."


def guarded(*, hot: bool = True, **guard: Any) -> World:
    world = World()
    deploy = job_manifest()["spec"]["deploySpec"]
    deploy = {**deploy, "model": {"name": "deploy-model", "hotUpdateEnabled": hot}, "guard": guard or GUARD}
    world.usual(deploySpec=deploy)
    world.serves()
    world.samples(60)
    world.settle()
    return world


@pytest.fixture(params=[True, False], ids=["hot", "cold"])
def world(request: pytest.FixtureRequest) -> World:
    return guarded(hot=request.param)


def test_the_worker_is_told_of_the_guard(world: World) -> None:
    assert world.worker(INFERENCE)["spec"]["guard"] == GUARD


def test_without_a_guard_nothing_is_said_of_one() -> None:
    world = World()
    world.usual()
    world.serves()
    world.samples(60)
    world.settle()
    assert "guard" not in world.worker(INFERENCE)["spec"]
    world.round_to_deploy()
    assert "guard" not in world.worker(INFERENCE)["spec"]


def test_while_the_model_is_watched_the_stage_is_running_and_its_deadline_includes_the_window(world: World) -> None:
    world.round_to_deploy()
    world.serves(state="Watching")
    assert world.at() == ("Deploy", "Running")
    assert world.status()["message"] == "The model of round 1 serves on node edge-node and is watched for 3600 s."
    assert world.status()["serving"]["model"] == "/output/helmets/train/1/model.pb"
    world.advance(4000)
    assert world.at() == ("Deploy", "Running")
    assert world.status().get("deployedModel") is None
    world.serves(message="It was watched for 3600 s and has broken no limit.")
    assert world.history()[0]["decision"] == "Deployed"
    assert world.status()["deployedModel"]["round"] == 1


def test_a_watch_that_nobody_ends_meets_the_deadline_all_the_same() -> None:
    world = guarded()
    world.round_to_deploy()
    world.serves(state="Watching")
    world.advance(3600 + 900 + 60 + 120 + 60)
    assert world.history()[0]["reason"] == "DeadlineExceeded"


def test_a_model_that_its_node_took_back_fails_the_stage_with_the_nodes_sentence(world: World) -> None:
    world.round_to_deploy()
    world.serves(state="Watching")
    world.serves(state="Refused", reason="RolledBack", message=WHY)
    told = f"the model was taken back while it was watched, and the last good one serves again: {WHY}"
    record = world.history()[0]
    assert (record["decision"], record["stage"], record["reason"]) == ("Failed", "Deploy", "RolledBack")
    assert record["message"] == told
    assert world.status().get("deployedModel") is None
    conditions = [each for each in world.status()["conditions"] if each["type"] == "Failed"]
    assert [(each["stage"], each["reason"]) for each in conditions] == [("Deploy", "RolledBack")]
    assert [event["message"] for event in world.events() if event["reason"] == "DeployFailed"] == [
        f"Deploy of round 1 failed: {told}"
    ]
    assert world.worker(INFERENCE)["spec"]["models"][0]["url"] == "/models/deploy-model"
    assert world.status()["samples"] == {"seen": 60, "used": 0, "new": 60}


def test_the_second_model_that_is_taken_back_leaves_the_first_deployed(world: World) -> None:
    world.round_to_deploy()
    world.serves(state="Watching")
    world.serves()
    world.samples(120)
    world.settle()
    world.round_to_deploy(2)
    world.serves(state="Watching")
    world.serves(state="Refused", reason="RolledBack", message=WHY)
    assert world.status()["deployedModel"]["round"] == 1
    assert world.worker(INFERENCE)["spec"]["round"] == 1
    assert world.history()[1]["models"]["deployed"]["round"] == 1


def test_a_verdict_from_behind_a_cut_line_is_taken_when_the_line_is_back() -> None:
    world = guarded()
    world.round_to_deploy()
    world.serves(state="Watching")
    world.advance(100)
    world.advance(20_000, beat=False)
    assert world.at() == ("Deploy", "Running"), "nobody can say what the node has seen meanwhile"
    world.serves(state="Refused", reason="RolledBack", message=WHY)
    assert world.history()[0]["reason"] == "RolledBack"


def test_an_edited_guard_makes_no_other_worker_and_goes_along_with_the_next_model() -> None:
    world = guarded()
    uid = world.worker(INFERENCE)["metadata"]["uid"]

    def edit(job: dict[str, Any]) -> None:
        job["spec"]["deploySpec"]["guard"] = {"maxExceptions": 3}

    world.edit(Key(JOB, "default", "helmets"), edit)
    world.settle()
    assert world.worker(INFERENCE)["spec"]["guard"] == GUARD
    world.round_to_deploy()
    worker = world.worker(INFERENCE)
    assert (worker["metadata"]["uid"], worker["spec"]["guard"]) == (uid, {"maxExceptions": 3.0})


def test_a_guard_that_was_taken_out_is_gone_with_the_next_model() -> None:
    world = guarded()

    def edit(job: dict[str, Any]) -> None:
        del job["spec"]["deploySpec"]["guard"]

    world.edit(Key(JOB, "default", "helmets"), edit)
    world.settle()
    world.round_to_deploy()
    assert "guard" not in world.worker(INFERENCE)["spec"]


def test_code_that_never_reports_is_watched_for_the_window_by_its_running_on() -> None:
    world = guarded(hot=False, windowSeconds=600)
    world.round_to_deploy()
    world.advance(1)
    world.report(INFERENCE, phase="Running", model=None)
    world.settle()
    world.advance(300)
    assert world.at() == ("Deploy", "Running")
    world.advance(400)
    assert world.history()[0]["decision"] == "Deployed"
