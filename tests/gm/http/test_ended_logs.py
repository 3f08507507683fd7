"""A worker that is gone has printed something, and its node may have kept it: the record of its round says where."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sedna.api.rounds import round_id
from sedna_gm.http.ended import node_of
from sedna_gm.store.interface import Key
from tests.gm.http.doors import BASE, Door, dataset, model, next_question, node, worker
from tests.gm.http.test_guarding import Guarded, guarded

__all__ = ("guarded",)

KIND = "IncrementalLearningJob"
JOBS = f"{BASE}/namespaces/default/incrementallearningjobs"
WORKERS = f"{BASE}/namespaces/default/workers"
PODS = "/api/v1/namespaces/default/pods"
NAMED = {
    "round": 1,
    "decision": "Failed",
    "stage": "Eval",
    "startedAt": "2026-11-22T14:00:00Z",
    "nodes": {"Train": "edge", "Eval": "other"},
    "workers": [
        {"name": "demo-train-1", "role": "train", "node": "edge"},
        {"name": "demo-eval-1", "role": "eval", "node": "edge"},
        {"name": "demo-eval-1-regression", "role": "eval", "node": "other"},
    ],
}
OLD = {"round": 1, "nodes": {"Train": "edge"}}

Answers = Callable[[bytes], list[dict[str, Any]]]


def job(name: str = "demo") -> dict[str, Any]:
    containers = [{"name": "worker", "image": "app:v1", "args": ["train.py"]}]
    stage = {"template": {"spec": {"containers": containers}}}
    trigger = {"condition": {"operator": ">", "threshold": 1, "metric": "num_of_samples"}}
    return {
        "apiVersion": "sedna.io/v1alpha1",
        "kind": KIND,
        "metadata": {"name": name},
        "spec": {
            "initialModel": {"name": "m"},
            "dataset": {"name": "d", "trainProb": 0.8},
            "trainSpec": {**stage, "trigger": {"checkPeriodSeconds": 60, **trigger}},
            "evalSpec": stage,
            "deploySpec": {
                **stage,
                "model": {"name": "m", "hotUpdateEnabled": True, "pollPeriodSeconds": 60},
                "trigger": {"condition": {"operator": ">", "threshold": 0, "metric": "precision_delta"}},
            },
            "outputDir": "/output",
        },
    }


def finish(door: Door, record: dict[str, Any], **options: Any) -> str:
    """Have a job with a round that left this record; return the job's uid."""
    door.post(f"{BASE}/nodes", node(), **options)
    door.post(f"{BASE}/namespaces/default/models", model(), **options)
    door.post(f"{BASE}/namespaces/default/datasets", dataset(), **options)
    uid = str(door.post(JOBS, job(), **options)["metadata"]["uid"])
    door.parts.store.append_round(Key(KIND, "default", "demo"), uid, record)
    return uid


@pytest.fixture
def answers(door: Door) -> Iterator[Answers]:
    """Let the node `edge` answer its next question; gives the list of what it was asked."""
    threads: list[threading.Thread] = []

    def prepare(answer: bytes) -> list[dict[str, Any]]:
        heard: list[dict[str, Any]] = []

        def run() -> None:
            question = next_question(door.parts.exchange)
            heard.append(dict(question.details))
            path = f"{BASE}/nodes/edge/requests/{question.id}"
            door.client.post(path, data=answer, content_type="text/plain")

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return heard

    yield prepare
    for thread in threads:
        thread.join(30)


@pytest.mark.parametrize("record", [NAMED, OLD], ids=["that names its workers", "of an earlier release"])
@pytest.mark.parametrize("address", [WORKERS, PODS], ids=["ours", "kubectl's"])
def test_the_log_of_a_worker_that_is_gone_is_asked_of_the_node_in_its_record(
    door: Door, answers: Answers, record: dict[str, Any], address: str
) -> None:
    uid = finish(door, record)
    heard = answers(b"{}\nepoch 1\nepoch 2\n")
    response = door.client.get(f"{address}/demo-train-1/log?follow=true&tailLines=2")
    assert (response.status_code, response.mimetype, response.data) == (200, "text/plain", b"epoch 1\nepoch 2\n")
    asked = {"type": "ended-log", "namespace": "default", "name": "demo-train-1", "tailLines": 2}
    assert heard == [{**asked, "roundId": round_id(uid, 1)}]


def test_an_empty_log_is_not_a_missing_one(door: Door, answers: Answers) -> None:
    finish(door, NAMED)
    answers(b"{}\n")
    response = door.client.get(f"{WORKERS}/demo-train-1/log")
    assert (response.status_code, response.data) == (200, b"")


def test_what_the_node_keeps_no_more_is_404_and_says_how_much_is_kept(door: Door, answers: Answers) -> None:
    finish(door, NAMED)
    told = "nothing is kept here of it. This node keeps the logs of each job's last 20 workers."
    answers(b'{"error": {"code": 404, "reason": "LogNotKept", "message": "%s"}}\n' % told.encode())
    said = door.get(f"{WORKERS}/demo-train-1/log", 404)["message"]
    assert said == f"Worker demo-train-1 is gone, with round 1 of job demo. Node edge: {told}"


