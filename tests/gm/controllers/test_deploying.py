"""Deployment: hot, cold, refused, late, by hand; and the inference worker between deployments."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sedna_gm.store.interface import Key
from tests.gm.controllers.world import IMAGE, JOB, NOON, World, job_manifest, template

INFERENCE = "helmets-inference"
COLD = {
    "model": {"name": "deploy-model"},
    "trigger": {"condition": {"operator": ">", "threshold": 0.1, "metric": "precision_delta"}},
    "template": template("inference.py"),
}


@pytest.fixture
def world() -> World:
    made = World()
    made.usual()
    made.serves()
    made.samples(60)
    made.settle()
    return made


def cold_world() -> World:
    made = World()
    made.usual(deploySpec=COLD)
    made.serves()
    made.samples(60)
    made.settle()
    return made


def test_a_hot_update_changes_the_running_worker_and_waits_for_its_word(world: World) -> None:
    before = world.worker(INFERENCE)["metadata"]["uid"]
    world.round_to_deploy()
    assert world.at() == ("Deploy", "Starting")
    worker = world.worker(INFERENCE)
    assert worker["metadata"]["uid"] == before
    assert worker["spec"]["round"] == 1
    assert worker["spec"]["models"] == [
        {
            "name": "deploy-model",
            "url": "/output/helmets/train/1/model.pb",
            "format": "pb",
            "sha256": f"{1:064d}",
            "round": 1,
        }
    ]
    world.serves(state="Loading")
    assert world.at() == ("Deploy", "Running")
    assert world.status().get("deployedModel") is None
    world.serves()
    assert world.at() == ("Train", "Waiting")
    assert world.status()["deployedModel"]["sha256"] == f"{1:064d}"


def test_the_round_label_of_the_inference_worker_follows_its_model(world: World) -> None:
    def label() -> str:
        value: str = world.worker(INFERENCE)["metadata"]["labels"]["sedna.io/round"]
        return value

    assert label() == "0"
    world.round_to_deploy()
    assert label() == "1"
    world.serves(state="Refused")
    assert label() == "0"


def test_a_cold_update_is_the_same_worker_started_again() -> None:
    world = cold_world()
    uid = world.worker(INFERENCE)["metadata"]["uid"]
    assert world.worker(INFERENCE)["spec"]["hotUpdate"] == {"enabled": False, "pollPeriodSeconds": 60}
    world.round_to_deploy()
    world.report(INFERENCE, phase="Starting", model=None)
    world.settle()
    assert world.at() == ("Deploy", "Running")
    world.serves()
    assert world.worker(INFERENCE)["metadata"]["uid"] == uid
    assert world.history()[0]["decision"] == "Deployed"


def test_a_cold_update_of_code_that_never_reports_is_done_when_it_keeps_running() -> None:
    world = cold_world()
    world.round_to_deploy()
    world.advance(1)
    world.report(INFERENCE, phase="Running", model=None)
    world.settle()
    assert world.at() == ("Deploy", "Running")
    world.advance(130)
    assert world.history()[0]["decision"] == "Deployed"


def test_a_cold_update_that_says_only_that_it_loads_is_done_at_the_deadline_if_it_still_runs() -> None:
    world = cold_world()
    world.round_to_deploy()
    world.advance(1)
    world.serves(state="Loading")
    world.advance(900)
    assert world.at() == ("Deploy", "Running")
    world.advance(100)
    assert world.history()[0]["decision"] == "Deployed"


@pytest.mark.parametrize("make", [cold_world, None], ids=["cold", "hot"])
def test_a_refused_model_fails_the_stage_and_the_last_good_one_is_served_again(make: Any, world: World) -> None:
    world = make() if make else world
    world.round_to_deploy()
    world.serves(state="Refused", reason="ModelRefused", message="ValueError: bad magic number")
    record = world.history()[0]
    assert (record["decision"], record["stage"], record["reason"]) == ("Failed", "Deploy", "ModelRefused")
    assert "bad magic number" in record["message"]
    assert world.worker(INFERENCE)["spec"]["models"] == [
        {"name": "deploy-model", "url": "/models/deploy-model", "format": "pb", "round": 0}
    ]
    assert world.status()["samples"] == {"seen": 60, "used": 0, "new": 60}
    assert "lastTrainedModel" not in world.status()


def test_a_new_model_with_which_the_worker_dies_is_replaced_by_the_last_good_one() -> None:
    world = cold_world()
    world.round_to_deploy()
    world.report(INFERENCE, phase="Failed", reason="ExitCode", message="exit code 1")
    world.settle()
    assert world.history()[0]["reason"] == "ExitCode"
    world.let_all_go()
    world.settle()
    assert world.worker(INFERENCE)["spec"]["models"][0]["url"] == "/models/deploy-model"


def test_the_word_about_an_earlier_spec_is_not_taken_for_the_new_one(world: World) -> None:
    world.round_to_deploy()
    model = world.worker(INFERENCE)["spec"]["models"][0]
    served = {"url": model["url"], "sha256": model["sha256"], "state": "Refused"}
    world.report(INFERENCE, phase="Running", observedGeneration=1, model=served)
    world.settle()
    assert world.at() == ("Deploy", "Starting")


def test_word_from_before_a_restore_is_not_taken_for_the_new_one_even_of_the_same_content(world: World) -> None:
    """The round is made again and its model is the same; the node tells what it served before, of a later spec."""
    world.round_to_deploy()
    worker = world.worker(INFERENCE)
    (model,) = worker["spec"]["models"]
    served = {"url": model["url"], "sha256": model["sha256"], "round": 1, "state": "Loaded"}
    later = worker["metadata"]["generation"] + 1
    world.report(INFERENCE, phase="Running", observedGeneration=later, model=served)
    world.settle()
    assert world.at() == ("Deploy", "Starting")
    world.report(INFERENCE, phase="Running", observedGeneration=worker["metadata"]["generation"], model=served)
    world.settle()
    assert world.status()["deployedModel"]["sha256"] == model["sha256"]


@pytest.mark.parametrize("told", [{"sha256": "f" * 64}, {}], ids=["another content", "no content"])
def test_a_path_that_held_another_model_before_does_not_make_it_the_new_one(told: dict[str, str], world: World) -> None:
    """As after a restore: the same path, the same round, and another model."""
    world.round_to_deploy()
    worker = world.worker(INFERENCE)
    served = {"url": worker["spec"]["models"][0]["url"], "round": 1, "state": "Loaded", **told}
    world.report(INFERENCE, phase="Running", model=served)
    world.settle()
    assert world.at() == ("Deploy", "Running")
    assert world.status().get("deployedModel") is None
    world.serves()
    assert world.history()[-1]["decision"] == "Deployed"


def test_a_deployment_that_nobody_confirms_meets_its_deadline(world: World) -> None:
    world.round_to_deploy()
    world.advance(950)
    assert world.at() == ("Deploy", "Starting")
    world.advance(20)
    assert world.history()[0]["reason"] == "DeadlineExceeded"
    assert world.worker(INFERENCE)["spec"]["round"] == 0


def test_a_model_that_does_not_win_is_kept_as_a_candidate_and_trained_on(world: World) -> None:
    world.round_to_deploy(new=0.55, old=0.5)
    record = world.history()[0]
    assert (record["decision"], record["reason"]) == ("NotDeployed", "NotDeployed")
    assert "precision_delta > 0.1 does not hold: it is 0.05" in record["message"]
    assert world.status().get("deployedModel") is None
    assert world.worker(INFERENCE)["spec"]["round"] == 0
    world.samples(120)
    world.settle()
    assert world.worker("helmets-train-2")["spec"]["models"][0]["url"] == "/output/helmets/train/1/model.pb"
    assert world.status()["samples"]["used"] == 60


def test_without_a_trigger_every_model_is_deployed() -> None:
    world = World()
    world.usual(deploySpec={"model": {"name": "deploy-model"}, "template": template("inference.py")})
    world.serves()
    world.samples(60)
    world.settle()
    world.round_to_deploy(new=0.1, old=0.9)
    assert world.at() == ("Deploy", "Starting")


def test_a_deployment_waits_for_its_window() -> None:
    trigger = {"timer": {"start": "13:00", "end": "14:00"}}
    world = World()
    world.usual(deploySpec={**COLD, "trigger": trigger})
    world.serves()
    world.samples(60)
    world.settle()
    world.round_to_deploy()
    assert world.at() == ("Deploy", "Waiting")
    assert "which opens 2026-11-22T13:00:00Z" in world.status()["message"]
    world.advance(3600)
    assert world.at() == ("Deploy", "Starting")


def test_a_deployment_waits_for_the_inference_worker_to_run() -> None:
    world = World()
    world.usual()
    world.samples(60)
    world.settle()
    world.round_to_deploy()
    assert world.at() == ("Deploy", "Ready")
    assert world.status()["message"] == "The deployment waits for the inference worker on node edge-node to run."
    world.report(INFERENCE, phase="Running")
    world.settle()
    assert world.at() == ("Deploy", "Starting")


def test_a_deployment_helps_an_inference_worker_whose_first_model_is_missing() -> None:
    world = World()
    world.usual()
    told = "Model deploy-model is not there: nothing at /models/deploy-model."
    world.report(INFERENCE, phase="Pending", reason="ModelNotFound", message=told)
    world.settle()
    assert told in world.status()["serving"]["message"]
    world.samples(60)
    world.settle()
    world.round_to_deploy()
    assert world.worker(INFERENCE)["spec"]["round"] == 1
    world.serves()
    assert world.history()[0]["decision"] == "Deployed"


def test_a_deployment_revives_an_inference_worker_that_had_ended(world: World) -> None:
    world.train_succeeds()
    world.report(INFERENCE, phase="Failed", reason="ExitCode", message="exit code 1")
    world.eval_succeeds()
    world.let_all_go()
    world.settle()
    assert world.at() == ("Deploy", "Starting")
    assert world.worker(INFERENCE)["spec"]["round"] == 1
    world.serves()
    assert world.history()[0]["decision"] == "Deployed"


def test_an_inference_worker_that_ends_is_replaced_with_growing_delay() -> None:
    world = World()
    world.usual()
    delays = []
    for _ in range(4):
        world.report(INFERENCE, phase="Failed", reason="ModelNotFound", message="there is no /models/deploy-model")
        world.settle()
        assert world.status()["serving"]["phase"] == "Failed"
        assert "there is no /models/deploy-model" in world.status()["serving"]["message"]
        before, uid = world.clock.now, world.worker(INFERENCE)["metadata"]["uid"]
        while world.has_worker(INFERENCE) and world.worker(INFERENCE)["metadata"]["uid"] == uid:
            world.advance(1)
            world.let_all_go()
            world.settle()
        delays.append((world.clock.now - before).total_seconds())
    assert delays == [10, 20, 40, 80]


def test_an_inference_worker_that_was_healthy_for_long_begins_anew_with_short_delays() -> None:
    world = World()
    world.usual()
    world.report(INFERENCE, phase="Failed", reason="ExitCode")
    world.settle()
    world.advance(11)
    world.let_all_go()
    world.settle()
    assert world.status()["serving"]["failures"] == 1
    world.serves()
    world.advance(900)
    assert world.status()["serving"]["failures"] == 0


def test_an_inference_worker_that_may_end_and_does_is_left_alone() -> None:
    world = World()
    world.usual(deploySpec={**COLD, "template": template("inference.py", restartPolicy="OnFailure")})
    world.report(INFERENCE, phase="Succeeded", exitCode=0)
    world.settle()
    world.advance(3600)
    assert world.status()["serving"]["phase"] == "Succeeded"
    assert world.has_worker(INFERENCE)


def test_an_inference_worker_that_somebody_deleted_comes_back(world: World) -> None:
    world.store.delete(Key("Worker", "default", INFERENCE))
    world.settle()
    assert world.status()["serving"]["phase"] == "Stopping"
    world.let_all_go()
    world.settle()
    assert world.status()["serving"]["phase"] == "Pending"
    assert world.has_worker(INFERENCE)


def test_an_edited_template_makes_the_inference_worker_anew_and_a_running_deployment_goes_on(world: World) -> None:
    world.round_to_deploy()

    def edit(job: dict[str, Any]) -> None:
        job["spec"]["deploySpec"]["template"]["spec"]["containers"][0]["args"] = ["inference.py", "--fast"]

    world.edit(Key(JOB, "default", "helmets"), edit)
    world.settle()
    world.let_all_go()
    world.settle()
    worker = world.worker(INFERENCE)
    assert worker["spec"]["template"]["containers"][0]["args"] == ["inference.py", "--fast"]
    assert worker["spec"]["round"] == 1
    world.serves()
    assert world.history()[0]["decision"] == "Deployed"


def test_the_template_goes_to_the_worker_as_it_was_written() -> None:
    world = World()
    world.node()
    world.models()
    world.dataset(seen=60)
    manifest = job_manifest()
    pod = {
        "restartPolicy": "Always",
        "containers": [
            {
                "name": "infer-worker",
                "image": IMAGE,
                "imagePullPolicy": "IfNotPresent",
                "args": ["inference.py"],
                "env": [{"name": "HE_SAVED_URL", "value": "/he"}],
                "volumeMounts": [{"name": "he", "mountPath": "/he"}],
                "resources": {"limits": {"memory": "2Gi"}},
            }
        ],
        "volumes": [{"name": "he", "hostPath": {"path": "/srv/he", "type": "DirectoryOrCreate"}}],
    }
    manifest["spec"]["deploySpec"]["template"] = {"metadata": {"labels": {"team": "a"}}, "spec": pod}
    manifest["spec"]["deploySpec"]["hardExampleMining"] = {
        "name": "IBT",
        "parameters": [{"key": "threshold_img", "value": "0.9"}],
    }
    world.create(manifest)
    world.settle()
    worker = world.worker(INFERENCE)
    assert worker["spec"]["template"] == pod
    assert worker["spec"]["restartPolicy"] == "Always"
    assert worker["spec"]["hardExampleMining"] == manifest["spec"]["deploySpec"]["hardExampleMining"]
    assert worker["spec"]["hotUpdate"] == {"enabled": True, "pollPeriodSeconds": 60}
    assert worker["metadata"]["labels"]["team"] == "a"
    assert worker["metadata"]["finalizers"] == ["sedna.io/node"]
    assert worker["metadata"]["ownerReferences"][0]["uid"] == world.job()["metadata"]["uid"]


class TestByHand:
    """The annotation `sedna.io/trigger`."""

    def test_train_begins_before_the_trigger_holds(self) -> None:
        world = World()
        world.usual(threshold=1000)
        world.serves()
        world.samples(60)
        world.settle()
        assert world.at() == ("Train", "Waiting")
        world.annotate("train")
        world.settle()
        assert world.at() == ("Train", "Starting")
        assert "sedna.io/trigger" not in world.job()["metadata"]["annotations"]
        world.round_to_deploy()
        world.serves()
        assert world.history()[0]["byHand"] == "train"
        assert world.at() == ("Train", "Waiting")
        assert "handledTrigger" not in world.status()

    def test_train_without_a_new_sample_waits_for_one(self) -> None:
        world = World()
        world.usual()
        world.annotate("train")
        world.settle()
        assert world.status()["message"] == (
            "Waits for samples: there is no new one. Somebody asked for train by hand; it waits for what is missing."
        )

    def test_deploy_takes_the_candidate_that_did_not_win(self, world: World) -> None:
        world.round_to_deploy(new=0.5, old=0.5)
        world.annotate("deploy")
        world.settle()
        assert world.at() == ("Deploy", "Starting")
        world.serves()
        records = world.history()
        assert [record["decision"] for record in records] == ["NotDeployed", "Deployed"]
        assert records[1]["byHand"] == "deploy"
        assert world.status()["deployedModel"]["url"] == "/output/helmets/train/1/model.pb"
        assert world.status()["samples"]["used"] == 60

    def test_deploy_asked_for_early_overrules_the_metrics_of_this_round(self, world: World) -> None:
        world.annotate("deploy")
        world.settle()
        world.round_to_deploy(new=0.1, old=0.9)
        assert world.at() == ("Deploy", "Starting")

    def test_eval_judges_the_last_trained_model_once_more(self, world: World) -> None:
        world.round_to_deploy(new=0.5, old=0.5)
        world.annotate("eval")
        world.settle()
        worker = world.worker("helmets-eval-2")
        assert [each["round"] for each in worker["spec"]["samples"]] == [1]
        assert worker["spec"]["models"][0]["url"] == "/output/helmets/train/1/model.pb"
        world.eval_succeeds(2, new=0.9, old=0.5)
        world.serves()
        assert world.history()[1]["decision"] == "Deployed"

    def test_a_word_that_is_no_stage_is_told_once_and_removed(self, world: World) -> None:
        world.annotate("retrain")
        world.settle()
        told = [event for event in world.events() if event["reason"] == "TriggerUnknown"]
        assert [event["count"] for event in told] == [1]
        assert "'retrain'" in told[0]["message"]
        assert "sedna.io/trigger" not in world.job()["metadata"]["annotations"]
        assert "handledTrigger" not in world.status()

    def test_a_wish_survives_a_crash_and_is_granted_once(self) -> None:
        world = World()
        world.usual(threshold=1000)
        world.serves()
        world.samples(60)
        world.annotate("train")
        world.controllers.pump(0)
        world.controllers.workers.handle_next(0)
        world.restart()
        world.settle()
        world.round_to_deploy()
        world.serves()
        world.samples(120)
        world.settle()
        assert world.at() == ("Train", "Waiting")
        assert len(world.history()) == 1


class TestPaused:
    """An operator stopped the job's units on a host."""

    def test_the_job_says_so_and_where_and_how_to_go_on(self, world: World) -> None:
        world.report("helmets-train-1", phase="Paused")
        world.report(INFERENCE, phase="Paused")
        world.settle()
        status = world.status()
        assert status["paused"] == "edge-node"
        assert status["message"] == (
            "Paused on node edge-node: an operator stopped the job there; "
            "`systemctl start sedna-job-default-helmets.target` resumes it."
        )
        assert status["serving"]["phase"] == "Paused"

    def test_a_job_that_waits_for_samples_says_so_too_and_tells_when_it_goes_on(self) -> None:
        world = World()
        world.usual()
        world.serves()
        world.report(INFERENCE, phase="Paused")
        world.settle()
        assert world.status()["message"].startswith("Paused on node edge-node")
        world.report(INFERENCE, phase="Running")
        world.settle()
        assert world.status()["message"].startswith("Waits for samples")
        assert {"JobPaused", "JobResumed"} <= {event["reason"] for event in world.events()}

    def test_a_pause_does_not_use_up_the_deadline(self, world: World) -> None:
        world.report("helmets-train-1", phase="Running")
        world.advance(60)
        world.report("helmets-train-1", phase="Paused")
        world.settle()
        world.clock.now = NOON + timedelta(days=30)
        world.settle()
        assert world.at() == ("Train", "Running")
        world.report("helmets-train-1", phase="Running")
        world.settle()
        assert "paused" not in world.status()
        world.clock.now += timedelta(hours=23)
        world.settle()
        assert world.at() == ("Train", "Running")
        world.clock.now += timedelta(hours=2)
        world.settle()
        assert world.history()[0]["reason"] == "DeadlineExceeded"

    def test_nothing_is_started_behind_the_operators_back(self) -> None:
        world = World()
        world.usual()
        world.report(INFERENCE, phase="Paused")
        world.samples(60)
        world.settle()
        assert world.at() == ("Train", "Ready")
        assert "Paused on node edge-node" in world.status()["message"]
        world.report(INFERENCE, phase="Running")
        world.settle()
        assert world.at() == ("Train", "Starting")


def test_a_deployment_that_waits_says_what_keeps_the_worker_from_serving(world: World) -> None:
    world.round_to_deploy()
    told = "It is started again. It ended with exit code 3."
    world.report("helmets-inference", phase="Starting", restarts=1, message=told)
    world.settle()
    assert world.at()[0] == "Deploy"
    assert told in world.status()["message"]
