"""`sedna delete` waits for the true end; `sedna logs` finds the worker that is meant."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Run
from tests.cli.fake_gm import FakeGM

WORKERS = "/apis/sedna.io/v1alpha1/namespaces/default/workers"


def test_what_goes_at_once_needs_no_waiting(run: Run, gm: FakeGM) -> None:
    gm.put("Model", "base")
    assert run("delete", "md", "base").stdout == "model.sedna.io/base deleted\n"
    assert len(gm.requests) == 1


def test_a_job_is_waited_for_until_its_watch_says_deleted(run: Run, gm: FakeGM) -> None:
    job = gm.put("IncrementalLearningJob", "demo", metadata={"finalizers": ["sedna.io/job"]})
    # The first look ends with no news, as after LOOK_SECONDS; the second tells the end.
    gm.on_watch = [[], [{"type": "DELETED", "object": job}]]
    result = run("delete", "ilj/demo")
    assert result.exit_code == 0, result.output
    assert [bool(r.url.params.get("watch")) for r in gm.requests] == [False, False, True, False, True]


def test_a_name_that_was_taken_again_meanwhile_is_not_waited_for(run: Run, gm: FakeGM) -> None:
    gm.put("IncrementalLearningJob", "demo", metadata={"finalizers": ["sedna.io/job"]})
    successor = gm.put("IncrementalLearningJob", "demo", metadata={"uid": "another"})
    path = "/apis/sedna.io/v1alpha1/namespaces/default/incrementallearningjobs/demo"
    gm.answers["DELETE", path] = httpx.Response(
        200, json={**successor, "metadata": {**successor["metadata"], "uid": "uid-demo"}}
    )
    assert run("delete", "ilj/demo").exit_code == 0


def test_what_does_not_go_is_told_with_the_way_out(run: Run, gm: FakeGM) -> None:
    gm.put("IncrementalLearningJob", "demo", metadata={"finalizers": ["sedna.io/job"]})
    gm.on_watch = [[]]
    result = run("delete", "ilj/demo", "--timeout", "0")
    assert result.exit_code == 1
    assert "sedna describe incrementallearningjob demo" in result.stderr


def test_no_wait_returns_at_once(run: Run, gm: FakeGM) -> None:
    gm.put("IncrementalLearningJob", "demo", metadata={"finalizers": ["sedna.io/job"]})
    run("delete", "ilj", "demo", "--no-wait")
    assert len(gm.requests) == 1


def test_manifests_are_deleted_in_the_opposite_order(run: Run, gm: FakeGM, tmp_path: Path) -> None:
    gm.put("Dataset", "first")
    gm.put("Model", "second")
    path = tmp_path / "all.yaml"
    path.write_text("kind: Dataset\nmetadata: {name: first}\n---\nkind: Model\nmetadata: {name: second}\n")
    lines = run("delete", "-f", str(path)).stdout.splitlines()
    assert lines == ["model.sedna.io/second deleted", "dataset.sedna.io/first deleted"]


def test_what_is_not_there_is_an_error_unless_told_otherwise(run: Run) -> None:
    assert run("delete", "md", "none").exit_code == 1
    assert run("delete", "md", "none", "--ignore-not-found").exit_code == 0


@pytest.mark.parametrize("words", [(), ("md",), ("md/a", "b")])
def test_nothing_named_deletes_nothing(run: Run, gm: FakeGM, words: tuple[str, ...]) -> None:
    assert run("delete", *words).exit_code == 2
    assert not gm.requests


def log(gm: FakeGM, worker: str, text: str) -> None:
    gm.answers["GET", f"{WORKERS}/{worker}/log"] = httpx.Response(200, text=text)


def worker(gm: FakeGM, name: str, phase: str, created: str = "2026-11-22T14:00:00Z") -> None:
    role = next(role for role in ("train", "eval", "inference") if role in name)
    gm.put(
        "Worker", name,
        metadata={"creationTimestamp": created}, status={"phase": phase}, spec={"role": role, "nodeName": "edge-1"},
    )  # fmt: skip
    log(gm, name, f"{name} says\nhello\n")


def test_a_workers_log_comes_as_it_is(run: Run, gm: FakeGM) -> None:
    worker(gm, "demo-train-1", "Succeeded")
    assert run("logs", "demo-train-1", "--tail", "10", "-f").stdout == "demo-train-1 says\nhello\n"
    (asked,) = [request for request in gm.requests if request.url.path.endswith("/log")]
    assert dict(asked.url.params) == {"tailLines": "10", "follow": "true"}


def test_a_jobs_log_is_its_present_workers(run: Run, gm: FakeGM) -> None:
    worker(gm, "demo-train-1", "Succeeded")
    worker(gm, "demo-inference", "Running")
    assert run("logs", "demo").stdout == "demo-inference says\nhello\n"


def test_two_present_workers_are_told_apart(run: Run, gm: FakeGM) -> None:
    worker(gm, "demo-train-2", "Running")
    worker(gm, "demo-inference", "Running")
    lines = sorted(run("logs", "ilj/demo").stdout.splitlines())
    assert lines == [
        "[demo-inference] demo-inference says",
        "[demo-inference] hello",
        "[demo-train-2] demo-train-2 says",
        "[demo-train-2] hello",
    ]


def test_a_job_at_rest_shows_its_last_worker(run: Run, gm: FakeGM) -> None:
    worker(gm, "demo-train-1", "Succeeded", "2026-11-22T14:00:00Z")
    worker(gm, "demo-eval-1", "Failed", "2026-11-22T14:10:00Z")
    assert run("logs", "demo").stdout.startswith("demo-eval-1")


def test_a_jobs_log_has_its_failed_worker_beside_the_present_one(run: Run, gm: FakeGM) -> None:
    worker(gm, "demo-train-1", "Failed", "2026-11-22T14:00:00Z")
    worker(gm, "demo-train-2", "Succeeded", "2026-11-22T14:10:00Z")
    worker(gm, "demo-eval-2", "Failed", "2026-11-22T14:10:00Z")
    worker(gm, "demo-inference", "Running", "2026-11-22T13:00:00Z")
    lines = run("logs", "demo").stdout.splitlines()
    order = list(dict.fromkeys(line.split()[0] for line in lines))
    assert order == ["[demo-inference]", "[demo-eval-2]"], "the failure must not scroll away"


def test_a_failure_that_a_later_worker_made_good_is_old_news(run: Run, gm: FakeGM) -> None:
    worker(gm, "demo-train-1", "Failed", "2026-11-22T14:00:00Z")
    worker(gm, "demo-train-2", "Succeeded", "2026-11-22T14:10:00Z")
    worker(gm, "demo-inference", "Running", "2026-11-22T13:00:00Z")
    assert run("logs", "demo").stdout == "demo-inference says\nhello\n"


def silent_node(gm: FakeGM, name: str) -> None:
    ready = {"type": "Ready", "status": "Unknown", "message": "No sign of life since 2026-11-22T14:30:00Z."}
    gm.put("Node", name, status={"conditions": [ready]})


@pytest.mark.parametrize("what", ["demo", "demo-train-1", "wk/demo-train-1"])
def test_the_log_on_a_silent_node_is_not_waited_for(run: Run, gm: FakeGM, what: str) -> None:
    worker(gm, "demo-train-1", "Running")
    silent_node(gm, "edge-1")
    result = run("logs", what, "-f")
    assert result.exit_code == 1
    assert "on node edge-1, which has not been heard of. No sign of life since" in result.stderr
    assert not [request for request in gm.requests if request.url.path.endswith("/log")]


def test_a_silent_node_does_not_hide_the_logs_of_the_others(run: Run, gm: FakeGM) -> None:
    worker(gm, "demo-inference", "Running")
    silent_node(gm, "edge-1")
    gm.put("Worker", "demo-train-1", status={"phase": "Running"}, spec={"role": "train", "nodeName": "edge-2"})
    log(gm, "demo-train-1", "epoch 1\n")
    result = run("logs", "demo")
    assert (result.exit_code, result.stdout) == (0, "epoch 1\n")
    assert "Warning: worker demo-inference: its log is on node edge-1" in result.stderr


ROUNDS = "/apis/sedna.io/v1alpha1/namespaces/default/incrementallearningjobs/demo/rounds"


def round_of(gm: FakeGM, number: int, **record: object) -> None:
    gm.answers["GET", ROUNDS] = httpx.Response(200, json={"items": [{"round": number, **record}]})


def two_workers(gm: FakeGM) -> None:
    named = [{"name": f"demo-{role}-3", "role": role, "node": "edge-1"} for role in ("eval", "train")]
    round_of(gm, 3, workers=named)
    for role in ("train", "eval"):
        log(gm, f"demo-{role}-3", f"{role} says\n")


def test_what_the_workers_of_a_round_printed_is_shown_after_they_are_gone(run: Run, gm: FakeGM) -> None:
    two_workers(gm)
    worker(gm, "demo-inference", "Running")
    assert run("logs", "demo", "--round", "3").stdout == "[demo-train-3] train says\n[demo-eval-3] eval says\n"
    assert run("logs", "ilj/demo", "--round", "3", "--role", "eval", "-f").stdout == "eval says\n"


def test_a_record_of_an_earlier_release_is_read_too(run: Run, gm: FakeGM) -> None:
    round_of(gm, 3, nodes={"Train": "edge-1", "Deploy": "edge-1"})
    log(gm, "demo-train-3", "train says\n")
    assert run("logs", "demo", "--round", "3").stdout == "train says\n"


def test_the_round_under_way_is_found_by_its_number(run: Run, gm: FakeGM) -> None:
    round_of(gm, 2, workers=[{"name": "demo-train-2", "role": "train", "node": "edge-1"}])
    spec = {"role": "train", "nodeName": "edge-1", "round": 3}
    gm.put("Worker", "demo-train-3", status={"phase": "Running"}, spec=spec)
    log(gm, "demo-train-3", "train says\n")
    assert run("logs", "demo", "--round", "3").stdout == "train says\n"


def test_a_round_that_there_is_not_is_said_with_the_last_one(run: Run, gm: FakeGM) -> None:
    two_workers(gm)
    result = run("logs", "demo", "--round", "9")
    assert (result.exit_code, "Its last finished round is 3." in result.stderr) == (1, True)


def test_a_role_that_the_round_did_not_come_to_is_said(run: Run, gm: FakeGM) -> None:
    round_of(gm, 3, nodes={"Train": "edge-1"})
    result = run("logs", "demo", "--round", "3", "--role", "eval")
    assert (result.exit_code, "round 3 of job demo had no worker for eval" in result.stderr) == (1, True)


@pytest.mark.parametrize("words", [("demo", "--role", "eval"), ("wk/demo-train-3", "--round", "3")])
def test_a_round_is_a_jobs_and_a_role_is_a_rounds(run: Run, gm: FakeGM, words: tuple[str, ...]) -> None:
    assert run("logs", *words).exit_code == 2
    assert not gm.requests


@pytest.mark.parametrize("what", ["demo-train-1", "worker/demo-train-1"])
def test_a_worker_that_is_gone_is_found_by_its_name(run: Run, gm: FakeGM, what: str) -> None:
    pod = {"metadata": {"name": "demo-train-1"}, "spec": {"nodeName": "edge-1"}}
    gm.answers["GET", "/api/v1/namespaces/default/pods/demo-train-1"] = httpx.Response(200, json=pod)
    log(gm, "demo-train-1", "long ago\n")
    assert run("logs", what).stdout == "long ago\n"
    silent_node(gm, "edge-1")
    result = run("logs", what)
    assert (result.exit_code, "on node edge-1, which has not been heard of" in result.stderr) == (1, True)


def test_a_worker_that_nobody_knows_is_what_the_globalmanager_says(run: Run, gm: FakeGM) -> None:
    said = {"kind": "Status", "code": 404, "reason": "NotFound", "message": "There is no worker x."}
    gm.answers["GET", f"{WORKERS}/x/log"] = httpx.Response(404, json=said)
    result = run("logs", "worker/x")
    assert (result.exit_code, "There is no worker x." in result.stderr) == (1, True)


def test_a_name_that_nobody_has_is_said(run: Run) -> None:
    result = run("logs", "nobody")
    assert (result.exit_code, "no worker is named nobody" in result.stderr) == (1, True)
