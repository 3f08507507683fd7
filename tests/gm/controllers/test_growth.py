"""What grows, races or repeats in the original (W-70 to W-77), and stays bounded and quiet here."""

from __future__ import annotations

import json

from sedna_gm.store.interface import Key
from tests.gm.controllers.edge import Edge
from tests.gm.controllers.world import JOB, World, job_manifest, template


def test_w70_two_jobs_at_once_on_one_node_do_not_touch_each_other() -> None:
    world = World()
    world.node()
    world.models()
    world.dataset(seen=60)
    world.create(job_manifest("helmets"))
    world.create(job_manifest("vests"))
    edge = Edge(world)
    world.settle()
    for _ in range(20):
        edge.work()
        world.settle()
    for name in ("helmets", "vests"):
        assert [record["decision"] for record in world.history(name)] == ["Deployed"]
        assert world.status(name)["deployedModel"]["url"] == f"/output/{name}/train/1/model.pb"
    uids = {world.job(name)["metadata"]["uid"] for name in ("helmets", "vests")}
    assert {world.worker(f"{name}-train-1")["spec"]["samples"][0]["seed"] for name in ("helmets", "vests")} == uids


def test_w71_a_job_deleted_before_it_was_looked_at_just_goes() -> None:
    world = World()
    world.create(job_manifest())
    world.store.delete(Key(JOB, "default", "helmets"))
    world.settle()
    assert world.store.list(JOB).items == []
    assert world.workers() == []


def test_w71_a_job_deleted_right_after_it_was_taken_up_goes_too() -> None:
    world = World()
    world.node()
    world.models()
    world.dataset(seen=60)
    world.create(job_manifest())
    world.controllers.pump(0)
    for _ in range(3):
        world.controllers.workers.handle_next(0)
        world.controllers.pump(0)
    world.store.delete(Key(JOB, "default", "helmets"))
    world.settle()
    world.let_all_go()
    world.settle()
    assert world.store.list(JOB).items == []
    assert world.workers() == []


def test_w71_a_job_made_again_under_its_name_waits_for_the_workers_of_the_old_one() -> None:
    world = World()
    world.usual()
    world.samples(60)
    world.settle()
    world.edit(Key(JOB, "default", "helmets"), lambda job: job["metadata"].update(finalizers=[]))
    world.store.delete(Key(JOB, "default", "helmets"))
    world.create(job_manifest())
    world.settle()
    assert "let go of worker helmets-inference" in world.status()["serving"]["message"]
    assert "of an earlier job of this name" in world.status()["message"]
    world.let_all_go()
    world.settle()
    uid = world.job()["metadata"]["uid"]
    assert {worker["spec"]["job"]["uid"] for worker in world.store.list("Worker").items} == {uid}
    assert world.at() == ("Train", "Starting")


def test_w72_a_job_edited_while_it_is_decided_about_is_decided_about_again() -> None:
    world = World()
    world.usual()
    world.controllers.pump(0)
    world.edit(Key(JOB, "default", "helmets"), lambda job: job["spec"].update(outputDir="/elsewhere"))
    world.samples(60)
    world.settle()
    assert world.worker("helmets-train-1")["spec"]["outputDir"] == "/elsewhere/train/1"
    assert world.status()["observedGeneration"] == 2


def test_w73_a_key_is_queued_only_when_its_change_can_be_seen() -> None:
    world = World()
    world.usual()
    world.samples(60)
    controllers = world.controllers
    while controllers.pump(0):
        dataset = controllers.mirror.raw(Key("Dataset", "default", "samples"))
        assert dataset is not None
        assert dataset["status"]["samplesSeen"] == 60
        assert controllers.queue.take(0) == Key(JOB, "default", "helmets")
        controllers.queue.done(Key(JOB, "default", "helmets"))


def test_w74_a_change_that_no_controller_heard_of_is_found_at_the_next_look() -> None:
    """The notice got lost in a crash: the stored state alone is enough."""
    world = World()
    world.usual()
    world.serves()
    world.samples(60)
    world.restart()
    world.settle()
    assert world.at() == ("Train", "Starting")