@pytest.mark.parametrize(
    "answer",
    [
        b'{"error": {"code": 501, "reason": "UnknownQuestion", "message": "This version does not answer that."}}',
        b"sedna-lc: Worker demo-train-1 has no log here.\n",
        b"",
        b"x" * 100_000,
    ],
    ids=["newer", "oldest", "cut off", "nonsense"],
)
def test_a_node_that_does_not_know_the_question_is_said(door: Door, answers: Answers, answer: bytes) -> None:
    finish(door, NAMED)
    answers(answer)
    said = door.get(f"{WORKERS}/demo-train-1/log", 502)["message"]
    assert said.startswith(
        "Worker demo-train-1 is gone, with round 1 of job demo, and its log cannot be had. Node edge"
    )


@pytest.mark.parametrize(
    "name",
    [
        "demo-train-2",
        "demo-eval-2",
        "demo-train-1-regression",
        "demo-inference",
        "demo-deploy-1",
        "others-train-1",
        "w",
    ],
)
def test_a_worker_that_no_round_had_is_404(door: Door, name: str) -> None:
    finish(door, NAMED)
    said = door.get(f"{WORKERS}/{name}/log", 404)
    assert (said["details"]["kind"], said["details"]["name"]) == ("Worker", name)
    assert "no round of a job there had one of that name" in said["message"]
    door.get(f"{PODS}/{name}", 404)


def test_a_job_that_is_made_again_has_a_history_of_its_own(door: Door) -> None:
    finish(door, NAMED)
    door.delete(f"{JOBS}/demo")
    for found in door.get(JOBS)["items"]:
        door.patch(f"{JOBS}/{found['metadata']['name']}", {"metadata": {"finalizers": None}})
    door.post(JOBS, job())
    door.get(f"{WORKERS}/demo-train-1/log", 404)


@pytest.mark.parametrize("answer_seconds", [0.2])
def test_a_silent_node_is_504(door: Door) -> None:
    finish(door, NAMED)
    assert "Node edge did not answer" in door.get(f"{WORKERS}/demo-train-1/log", 504)["message"]


def test_kubectl_finds_a_pod_to_ask_the_log_of_and_does_not_list_it(door: Door) -> None:
    finish(door, NAMED)
    pod = door.get(f"{PODS}/demo-train-1")
    assert pod["spec"] == {"nodeName": "edge", "containers": [{"name": "worker", "image": ""}]}
    assert (pod["status"]["phase"], pod["status"]["reason"]) == ("Succeeded", "Gone")
    assert door.get(f"{PODS}/demo-eval-1")["status"]["phase"] == "Failed"
    assert door.get(PODS)["items"] == []
    table = door.get(f"{PODS}/demo-train-1", headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"})
    assert table["kind"] == "Table"


def test_a_worker_that_was_deleted_while_its_round_goes_on_is_found_too(door: Door, answers: Answers) -> None:
    finish(door, {**NAMED, "round": 7})
    current = {"workers": NAMED["workers"]}
    status = {"stage": "Eval", "phase": "Running", "round": 1, "current": current}
    door.patch(f"{JOBS}/demo/status", {"status": status})
    answers(b"{}\nepoch 1\n")
    assert door.client.get(f"{WORKERS}/demo-train-1/log").data == b"epoch 1\n"


def test_a_worker_that_is_there_is_asked_as_ever(door: Door, answers: Answers) -> None:
    finish(door, NAMED)
    door.post(WORKERS, worker("demo-train-1"))
    heard = answers(b"now\n")
    assert door.client.get(f"{WORKERS}/demo-train-1/log").data == b"now\n"
    assert heard[0]["type"] == "log"


@pytest.mark.parametrize("answer_seconds", [0.2])
@pytest.mark.parametrize("address", [f"{WORKERS}/demo-train-1/log", f"{PODS}/demo-train-1/log", f"{PODS}/demo-train-1"])
def test_who_may_not_read_in_the_namespace_may_not_read_what_is_gone(guarded: Guarded, address: str) -> None:
    finish(guarded, NAMED, **guarded.admin)
    for name in ("edge", "other"):
        said = guarded.get(address, 403, **guarded.by(guarded.key(name)))
        assert "no rule that lets a node do that" in said["message"]
    guarded.get(address, 403, **guarded.by(guarded.person("eve", "viewer", "team-b")))
    guarded.get(address, 401)
    anna = guarded.by(guarded.person("anna", "viewer", "default"))
    guarded.get(address, 504 if address.endswith("log") else 200, **anna)


@pytest.mark.parametrize(
    ("record", "name", "role", "expected"),
    [
        (NAMED, "demo-eval-1", "eval", "edge"),
        (NAMED, "demo-eval-1-regression", "eval", "other"),
        (NAMED, "demo-train-9", "train", None),
        (OLD, "demo-train-1", "train", "edge"),
        (OLD, "demo-eval-1", "eval", None),
        ({}, "demo-eval-1", "eval", None),
    ],
)
def test_the_node_of_a_worker_is_the_one_in_the_record(
    record: dict[str, Any], name: str, role: str, expected: str | None
) -> None:
    assert node_of(record, name, role) == expected
