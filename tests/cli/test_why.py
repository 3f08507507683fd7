"""`sedna why`: a few sentences, each from the server, and only those that explain."""

from __future__ import annotations

from tests.cli.conftest import Run
from tests.cli.fake_gm import FakeGM


def event(gm: FakeGM, name: str, kind: str, minute: int, message: str) -> None:
    gm.put("Event", name, type=kind, reason="NoNode", message=message, lastTimestamp=f"2026-11-22T14:{minute}:00Z")


def test_a_job_tells_what_it_waits_for_and_what_went_wrong_lately(run: Run, gm: FakeGM) -> None:
    gm.put(
        "IncrementalLearningJob",
        "demo",
        status={
            "stage": "Train",
            "phase": "Waiting",
            "message": "No node may take the train worker: edge-node has no image helmets:v1.",
            "serving": {"phase": "Running", "node": "edge-node"},
        },
    )
    for minute in (55, 56, 57, 58):
        event(gm, f"e{minute}", "Warning", minute, f"At {minute}.")
    event(gm, "good", "Normal", 59, "All is well.")
    assert run("why", "demo").stdout.splitlines() == [
        "demo (Train, Waiting): No node may take the train worker: edge-node has no image helmets:v1.",
        "inference worker (Running, edge-node)",
        "4m ago: NoNode: At 56.",
        "3m ago: NoNode: At 57.",
        "2m ago: NoNode: At 58.",
    ]


def test_other_resources_are_asked_for_by_type_and_name(run: Run, gm: FakeGM) -> None:
    gm.put("Dataset", "samples", status={"state": "Unavailable", "reason": "NotFound", "message": "No such file."})
    assert run("why", "ds/samples").stdout == "samples (Unavailable, NotFound): No such file.\n"


def test_a_worker_is_found_by_its_name_alone(run: Run, gm: FakeGM) -> None:
    gm.put("Worker", "demo-train-1", status={"phase": "Failed", "reason": "OutOfMemory", "message": "Over 2Gi."})
    assert run("why", "demo-train-1").stdout == "demo-train-1 (Failed, OutOfMemory): Over 2Gi.\n"


def test_a_node_tells_by_its_condition(run: Run, gm: FakeGM) -> None:
    ready = {"type": "Ready", "status": "Unknown", "reason": "HeartbeatsStopped", "message": "No sign of life."}
    gm.put("Node", "edge-1", status={"conditions": [ready]})
    assert run("why", "no/edge-1").stdout == "Ready (Unknown, HeartbeatsStopped): No sign of life.\n"


def test_the_steps_a_job_has_made_are_no_reasons(run: Run, gm: FakeGM) -> None:
    made = {
        "type": "Ready",
        "stage": "Train",
        "status": "False",
        "reason": "TriggerHolds",
        "message": "Round 1 begins.",
    }
    status = {"stage": "Train", "phase": "Waiting", "message": "Waits for samples.", "conditions": [made]}
    gm.put("IncrementalLearningJob", "demo", status=status)
    assert run("why", "demo").stdout == "demo (Train, Waiting): Waits for samples.\n"


def test_one_that_says_nothing_is_no_empty_answer(run: Run, gm: FakeGM) -> None:
    gm.put("Model", "base")
    assert "says nothing of itself yet" in run("why", "md/base").stdout
