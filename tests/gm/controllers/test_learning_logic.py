"""What the original gets wrong about incremental learning (W-09 to W-30e), and what holds here instead."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sedna.api.rounds import round_id
from sedna_gm.store.interface import Key
from tests.gm.controllers.edge import Edge
from tests.gm.controllers.world import JOB, NOON, World, job_manifest, template


@pytest.fixture
def world() -> World:
    made = World()
    made.usual()
    made.serves()
    return made


def timer(start: str, end: str, **more: Any) -> dict[str, Any]:
    return {"template": template("train.py"), "trigger": {"timer": {"start": start, "end": end, **more}}}


def deploying(**trigger: Any) -> dict[str, Any]:
    return {
        "model": {"name": "deploy-model", "hotUpdateEnabled": True},
        "template": template("inference.py"),
        "trigger": {"condition": {"operator": ">", "threshold": 0.1, "metric": "precision_delta", **trigger}},
    }


def test_w09_a_second_hot_update_is_performed_like_the_first(world: World) -> None:
    for round_ in (1, 2, 3):
        world.samples(60 * round_)
        world.settle()
        world.round_to_deploy(round_, new=0.5 + round_, old=0.1)
        assert world.worker("helmets-inference")["spec"]["round"] == round_
        world.serves()
        assert world.status()["deployedModel"]["round"] == round_
    assert [record["decision"] for record in world.history()] == ["Deployed"] * 3


def test_w10_a_training_without_a_model_of_the_wanted_format_fails_with_that_reason(world: World) -> None:
    world.samples(60)
    world.settle()
    results = [
        {"format": "onnx", "url": "/output/a", "sha256": "a" * 64},
        {"format": "pth", "url": "/output/b", "sha256": "b" * 64},
    ]
    world.report("helmets-train-1", phase="Running")
    world.report("helmets-train-1", phase="Succeeded", results=results)
    world.settle()
    record = world.history()[0]
    assert record["reason"] == "NoModelReported"
    assert "format pb is needed; worker helmets-train-1 reported onnx, pth" in record["message"]


def test_w10_chips_choose_among_models_of_one_format(world: World) -> None:
    def for_310(model: dict[str, Any]) -> None:
        model["spec"]["device_soc_versions"] = ["310"]

    world.edit(Key("Model", "default", "deploy-model"), for_310)
    world.samples(60)
    world.settle()
    world.report("helmets-train-1", phase="Running")
    results = [
        {"format": "pb", "url": "/output/910", "sha256": "a" * 64, "device_soc_versions": ["910"]},
        {"format": "pb", "url": "/output/310", "sha256": "b" * 64, "device_soc_versions": ["310"]},
    ]
    world.report("helmets-train-1", phase="Succeeded", results=results)
    world.settle()
    assert world.worker("helmets-eval-1")["spec"]["models"][0]["url"] == "/output/310"


@pytest.mark.parametrize(
    ("old", "told"),
    [
        ({"recall": 0.5}, "the metric precision was not reported for the deployed model: reported were recall"),
        ({"precision": [0.5]}, "the metric precision has 1 entries, there is no entry 1"),
    ],
    ids=["missing", "shorter"],
)
def test_w11_metrics_that_the_deployed_model_lacks_are_a_reason_not_a_crash(
    world: World, old: dict[str, Any], told: str
) -> None:
    world.edit(
        Key(JOB, "default", "helmets"),
        lambda job: job["spec"].update(deploySpec=deploying(metric="precision_delta[1]")),
    )
    world.samples(60)
    world.settle()
    world.serves()
    world.let_all_go()
    world.settle()
    world.round_to_deploy(new={"precision": [0.1, 0.9]}, old=old)
    record = world.history()[0]
    assert record["decision"] == "NotDeployed"
    assert told in record["message"]


def test_w15_each_evaluation_sample_is_used_once_from_the_last_five_rounds(world: World) -> None:
    for round_ in range(1, 8):
        world.samples(60 * round_)
        world.settle()
        world.train_succeeds(round_)
        ranges = world.worker(f"helmets-eval-{round_}")["spec"]["samples"]
        first = max(1, round_ - 4)
        assert [each["round"] for each in ranges] == list(range(first, round_ + 1))
        assert [(each["start"], each["end"]) for each in ranges] == [
            (60 * (number - 1), 60 * number) for number in range(first, round_ + 1)
        ]
        assert {each["part"] for each in ranges} == {"eval"}
        world.eval_succeeds(round_, new=0.1, old=0.9)


def test_w16_samples_that_arrive_while_a_round_begins_belong_to_the_next_one(world: World) -> None:
    world.samples(60)
    world.settle()
    world.samples(100)
    world.settle()
    assert world.worker("helmets-train-1")["spec"]["samples"][0]["end"] == 60
    world.round_to_deploy()
    world.serves()
    samples = world.worker("helmets-train-2")["spec"]["samples"][0]
    assert (samples["start"], samples["end"], samples["part"]) == (60, 100, "train")
    assert samples["seed"] == world.job()["metadata"]["uid"]


def test_w17_check_period_seconds_has_an_effect() -> None:
    world = World()
    world.usual(
        trainSpec={
            "template": template("train.py"),
            "trigger": {
                "checkPeriodSeconds": 7,
                "condition": {"operator": ">", "threshold": 9, "metric": "num_of_samples"},
            },
        }
    )
    world.serves()
    assert world.due() == NOON + timedelta(seconds=7)


def test_w17_a_change_of_the_count_is_looked_at_at_once(world: World) -> None:
    world.samples(60)
    world.settle()
    assert world.at() == ("Train", "Starting")
    assert world.clock.now == NOON


def test_w18_a_timer_alone_fires_as_soon_as_there_is_a_sample() -> None:
    world = World()
    world.usual(trainSpec=timer("00:00", "23:59"))
    assert world.status()["message"] == "Waits for samples: there is no new one."
    world.samples(60)
    world.settle()
    assert world.at() == ("Train", "Starting")


def test_w18_a_timer_alone_waits_for_its_window() -> None:
    world = World()
    world.usual(
        trainSpec={
            **timer("14:30", "15:00"),
            "trigger": {"checkPeriodSeconds": 100000, "timer": {"start": "14:30", "end": "15:00"}},
        }
    )
    world.samples(60)
    world.settle()
    assert world.status()["message"] == "Waits for the window 14:30 to 15:00, which opens 2026-11-22T14:30:00Z."
    world.serves()
    assert world.due() == NOON + timedelta(hours=2, minutes=30)
    world.advance(2.5 * 3600)
    assert world.at() == ("Train", "Starting")


def test_w18_a_condition_alone_fires(world: World) -> None:
    world.samples(60)
    world.settle()
    assert world.at() == ("Train", "Starting")


def test_w18_condition_and_window_must_both_hold() -> None:
    world = World()
    trigger = {
        "timer": {"start": "13:00", "end": "14:00"},
        "condition": {"operator": ">", "threshold": 9, "metric": "num_of_samples"},
    }
    world.usual(trainSpec={"template": template("train.py"), "trigger": trigger})
    world.samples(60)
    world.settle()
    assert world.at() == ("Train", "Waiting")
    world.advance(3600)
    assert world.at() == ("Train", "Starting")


@pytest.mark.parametrize(
    ("metric", "new", "old", "deployed"),
    [
        ("precision_delta", [0.9, 0.7], [0.2, 0.4], True),
        ("precision_delta", [0.3, 0.3], [0.2, 0.4], False),
        ("precision_delta[1]", [0.1, 0.7], [0.9, 0.4], True),
        ("precision[0]", [0.05, 0.9], [0.0, 0.0], False),
        ("precision", [0.05, 0.9], [0.9, 0.9], True),
    ],
)
def test_w19_a_list_without_an_index_counts_by_its_mean(
    metric: str, new: list[float], old: list[float], deployed: bool
) -> None:
    world = World()
    world.usual(deploySpec=deploying(metric=metric))
    world.serves()
    world.samples(60)
    world.settle()
    world.round_to_deploy(new={"precision": new}, old={"precision": old})
    assert world.at() == (("Deploy", "Starting") if deployed else ("Train", "Waiting"))


def test_w19b_a_plain_number_is_a_metric(world: World) -> None:
    world.samples(60)
    world.settle()
    world.round_to_deploy(new=0.9, old=0.5)
    assert world.at() == ("Deploy", "Starting")


@pytest.mark.parametrize("metric", ["precision[7]", "f1", "f1_delta"])
def test_w20_an_index_or_name_that_is_not_there_is_a_reason_that_lists_what_is(metric: str) -> None:
    world = World()
    world.usual(deploySpec=deploying(metric=metric))
    world.serves()
    world.samples(60)
    world.settle()
    world.round_to_deploy(new={"precision": [0.9], "recall": 0.5}, old={"precision": [0.5], "recall": 0.5})
    message = world.history()[0]["message"]
    assert "not deployed" in message
    assert "there is no entry 7" in message or "reported were precision, recall" in message


def test_w21_a_window_over_midnight_is_open_at_night_and_closed_by_day() -> None:
    world = World()
    world.usual(trainSpec=timer("22:00", "06:00"))
    world.samples(60)
    world.settle()
    assert world.at() == ("Train", "Waiting")
    world.advance(10 * 3600)
    assert world.at() == ("Train", "Starting")


def test_w22_a_window_is_read_in_the_time_zone_given() -> None:
    world = World()
    world.usual(trainSpec=timer("20:30", "21:30", timezone="Asia/Shanghai"))
    world.samples(60)
    world.settle()
    assert "opens 2026-11-22T12:30:00Z" in world.status()["message"]


def test_w22_a_window_without_a_zone_is_read_in_the_dataset_nodes_zone() -> None:
    world = World()
    world.node(timezone="America/New_York")
    world.models()
    world.dataset(seen=60)
    world.create(job_manifest(trainSpec=timer("08:00", "09:00")))
    world.settle()
    assert "opens 2026-11-22T13:00:00Z" in world.status()["message"]


def test_w23_a_zone_that_this_host_does_not_know_stops_no_training() -> None:
    world = World()
    world.node(timezone="Mars/Olympus_Mons")
    world.models()
    world.dataset(seen=60)
    world.create(job_manifest(trainSpec=timer("11:00", "13:00")))
    world.settle()
    assert world.at() == ("Train", "Starting")


def test_w24_one_evaluation_result_instead_of_two_fails_the_stage_and_says_so(world: World) -> None:
    world.samples(60)
    world.settle()
    world.train_succeeds()
    world.report("helmets-eval-1", phase="Running")
    results = [{"format": "pb", "url": "/output/helmets/train/1/model.pb", "metrics": {"precision": 0.9}}]
    world.report("helmets-eval-1", phase="Succeeded", results=results)
    world.settle()
    record = world.history()[0]
    assert (record["decision"], record["reason"]) == ("Failed", "NoMetricsReported")
    assert "reported no metrics for /models/deploy-model" in record["message"]


@pytest.mark.parametrize("value", ["high", None, float("nan"), [], [0.1, "x"], True])
def test_w24_a_metric_that_is_not_a_number_fails_the_stage_with_that_reason(world: World, value: Any) -> None:
    world.samples(60)
    world.settle()
    world.train_succeeds()
    key = Key("Worker", "default", "helmets-eval-1")
    worker = world.store.get(key)
    results = [{"url": model["url"], "metrics": {"precision": value}} for model in worker["spec"]["models"]]
    world.report("helmets-eval-1", phase="Running")
    world.settle()
    world.store.update_status({**world.store.get(key), "status": {"phase": "Succeeded", "results": results}})
    world.readable = False
    world.settle()
    record = world.history()[0]
    assert record["decision"] == "Failed"
    assert record["reason"] in ("UnreadableStatus", "NoMetricsReported")


def test_w25_a_training_without_a_model_is_not_evaluated(world: World) -> None:
    world.samples(60)
    world.settle()
    world.report("helmets-train-1", phase="Running")
    world.report("helmets-train-1", phase="Succeeded", exitCode=0)
    world.settle()
    assert world.history()[0]["reason"] == "NoModelReported"
    assert not world.has_worker("helmets-eval-1")


def test_w26_a_job_whose_dataset_and_models_come_later_waits_says_so_and_starts() -> None:
    world = World()
    world.create(job_manifest())
    world.settle()
    assert world.status()["message"] == "Waits for dataset samples, which does not exist."
    world.dataset(seen=60)
    world.settle()
    assert world.status()["message"] == "Waits for model initial-model, which does not exist."
    world.models()
    world.settle()
    assert world.status()["message"] == "Train of round 1 waits for a node. No node has registered yet."
    assert world.at() == ("Train", "Ready")
    world.node()
    world.settle()
    assert world.at() == ("Train", "Starting")


def test_w27_a_dataset_in_any_letter_case_trains() -> None:
    world = World()
    world.node()
    world.models()
    world.create(
        {
            "apiVersion": "sedna.io/v1alpha1",
            "kind": "Dataset",
            "metadata": {"name": "samples", "namespace": "default"},
            "spec": {"url": "/data/s.csv", "format": "CSV", "nodeName": "edge-node"},
            "status": {"samplesSeen": 60, "state": "Watching"},
        }
    )
    world.create(job_manifest())
    world.settle()
    assert world.worker("helmets-train-1")["spec"]["dataset"]["format"] == "csv"


def test_w29_an_edited_initial_model_is_used_by_the_next_start(world: World) -> None:
    world.edit(Key("Model", "default", "initial-model"), lambda model: model["spec"].update(url="/models/better"))
    world.samples(60)
    world.settle()
    assert world.worker("helmets-train-1")["spec"]["models"][0]["url"] == "/models/better"


def test_w29_the_inference_worker_follows_an_edited_deploy_model_until_something_newer_is_deployed(
    world: World,
) -> None:
    key = Key("Model", "default", "deploy-model")
    world.edit(key, lambda model: model["spec"].update(url="/models/v2"))
    world.settle()
    assert world.worker("helmets-inference")["spec"]["models"][0]["url"] == "/models/v2"
    world.serves()
    world.samples(60)
    world.settle()
    world.round_to_deploy()
    world.serves()
    world.edit(key, lambda model: model["spec"].update(url="/models/v3"))
    world.settle()
    assert world.worker("helmets-inference")["spec"]["models"][0]["round"] == 1


@pytest.mark.parametrize("stage", ["train", "eval"])
@pytest.mark.parametrize("phase", ["Starting", "Running"])
def test_w30_a_stage_whose_worker_was_deleted_fails_with_that_reason(world: World, stage: str, phase: str) -> None:
    world.samples(60)
    world.settle()
    if stage == "eval":
        world.train_succeeds()
    name = f"helmets-{stage}-1"
    world.report(name, phase=phase)
    world.settle()
    world.store.delete(Key("Worker", "default", name))
    world.settle()
    record = world.history()[0]
    assert record["reason"] == "WorkerDeleted"
    assert world.at() == ("Train", "Waiting")
    assert name in world.status()["message"]


def test_w30_a_stage_whose_node_is_deleted_fails_with_that_reason(world: World) -> None:
    world.samples(60)
    world.settle()
    world.store.delete(Key("Node", "", "edge-node"))
    world.settle()
    assert world.history()[0]["reason"] == "NodeGone"
    # Nobody is left who could let go of its workers, so the node's controller did.
    assert world.workers() == []


def test_w30_a_worker_that_its_node_never_answers_for_meets_its_deadline(world: World) -> None:
    world.samples(60)
    world.settle()
    world.advance(24 * 3600 + 200, beat=False)
    record = world.history()[0]
    assert record["reason"] == "DeadlineExceeded"
    assert "has not been heard of since" in record["message"]


def test_w30_a_deadline_given_in_the_template_counts() -> None:
    world = World()
    world.usual(evalSpec={"template": template("eval.py", activeDeadlineSeconds=60)})
    world.serves()
    world.samples(60)
    world.settle()
    world.train_succeeds()
    assert world.worker("helmets-eval-1")["spec"]["activeDeadlineSeconds"] == 60
    world.report("helmets-eval-1", phase="Running")
    world.advance(170)
    assert world.at() == ("Eval", "Running")
    world.advance(20)
    assert world.history()[0]["reason"] == "DeadlineExceeded"


def test_w30b_a_stages_worker_is_found_by_its_name_whatever_the_order(world: World) -> None:
    world.samples(60)
    world.settle()
    world.train_succeeds()
    names = [worker["metadata"]["name"] for worker in world.store.list("Worker").items]
    assert names == ["helmets-eval-1", "helmets-inference", "helmets-train-1"]
    assert world.at() == ("Eval", "Starting")
    labels = world.worker("helmets-eval-1")["metadata"]["labels"]
    told = round_id(world.job()["metadata"]["uid"], 1)
    round_ = {"sedna.io/round": "1", "sedna.io/round-id": told}
    assert labels == {"sedna.io/job": "helmets", "sedna.io/stage": "Eval", **round_}
    # The same id for whoever looks into the events of the job.
    events = [event for event in world.store.list("Event").items if event["reason"] == "EvalStarting"]
    assert [event["metadata"]["labels"] for event in events] == [{"sedna.io/round-id": told}]


def test_w30c_an_inference_worker_that_cannot_be_placed_is_told() -> None:
    world = World()
    world.node(images=())
    world.models()
    world.dataset()
    world.create(job_manifest())
    world.settle()
    assert world.status()["serving"] == {
        "phase": "Waiting",
        "message": "The inference worker waits for a node. No node can take the worker: "
        "node edge-node does not have the worker image helmets:v1.",
    }


def test_w30d_a_job_ends_when_it_is_deleted_and_not_before_its_workers_have(world: World) -> None:
    world.samples(60)
    world.settle()
    world.store.delete(Key(JOB, "default", "helmets"))
    world.settle()
    assert "waits until its workers have stopped on edge-node" in world.status()["message"]
    world.let_go("helmets-inference")
    world.settle()
    assert world.has_worker("helmets-train-1")
    world.let_go("helmets-train-1")
    world.settle()
    assert world.store.list(JOB).items == []
    assert world.workers() == []


def test_w30e_a_late_or_repeated_report_never_moves_the_job_backwards(world: World) -> None:
    world.samples(60)
    world.settle()
    edge = Edge(world)
    for _ in range(3):
        edge.step(1, "good")
    for _ in range(3):
        edge.deliver()
        world.settle()
        edge.repeat()
        world.settle()
    assert world.at() == ("Eval", "Starting")
    world.report("helmets-eval-1", phase="Running")
    world.settle()
    world.report("helmets-eval-1", phase="Starting")
    world.settle()
    assert world.at() == ("Eval", "Running")
