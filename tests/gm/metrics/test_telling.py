"""What Prometheus is told of jobs, workers and nodes: from resources to samples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric

from sedna.api.triggers import OPERATORS
from sedna.daemons.remembering import Remembered
from sedna_gm.metrics import hosts, jobs, looking
from sedna_gm.metrics.exposing import Exposition
from sedna_gm.metrics.lasting import LastMetrics


def job(name: str = "helmets", operator: str = ">", threshold: float = 95, **status: Any) -> dict[str, Any]:
    condition = {"metric": "num_of_samples", "operator": operator, "threshold": threshold}
    return {
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"trainSpec": {"trigger": {"condition": condition}}},
        "status": status,
    }


def worker(role: str = "inference", **status: Any) -> dict[str, Any]:
    spec = {"role": role, "job": {"name": "helmets"}, "nodeName": "edge"}
    return {"metadata": {"name": f"helmets-{role}", "namespace": "shop"}, "spec": spec, "status": status}


def samples(families: Iterable[Metric]) -> dict[tuple[str, tuple[str, ...]], float]:
    return {(one.name, tuple(one.labels.values())): one.value for family in families for one in family.samples}


def test_jobs_are_counted_where_they_stand() -> None:
    found = samples(jobs.standing([job("a", stage="Eval", phase="Running"), job("b"), job("c")]))
    assert found[("sedna_jobs", ("shop", "Eval", "Running"))] == 1
    assert found[("sedna_jobs", ("shop", "Train", "Waiting"))] == 2


def test_a_job_tells_how_far_its_samples_are() -> None:
    told = job(samples={"seen": 300, "used": 252, "new": 48}, round=3, failures=2, gaveUpAt="2026-11-22T14:00:00Z")
    found = samples(jobs.each([told]))
    assert found[("sedna_job_samples", ("shop", "helmets", "new"))] == 48
    assert found[("sedna_job_trigger_ratio", ("shop", "helmets"))] == 0.5
    assert found[("sedna_job_round", ("shop", "helmets"))] == 3
    assert found[("sedna_job_failed_rounds", ("shop", "helmets"))] == 2
    assert found[("sedna_job_gave_up", ("shop", "helmets"))] == 1
    assert found[("sedna_job_paused", ("shop", "helmets"))] == 0


@given(st.sampled_from([">", ">=", "gt", "ge"]), st.floats(min_value=0, max_value=1e6))
def test_a_ratio_of_one_is_the_first_at_which_the_trigger_holds(operator: str, threshold: float) -> None:
    needed = jobs.needed_samples(job(operator=operator, threshold=threshold))
    if needed is None:
        assert OPERATORS[operator](0, threshold)
    else:
        assert OPERATORS[operator](needed, threshold)
        assert not OPERATORS[operator](needed - 1, threshold)


@pytest.mark.parametrize("operator", ["<", "<=", "==", "!=", "lt"])
def test_no_ratio_is_made_up_for_a_trigger_that_waits_for_no_smallest_number(operator: str) -> None:
    assert jobs.needed_samples(job(operator=operator)) is None


def test_metrics_of_both_models_are_told_and_a_list_by_its_mean() -> None:
    current = {"newMetrics": {"precision": [0.5, 0.7]}, "oldMetrics": {"precision": 0.4, "empty": []}}
    found = samples(jobs.each([job(current=current)]))
    assert found[("sedna_job_model_metric", ("shop", "helmets", "precision", "new"))] == pytest.approx(0.6)
    assert found[("sedna_job_model_metric", ("shop", "helmets", "precision", "deployed"))] == 0.4
    assert not any("empty" in labels for _, labels in found)


def test_a_job_that_nobody_has_looked_at_yet_is_told_with_zeros() -> None:
    fresh = {key: value for key, value in job().items() if key != "status"}
    found = samples(jobs.each([fresh]))
    assert found[("sedna_job_samples", ("shop", "helmets", "seen"))] == 0


def test_a_record_says_how_long_each_stage_took() -> None:
    steps = [
        ("Train", "Waiting", "14:00:00"),
        ("Train", "Ready", "14:00:10"),
        ("Train", "Running", "14:00:15"),
        ("Train", "Completed", "14:01:10"),
        ("Eval", "Ready", "14:01:10"),
        ("Eval", "Completed", "14:01:20"),
        ("Eval", "Ready", "14:01:21"),
        ("Eval", "Failed", "14:01:23"),
    ]
    record = {"stages": [{"stage": s, "phase": p, "time": f"2026-11-22T{t}Z"} for s, p, t in steps]}
    expected = [("Train", "Completed", 60.0), ("Eval", "Completed", 10.0), ("Eval", "Failed", 2.0)]
    assert list(jobs.stage_seconds(record)) == expected


def test_a_clock_that_was_set_back_makes_no_stage_shorter_than_nothing() -> None:
    steps = [("Train", "Ready", "14:00:10"), ("Train", "Completed", "13:00:00")]
    record = {"stages": [{"stage": s, "phase": p, "time": f"2026-11-22T{t}Z"} for s, p, t in steps]}
    assert list(jobs.stage_seconds(record)) == [("Train", "Completed", 0.0)]


def test_an_inference_worker_tells_its_predictions() -> None:
    told = {"count": 120, "hard": 6, "hardShare": 0.05, "perSecond": 2.5, "latencySeconds": {"p50": 0.01, "p99": 0.2}}
    found = samples(hosts.serving([worker(inference=told, restarts=2), worker("train")]))
    name = ("shop", "helmets", "helmets-inference")
    assert found[("sedna_worker_inferences_total", name)] == 120
    assert found[("sedna_worker_hard_ratio", name)] == 0.05
    assert found[("sedna_worker_latency_seconds", (*name, "99"))] == 0.2
    assert found[("sedna_worker_restarts_total", name)] == 2
    assert not any("helmets-train" in labels for _, labels in found)


def test_a_worker_that_said_nothing_yet_has_no_made_up_predictions() -> None:
    found = samples(hosts.serving([worker()]))
    assert [name for name, _ in found] == ["sedna_worker_restarts_total"]


def test_nodes_are_told_by_whether_they_are_ready() -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    found = samples(hosts.nodes([{"metadata": {"name": "edge"}, "status": ready}, {"metadata": {"name": "new"}}]))
    assert found[("sedna_nodes", ("true",))] == 1
    assert found[("sedna_nodes", ("false",))] == 1
    assert found[("sedna_node_ready", ("new",))] == 0


def test_a_scrape_is_bounded_however_many_jobs_there_are() -> None:
    resources = {
        "IncrementalLearningJob": [job(f"j{number}") for number in range(5)],
        "Worker": [worker() for _ in range(4)],
        "Node": [],
    }
    last = LastMetrics(lambda _job, _most: ())
    sources = looking.Sources(resources.__getitem__, lambda: 1, lambda: 2, lambda: 3, last, lambda: 4, lambda: 5.0)
    found = samples(looking.look(sources, most=2))
    assert sum(1 for name, _ in found if name == "sedna_job_round") == 2
    assert found[("sedna_metrics_left_out", ("IncrementalLearningJob",))] == 3
    assert found[("sedna_metrics_left_out", ("Worker",))] == 2
    assert found[("sedna_jobs", ("shop", "Train", "Waiting"))] == 5


def test_what_was_measured_last_is_told_until_something_newer_is() -> None:
    told = {**job(), "metadata": {"name": "helmets", "namespace": "shop", "uid": "u"}}
    read = []

    def records(_job: Any, most: int) -> list[dict[str, Any]]:
        read.append(most)
        old = {"metrics": {"new": {"precision": 0.3}}}
        return [{"metrics": {"new": {"precision": 0.1}}}, old, {"metrics": {}}]

    last = LastMetrics(records)
    name = ("sedna_job_model_metric", ("shop", "helmets", "precision", "new"))
    assert samples(jobs.each([told], last.of))[name] == 0.3
    last.finished({"job": {"uid": "u"}, "metrics": {"new": {"precision": 0.5}}})
    last.finished({"job": {"uid": "u"}, "metrics": {}})
    assert samples(jobs.each([told], last.of))[name] == 0.5
    running = {**told, "status": {"current": {"newMetrics": {"precision": 0.9}}}}
    assert samples(jobs.each([running], last.of))[name] == 0.9
    assert len(read) == 1, "the store is asked once"
    last.keep([])
    last.of(told)
    assert len(read) == 2, "what is gone is forgotten"


def test_a_look_that_fails_is_told_and_leaves_the_rest() -> None:
    def broken() -> Iterable[Metric]:
        raise OSError("the disk is gone")

    exposition = Exposition()
    exposition.tell("state", broken)
    exposition.answered("GET", 200, 0.1)
    text = exposition.text().decode()
    assert "sedna_metrics_state_failed 1.0" in text
    assert 'sedna_http_requests_total{code="200",method="GET"} 1.0' in text


def test_words_that_are_no_methods_make_no_series() -> None:
    exposition = Exposition()
    for number in range(100):
        exposition.answered(f"WORD{number}", 405, 0.1)
    assert 'sedna_http_requests_total{code="405",method="other"} 100.0' in exposition.text().decode()


def test_a_finished_round_is_counted_with_its_decision_and_its_stages() -> None:
    exposition = Exposition()
    steps = [("Train", "Ready", "14:00:10"), ("Train", "Completed", "14:00:12")]
    stages = [{"stage": s, "phase": p, "time": f"2026-11-22T{t}Z"} for s, p, t in steps]
    exposition.finished({"decision": "Deployed", "stages": stages})
    text = exposition.text().decode()
    assert 'sedna_rounds_total{decision="Deployed"} 1.0' in text
    assert 'sedna_stage_duration_seconds_bucket{le="5.0",outcome="Completed",stage="Train"} 1.0' in text
    assert 'sedna_stage_duration_seconds_bucket{le="1.0",outcome="Completed",stage="Train"} 0.0' in text


def test_what_is_dear_to_count_is_counted_once_in_a_while() -> None:
    now, counted = [0.0], [0]

    def count() -> float:
        counted[0] += 1
        return counted[0] * 10.0

    bytes_ = Remembered(count, 60.0, lambda: now[0])
    assert [bytes_(), bytes_()] == [10.0, 10.0]
    now[0] = 61.0
    assert bytes_() == 20.0
