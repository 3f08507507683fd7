"""Readiness from heartbeats, and the end of nodes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sedna.api.times import format_time
from sedna_gm.controllers.nodes.deciding import Life, decide
from sedna_gm.store.interface import Key
from tests.gm.controllers.world import NOON, World, job_manifest

NODE = Key("Node", "", "edge-node")
SILENCE = timedelta(seconds=40)


def ready(world: World) -> dict[str, Any]:
    conditions = world.store.get(NODE)["status"]["conditions"]
    found: dict[str, Any] = next(each for each in conditions if each["type"] == "Ready")
    return found


def test_a_node_that_registers_is_ready() -> None:
    world = World()
    world.create({"apiVersion": "sedna.io/v1alpha1", "kind": "Node", "metadata": {"name": "edge-node"}})
    world.settle()
    assert ready(world)["status"] == "True"


def test_a_node_that_falls_silent_is_unknown_after_forty_seconds_and_ready_at_its_next_beat() -> None:
    world = World()
    world.node()
    world.advance(600)
    world.advance(39, beat=False)
    assert ready(world)["status"] == "True"
    world.advance(2, beat=False)
    condition = ready(world)
    assert (condition["status"], condition["reason"]) == ("Unknown", "HeartbeatsStopped")
    assert condition["message"] == "No sign of life since 2026-11-22T12:10:00Z."
    world.advance(500, beat=False)
    world.heartbeats.beat("edge-node")
    world.settle()
    assert ready(world)["status"] == "True"
    assert sorted(event["reason"] for event in world.events("edge-node")) == ["NodeReady", "NodeSilent"]


def test_heartbeats_of_a_ready_node_write_nothing_and_wake_nobody() -> None:
    world = World()
    world.node()
    world.settle()
    before = world.store.revision()
    for _ in range(50):
        world.clock.now += timedelta(seconds=1)
        world.heartbeats.beat("edge-node")
        assert world.controllers.queue.due(NODE) is not None or world.controllers.queue.take(0) == NODE
        world.settle()
    assert world.store.revision() == before


def test_after_a_restart_a_node_has_its_forty_seconds_before_silence_counts() -> None:
    world = World()
    world.node()
    world.settle()
    world.clock.now += timedelta(hours=1)
    world.restart()
    world.settle()
    assert ready(world)["status"] == "True"
    world.advance(41, beat=False)
    assert ready(world)["status"] == "Unknown"


def test_a_node_that_was_silent_before_a_restart_is_ready_at_its_first_beat_after_it() -> None:
    world = World()
    world.node()
    world.advance(60, beat=False)
    assert ready(world)["status"] == "Unknown"
    world.restart()
    world.settle()
    assert ready(world)["status"] == "Unknown"
    world.heartbeats.beat("edge-node")
    world.settle()
    assert ready(world)["status"] == "True"


def test_a_clock_that_is_set_back_leaves_no_node_silent_nor_hides_that_one_dies() -> None:
    world = World()
    world.node()
    world.clock.now += timedelta(hours=1)
    world.restart()
    world.settle()
    world.advance(60, beat=False)
    assert ready(world)["status"] == "Unknown"
    world.clock.now -= timedelta(hours=1)
    world.heartbeats.beat("edge-node")
    world.settle()
    assert ready(world)["status"] == "True"
    world.advance(41, beat=False)
    assert ready(world)["status"] == "Unknown"


def test_a_job_on_a_silent_node_says_so_and_goes_on_when_it_is_back() -> None:
    world = World()
    world.usual()
    world.serves()
    world.samples(60)
    world.settle()
    world.report("helmets-train-1", phase="Running")
    world.advance(120, beat=False)
    assert world.status()["message"] == (
        "Train of round 1 runs on node edge-node. Node edge-node has not been heard of since 2026-11-22T12:00:00Z."
    )
    world.advance(20)
    assert world.status()["message"] == "Train of round 1 runs on node edge-node."
    world.round_to_deploy()
    world.serves()
    assert world.history()[0]["decision"] == "Deployed"


def test_workers_of_a_node_that_was_deleted_are_let_go_and_those_of_others_are_not() -> None:
    world = World()
    world.usual()
    world.node("other")
    world.dataset("far", seen=60, node="other")
    world.create(job_manifest("vests", dataset="far"))
    world.settle()
    world.store.delete(Key("Worker", "default", "vests-inference"))
    world.store.delete(NODE)
    world.settle()
    assert world.worker("vests-inference")["metadata"]["finalizers"] == ["sedna.io/node"]
    # What it served is served by the node that is left.
    assert world.worker("helmets-inference")["spec"]["nodeName"] == "other"


statuses = st.sampled_from(["True", "False", "Unknown", None])


@given(statuses, st.none() | st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000))
def test_readiness_follows_silence_whatever_was_stored(
    status: str | None, beat: int | None, listening: int, created: int
) -> None:
    now = NOON
    last = now - timedelta(seconds=beat) if beat is not None else None
    node: dict[str, Any] = {
        "metadata": {"name": "n", "creationTimestamp": format_time(now - timedelta(seconds=created))}
    }
    if status is not None:
        node["status"] = {"conditions": [{"type": "Ready", "status": status}], "images": ["i:1"]}
    decision = decide(node, Life(last, now - timedelta(seconds=listening), SILENCE), now)
    heard = min(each for each in (beat, listening, created) if each is not None)
    after = decision.status["conditions"][-1]["status"] if decision.status else status
    if heard >= 40:
        assert after == "Unknown"
    elif beat is not None and beat < 40:
        assert after == ("False" if status == "False" else "True")
    if after != "Unknown":
        assert decision.look_again_at == now + timedelta(seconds=40 - heard)
    if decision.status and status is not None:
        assert decision.status["images"] == ["i:1"]