def test_w75_deleting_a_job_leaves_no_work_behind_for_anyone() -> None:
    world = World()
    world.usual()
    world.store.delete(Key(JOB, "default", "helmets"))
    world.settle()
    world.let_all_go()
    world.settle()
    world.advance(3600)
    assert world.due() is None
    assert world.workers() == []


def test_w76_a_job_at_rest_writes_nothing() -> None:
    world = World()
    world.usual()
    world.serves()
    before = world.store.revision()
    world.advance(6 * 3600)
    assert world.store.revision() == before


def test_w77_conditions_are_bounded_however_many_rounds_pass() -> None:
    world = World()
    world.usual()
    edge = Edge(world)
    sizes = []
    for round_ in range(1, 13):
        world.samples(60 * round_)
        world.settle()
        for _ in range(14):
            edge.work()
            world.settle()
        conditions = world.status()["conditions"]
        assert {each["round"] for each in conditions} <= set(range(round_ - 2, round_ + 1))
        assert [each["status"] for each in conditions].count("True") == 1
        sizes.append(len(json.dumps(world.status())))
    assert world.status()["round"] == 12
    assert len(world.history()) == 12
    assert max(sizes[5:]) < sizes[5] * 1.1
    assert len(world.workers()) == 3


def test_w77_events_are_bounded_in_age_and_number() -> None:
    world = World()
    world.usual()
    world.advance(25 * 3600)
    assert world.events() == []
    edge = Edge(world)
    for round_ in range(1, 15):
        world.samples(60 * round_)
        world.settle()
        for _ in range(14):
            edge.work()
            world.settle()
    world.advance(700)
    assert len(world.events()) == 100


def test_w53b_a_deployment_keeps_the_model_before_it() -> None:
    world = World()
    world.usual()
    world.serves()
    for round_ in (1, 2):
        world.samples(60 * round_)
        world.settle()
        world.round_to_deploy(round_, new=0.4 + round_, old=0.1)
        world.serves()
    first, second = (record["models"] for record in world.history())
    assert first["comparedWith"]["url"] == "/models/deploy-model"
    assert first["new"]["url"] != second["new"]["url"]
    assert second["comparedWith"] == first["deployed"]
    assert {first["new"]["sha256"], second["new"]["sha256"]} == {f"{1:064d}", f"{2:064d}"}
    # The user's own model resources still say what the user wrote; the status says what is deployed.
    model = world.store.get(Key("Model", "default", "deploy-model"))
    assert model["spec"]["url"] == "/models/deploy-model"
    assert model["status"]["version"]["url"] == second["new"]["url"]
    assert model["status"]["version"]["sha256"] == second["new"]["sha256"]
    assert model["status"]["metrics"] == [{"key": "precision", "value": "2.4"}]


def test_w53b_the_first_comparison_is_with_the_initial_eval_model_which_stays_as_it_is() -> None:
    world = World()
    world.model("judge", url="/models/judge")
    world.usual(evalSpec={"template": template("eval.py"), "initialEvalModel": {"name": "judge"}})
    world.serves()
    world.samples(60)
    world.settle()
    world.train_succeeds()
    assert world.worker("helmets-eval-1")["spec"]["models"][1]["url"] == "/models/judge"
    world.eval_succeeds()
    world.serves()
    world.samples(120)
    world.settle()
    world.train_succeeds(2)
    assert world.worker("helmets-eval-2")["spec"]["models"][1]["url"] == "/output/helmets/train/1/model.pb"


def test_a_users_own_model_is_recorded_with_the_sha256_that_its_inference_worker_tells() -> None:
    world = World()
    world.usual()
    world.serves(sha256="d" * 64)
    world.samples(60)
    world.settle()
    world.round_to_deploy()
    world.serves()
    models = world.history()[0]["models"]
    assert models["comparedWith"]["sha256"] == "d" * 64
    # Nobody has read the other file.
    assert "sha256" not in models["base"]


def test_a_base_that_is_also_what_is_served_is_recorded_with_its_sha256() -> None:
    world = World()
    world.usual(initialModel={"name": "deploy-model"})
    world.serves(sha256="d" * 64)
    world.samples(60)
    world.settle()
    world.round_to_deploy()
    world.serves()
    assert world.history()[0]["models"]["base"]["sha256"] == "d" * 64
