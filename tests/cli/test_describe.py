"""`sedna describe`: what a person needs to understand where a job stands, with ages by the given clock."""

from __future__ import annotations

from typing import Any

import httpx

from tests.cli.conftest import Run
from tests.cli.fake_gm import FakeGM

JOBS = "/apis/sedna.io/v1alpha1/namespaces/default/incrementallearningjobs"


def container(role: str, **more: Any) -> dict[str, Any]:
    return {
        "spec": {
            "nodeName": "edge-node",
            "containers": [{"name": role, "image": "helmets:v1", "args": [f"{role}.py"], **more}],
        }
    }


def demo(gm: FakeGM) -> None:
    limits = {"resources": {"limits": {"memory": "2Gi"}}}
    gm.put(
        "IncrementalLearningJob",
        "demo",
        spec={"trainSpec": {"template": container("train", **limits)}, "outputDir": "/output"},
        status={
            "stage": "Train",
            "phase": "Waiting",
            "message": "Waiting for more than 500 samples; there are 12.",
            "conditions": [
                {
                    "type": "Completed", "stage": "Eval", "round": 1, "status": "True", "reason": "Evaluated",
                    "message": "Both models were evaluated.", "lastTransitionTime": "2026-11-22T14:58:30Z",
                }
            ],
        },
    )  # fmt: skip
    gm.put(
        "Event",
        "demo.1",
        involvedObject={"name": "demo"},
        type="Normal",
        reason="TrainStarted",
        message="Round 1 trains on 80 samples.",
        count=3,
        firstTimestamp="2026-11-22T14:55:00Z",
        lastTimestamp="2026-11-22T14:59:15Z",
    )
    record = {
        "round": 1,
        "decision": "Deployed",
        "message": "precision_delta > 0.1 holds.",
        "samples": {"start": 0, "end": 500},
        "metrics": {"new": {"precision": [0.5, 0.7]}, "comparedWith": {"precision": 0.25}},
        "finishedAt": "2026-11-22T14:59:00Z",
    }
    gm.answers["GET", f"{JOBS}/demo/rounds"] = httpx.Response(200, json={"items": [record]})


def test_a_job_is_explained(run: Run, gm: FakeGM) -> None:
    demo(gm)
    result = run("describe", "ilj", "demo")
    assert result.exit_code == 0, result.output
    text = result.stdout
    assert "Name:       demo" in text
    assert "(60m ago)" in text
    assert "template: helmets:v1 runs train.py on edge-node with at most memory 2Gi" in text
    assert "message: Waiting for more than 500 samples; there are 12." in text


def test_conditions_rounds_and_events_are_lines(run: Run, gm: FakeGM) -> None:
    demo(gm)
    lines = [" ".join(line.split()) for line in run("describe", "job/demo").stdout.splitlines()]
    assert "90s round 1: Eval Completed True Evaluated Both models were evaluated." in lines
    assert any(
        line == "1 Deployed [0,500) precision [0.5 0.7] precision 0.25 60s ago precision_delta > 0.1 holds."
        for line in lines
    )
    assert "45s (x3 over 5m) Normal TrainStarted Round 1 trains on 80 samples." in lines


def test_events_are_asked_for_as_kubectl_does(run: Run, gm: FakeGM) -> None:
    gm.put("Model", "base")
    result = run("describe", "md", "base")
    assert gm.requests[-1].url.path == "/api/v1/namespaces/default/events"
    assert gm.requests[-1].url.params["fieldSelector"] == "involvedObject.name=base,involvedObject.uid=uid-base"
    assert "Events: none" in result.stdout


def test_a_type_alone_is_a_question_without_a_name(run: Run) -> None:
    assert run("describe", "ilj").exit_code == 2
