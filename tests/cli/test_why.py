"""`sedna why`: a few sentences, each from the server, and only those that explain."""

from __future__ import annotations

import json

import httpx
import pytest
from click.testing import CliRunner

from sedna.cli.connecting import Parts
from sedna.cli.main import sedna
from tests.cli.conftest import NOW, Run
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
    assert run("why", "ds/samples").stdout.startswith("samples (Unavailable, NotFound): No such file.\n")


def test_a_worker_is_found_by_its_name_alone(run: Run, gm: FakeGM) -> None:
    gm.put("Worker", "demo-train-1", status={"phase": "Failed", "reason": "OutOfMemory", "message": "Over 2Gi."})
    assert run("why", "demo-train-1").stdout.startswith("demo-train-1 (Failed, OutOfMemory): Over 2Gi.\n")


def ready_node(gm: FakeGM, status: str = "True") -> None:
    ready = {"type": "Ready", "status": status, "message": "No sign of life since 14:40."}
    gm.put("Node", "edge-1", namespace="", status={"conditions": [ready]})


def failed_worker(gm: FakeGM) -> None:
    spec = {"role": "train", "round": 3, "nodeName": "edge-1", "job": {"name": "demo"}}
    words = "ValueError: the file is empty"
    report = {"status": "failed", "message": words}
    times = {"startTime": "2026-11-22T14:40:00Z", "finishTime": "2026-11-22T14:50:00Z"}
    status = {"phase": "Failed", "reason": "ExitCode", "exitCode": 1, "restarts": 2, "report": report, **times}
    gm.put("Worker", "demo-train-3", spec=spec, status=status)
    place = "/apis/sedna.io/v1alpha1/namespaces/default/incrementallearningjobs/demo/why"
    action = {"sentence": "Begin the next round now instead of then.", "command": "sedna trigger demo train"}
    gm.resources[place] = {"summary": "Waits until 15:10 after 1 failed round.", "actions": [action]}


def test_a_worker_tells_its_state_since_when_its_last_words_its_job_and_what_to_do(run: Run, gm: FakeGM) -> None:
    ready_node(gm)
    failed_worker(gm)
    told = run("why", "worker/demo-train-3").stdout
    for said in (
        "the train worker of round 3 of job demo",
        "Failed for 10m, since 2026-11-22T14:50:00Z",
        "started it again 2 times",
        "exit code 1",
        "Node edge-1 is Ready.",
        "Its last words: ValueError: the file is empty",
        "Its job demo: Waits until 15:10",
        "sedna logs demo-train-3",
        "sedna trigger demo train",
    ):
        assert said in told, said


def test_a_worker_on_a_silent_node_sends_a_person_to_its_host(run: Run, gm: FakeGM) -> None:
    ready_node(gm, "Unknown")
    failed_worker(gm)
    told = run("why", "demo-train-3").stdout
    assert "Node edge-1 is not Ready: No sign of life since 14:40." in told
    assert "Look at host edge-1" in told
    assert "sedna logs demo-train-3" not in told


def bad_dataset(gm: FakeGM) -> None:
    status = {
        "state": "Unavailable", "reason": "NotUtf8", "message": "/d/s.txt: byte 90 is not UTF-8 (line 7).",
        "samplesSeen": 130, "numberOfSamples": 30, "generation": 2, "updateTime": "2026-11-22T14:59:00Z",
    }  # fmt: skip
    gm.put("Dataset", "samples", spec={"url": "/d/s.txt", "format": "txt", "nodeName": "edge-1"}, status=status)
    counts = {"samples": {"used": 100, "new": 30}}
    gm.put("IncrementalLearningJob", "demo", spec={"dataset": {"name": "samples"}}, status=counts)


def test_a_dataset_tells_its_counts_its_bad_line_who_uses_it_and_what_to_do(run: Run, gm: FakeGM) -> None:
    ready_node(gm)
    bad_dataset(gm)
    told = run("why", "dataset/samples").stdout
    for said in (
        "(line 7)",
        "/d/s.txt on node edge-1",
        "30 samples in the file, 130 ever seen, told 60s ago",
        "replaced or cut 1 times",
        "Job demo has used 100 of its samples; 30 are new to it.",
        "Mend the line that the sentence names",
        "sedna why demo",
    ):
        assert said in told, said


@pytest.mark.parametrize(("what", "of"), [("worker/demo-train-3", "Worker"), ("ds/samples", "Dataset")])
def test_a_worker_and_a_dataset_have_a_document_too(run: Run, gm: FakeGM, what: str, of: str) -> None:
    failed_worker(gm)
    bad_dataset(gm)
    told = json.loads(run("why", what, "-o", "json").stdout)
    assert (told["kind"], told["of"]) == ("Why", of)
    assert told["facts"]
    assert told["actions"]


def test_names_are_no_answer_to_why_and_the_choices_are_said(run: Run) -> None:
    result = run("why", "demo", "-o", "name")
    assert result.exit_code == 2
    assert all(choice in result.stderr for choice in ("text", "json", "yaml"))


def test_a_watch_says_it_again_when_it_has_changed_and_outlives_the_server(gm: FakeGM) -> None:
    bad_dataset(gm)
    path = "/apis/sedna.io/v1alpha1/namespaces/default/datasets/samples"
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            gm.answers[("GET", path)] = httpx.Response(503, text="restarting")
        if len(waits) == 4:
            del gm.answers[("GET", path)]
            gm.resources[path]["status"] = {"state": "Watching", "samplesSeen": 131}
        if len(waits) == 5:
            raise KeyboardInterrupt

    result = CliRunner().invoke(
        sedna, ["why", "ds/samples", "-w"], obj=Parts(transport=gm.transport, now=lambda: NOW, wait=wait)
    )
    assert result.exit_code == 0, result.output
    assert result.stdout.count("It is the txt file") == 2
    assert result.stderr.count("Trying again") == 1


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
