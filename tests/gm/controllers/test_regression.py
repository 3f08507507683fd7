"""Old knowledge: each round is measured on the regression dataset, too, and a model that forgets is not deployed."""

from __future__ import annotations

from typing import Any

import pytest

from sedna_gm.store.interface import Key
from tests.gm.controllers.world import JOB, World, job_manifest, template

EVAL = "helmets-eval-1"
REGRESSION = "helmets-eval-1-regression"
GATE = {"condition": {"operator": ">=", "threshold": -0.02, "metric": "regression.precision_delta"}}


def gated(world: World, *, node: str = "edge-node", trigger: dict[str, Any] = GATE) -> None:
    world.node()
    world.models()
    world.dataset()
    manifest = job_manifest(evalSpec={"template": template("eval.py"), "regressionDataset": {"name": "old"}})
    manifest["spec"]["deploySpec"]["trigger"] = trigger
    world.create(manifest)
    world.settle()
    world.serves()
    world.samples(60)
    world.settle()


@pytest.fixture
def world() -> World:
    world = World()
    gated(world)
    world.dataset("old", seen=30)
    world.settle()
    world.train_succeeds()
    return world


def measures(world: World, worker: str, new: float, old: float) -> None:
    results = [
        {"url": model["url"], "metrics": {"precision": value}}
        for model, value in zip(world.worker(worker)["spec"]["models"], (new, old), strict=True)
    ]
    world.report(worker, phase="Running")
    world.settle()
    world.report(worker, phase="Succeeded", exitCode=0, results=results)
    world.settle()


def test_the_same_models_are_evaluated_on_all_that_the_dataset_has(world: World) -> None:
    assert not world.has_worker(REGRESSION)
    measures(world, EVAL, 0.9, 0.5)
    first, second = world.worker(EVAL)["spec"], world.worker(REGRESSION)["spec"]
    assert second["models"] == first["models"]
    assert second["template"] == first["template"]
    assert second["dataset"]["name"] == "old"
    (taken,) = second["samples"]
    assert (taken["dataset"], taken["start"], taken["end"], taken.get("part", "all")) == ("old", 0, 30, "all")
    assert second["outputDir"] == "/output/helmets/eval-regression/1"
    assert first["outputDir"] == "/output/helmets/eval/1"


def test_a_replaced_file_is_evaluated_as_it_is_now() -> None:
    world = World()
    gated(world)
    world.dataset("old", seen=30)
    world.patch_status(Key("Dataset", "default", "old"), {"samplesSeen": 50, "numberOfSamples": 20})
    world.settle()
    world.train_succeeds()
    measures(world, EVAL, 0.9, 0.5)
    (taken,) = world.worker(REGRESSION)["spec"]["samples"]
    assert (taken["start"], taken["end"]) == (30, 50)


def test_a_model_that_forgets_is_refused_and_the_sentence_says_why(world: World) -> None:
    measures(world, EVAL, 0.95, 0.5)
    measures(world, REGRESSION, 0.6, 0.9)
    (record,) = world.history()
    assert record["decision"] == "NotDeployed"
    assert "regression.precision_delta >= -0.02 does not hold: it is -0.3" in record["message"]
    assert record["metrics"]["new"] == {"precision": 0.95, "regression.precision": 0.6}
    assert record["metrics"]["comparedWith"] == {"precision": 0.5, "regression.precision": 0.9}
    assert record["samples"]["regression"]["dataset"] == "old"
    assert world.worker("helmets-inference")["spec"]["models"][0]["url"] == "/models/deploy-model"


def test_the_record_names_each_worker_of_the_round_with_its_node(world: World) -> None:
    """They go with the next round, and what they printed is then looked for by these names."""
    measures(world, EVAL, 0.95, 0.5)
    measures(world, REGRESSION, 0.6, 0.9)
    (record,) = world.history()
    roles = {"helmets-train-1": "train", EVAL: "eval", REGRESSION: "eval"}
    assert record["workers"] == [{"name": name, "role": role, "node": "edge-node"} for name, role in roles.items()]


def test_a_model_that_learns_and_does_not_forget_is_deployed(world: World) -> None:
    measures(world, EVAL, 0.95, 0.5)
    measures(world, REGRESSION, 0.89, 0.9)
    assert world.at() == ("Deploy", "Starting")
    world.serves()
    version = world.store.get(Key("Model", "default", "deploy-model"))["status"]["versions"][0]
    assert {"key": "regression.precision", "value": "0.89"} in version["metrics"]


def test_the_round_fails_when_that_evaluation_fails(world: World) -> None:
    measures(world, EVAL, 0.95, 0.5)
    world.report(REGRESSION, phase="Failed", reason="ExitCode", message="exit code 1")
    world.settle()
    (record,) = world.history()
    assert (record["decision"], record["reason"], record["stage"]) == ("Failed", "ExitCode", "Eval")
    assert world.status()["samples"]["used"] == 0


def test_a_dataset_that_nobody_has_made_is_said_at_the_job_before_anything_is_trained() -> None:
    world = World()
    gated(world)
    assert world.at() == ("Train", "Waiting")
    assert world.status()["message"] == (
        "Waits for dataset old, the regressionDataset of the job, which does not exist."
    )
    world.dataset("old", seen=0)
    world.settle()
    assert "Waits for samples in the regression dataset old: it has none." in world.status()["message"]
    world.samples(30, "old")
    world.settle()
    assert world.at() == ("Train", "Starting")


@pytest.mark.parametrize("deleted", ["before", "between"])
def test_a_dataset_that_goes_while_the_round_runs_fails_it_in_the_end(world: World, deleted: str) -> None:
    key = Key("Dataset", "default", "old")
    if deleted == "before":
        world.store.delete(key)
    world.settle()
    measures(world, EVAL, 0.95, 0.5)
    if deleted == "between":
        world.store.delete(key)
        world.settle()
        assert world.at() == ("Eval", "Starting")
        measures(world, REGRESSION, 0.9, 0.9)
        assert world.at() == ("Deploy", "Starting")
        return
    assert world.at() == ("Eval", "Waiting")
    world.advance(1000)
    assert [record["reason"] for record in world.history()] == ["DatasetUnavailable"]
    # And no further round begins that could not be judged.
    world.advance(4000)
    assert len(world.history()) == 1


def test_a_regression_dataset_on_another_node_is_carried_and_both_sets_of_samples_stay() -> None:
    world = World()
    gated(world)
    world.node("cloud")
    world.dataset("old", seen=30, node="cloud")
    world.edit(
        Key(JOB, "default", "helmets"),
        lambda job: job["spec"]["evalSpec"]["template"]["spec"].update(nodeName="edge-node"),
    )
    world.settle()
    world.train_succeeds()
    measures(world, EVAL, 0.95, 0.5)
    assert world.at() == ("Eval", "Ready")
    world.send_all()
    assert world.at() == ("Eval", "Starting")
    assert "samplesArtifact" in world.worker(REGRESSION)["spec"]
    measures(world, REGRESSION, 0.9, 0.9)
    assert world.at() == ("Deploy", "Starting")


def test_without_it_nothing_is_evaluated_twice() -> None:
    world = World()
    world.usual()
    world.serves()
    world.samples(60)
    world.settle()
    world.round_to_deploy()
    assert world.at() == ("Deploy", "Starting")
    assert not world.has_worker(REGRESSION)
