"""Work crosses hosts: what lies elsewhere is asked for, waited for, and never used before it has arrived."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sedna.api.rounds import round_id
from sedna_gm.controllers.incremental_learning.settings import Settings as JobSettings
from sedna_gm.controllers.supervising import Settings
from sedna_gm.store.interface import Key
from tests.gm.controllers.edge import Edge
from tests.gm.controllers.world import IMAGE, JOB, World, job_manifest, template

INFERENCE = "helmets-inference"


def two_hosts(**job: Any) -> World:
    """Training and evaluation on the cloud host, data and inference on the edge host."""
    world = World()
    world.node()
    world.node("cloud")
    world.models()
    world.dataset()
    world.create(job_manifest(**{**on_the_cloud(), **job}))
    world.settle()
    return world


def on_the_cloud() -> dict[str, Any]:
    spec = job_manifest()["spec"]
    return {
        "trainSpec": {**spec["trainSpec"], "template": template("train.py", nodeName="cloud")},
        "evalSpec": {"template": template("eval.py", nodeName="cloud")},
        "deploySpec": {**spec["deploySpec"], "template": template("inference.py", nodeName="edge-node")},
    }


@pytest.fixture
def world() -> World:
    """60 samples wait on the edge for a training on the cloud."""
    made = two_hosts()
    made.serves(sha256="d" * 64)
    made.samples(60)
    made.settle()
    return made


def only(world: World, *labels: str) -> dict[str, Any]:
    """The one artifact there is, or the one with that in its name."""
    (found,) = (each for each in world.artifacts() if all(label in each["metadata"]["name"] for label in labels))
    return found


def names(world: World) -> set[str]:
    """Names of all artifacts without the digest at their end."""
    return {each["metadata"]["name"].rpartition("-")[0] for each in world.artifacts()}


def message(world: World) -> str:
    return str(world.status()["message"])


def test_the_samples_are_asked_for_before_a_worker_is_made(world: World) -> None:
    assert world.at() == ("Train", "Ready")
    assert world.workers() == [INFERENCE]
    artifact = only(world)
    assert artifact["metadata"]["name"].startswith("helmets-train-1-samples-")
    assert artifact["metadata"]["labels"] == {
        "sedna.io/job": "helmets",
        "sedna.io/stage": "Train",
        "sedna.io/round": "1",
        "sedna.io/round-id": round_id(world.job()["metadata"]["uid"], 1),
    }
    assert artifact["metadata"]["ownerReferences"][0]["uid"] == world.job()["metadata"]["uid"]
    spec = artifact["spec"]
    assert (spec["nodeName"], spec["job"]["name"]) == ("edge-node", "helmets")
    assert spec["samples"]["dataset"] == {"name": "samples", "url": "/data/samples.txt", "format": "txt"}
    (taken,) = spec["samples"]["ranges"]
    assert (taken["start"], taken["end"], taken["part"]) == (0, 60, "train")
    assert spec["store"] == ""
    told = {event["reason"]: event["message"] for event in world.events()}
    assert told["SamplesRequested"] == (
        "Node edge-node is asked to send the samples of dataset samples, for node cloud."
    )


def test_the_sentence_tells_how_far_it_is(world: World) -> None:
    name = only(world)["metadata"]["name"]
    head = "Waits for the samples of dataset samples from node edge-node"
    assert message(world) == f"{head}: nothing is sent yet."
    world.sends(name, phase="Pending", reason="SamplesNotThere", message="Sample 7 is not there yet.")
    world.settle()
    assert message(world) == f"{head}: Sample 7 is not there yet."
    world.sends(name, phase="Sending", sizeBytes=40_000_000, sentBytes=12_000_000, reason=None, message=None)
    world.settle()
    assert message(world) == f"{head}: 12 of 40 MB sent."
    world.sends(name, sentBytes=12_345)
    world.settle()
    assert message(world) == f"{head}: 12 kB of 40 MB sent."


def test_a_silent_node_is_waited_for_and_told_with_the_time(world: World) -> None:
    world.advance(600, beat=False)
    assert world.at() == ("Train", "Ready")
    assert message(world).startswith("Train of round 1 waits for a node.")
    world.heartbeats.beat("cloud")
    world.settle()
    assert message(world) == (
        "Waits for the samples of dataset samples from node edge-node: nothing is sent yet. "
        "Node edge-node has not been heard of since 2026-11-22T12:00:00Z."
    )
    # However long it takes.
    for _ in range(4 * 24):
        world.clock.now += timedelta(minutes=15)
        world.heartbeats.beat("cloud")
        world.settle()
    assert world.at() == ("Train", "Ready")
    assert world.history() == []
    world.heartbeats.beat("edge-node")
    world.send_all()
    assert world.at() == ("Train", "Starting")


def test_the_worker_is_told_where_to_fetch_its_samples(world: World) -> None:
    world.send_all()
    worker = world.worker("helmets-train-1")
    assert worker["spec"]["nodeName"] == "cloud"
    name = only(world)["metadata"]["name"]
    assert worker["spec"]["samplesArtifact"] == {
        "name": name,
        "tree": f"{7:064x}",
        "sizeBytes": 40_000_000,
        "store": "",
    }
    # A user's model that is said to lie nowhere in particular lies where it is used.
    assert "artifact" not in worker["spec"]["models"][0]


def test_an_artifact_that_is_ready_without_a_tree_is_not_used(world: World) -> None:
    world.sends(only(world)["metadata"]["name"], phase="Ready")
    world.settle()
    assert world.at() == ("Train", "Ready")


def to_eval(world: World) -> None:
    world.send_all()
    world.train_succeeds()
    world.settle()


def test_the_evaluation_fetches_its_samples_and_the_model_that_the_edge_serves(world: World) -> None:
    to_eval(world)
    assert world.at() == ("Eval", "Ready")
    # The samples of the training had their time.
    assert names(world) == {"helmets-eval-1-samples", "helmets-model-0"}
    model = only(world, "model-0")["spec"]
    assert model["nodeName"] == "edge-node"
    assert model["model"] == {
        "name": "deploy-model",
        "url": "/models/deploy-model",
        "format": "pb",
        "sha256": "d" * 64,
        "round": 0,
    }
    assert message(world) == (
        "Waits for the samples of dataset samples from node edge-node: nothing is sent yet. "
        "Waits for model deploy-model from node edge-node: nothing is sent yet."
    )
    world.send_all()
    spec = world.worker("helmets-eval-1")["spec"]
    assert spec["samplesArtifact"]["name"].startswith("helmets-eval-1-samples-")
    new, old = spec["models"]
    assert "artifact" not in new, "the evaluation runs where the training ran"
    assert old["artifact"]["name"].startswith("helmets-model-0-")


def test_a_deployed_model_that_nobody_has_read_lies_where_it_is_used() -> None:
    world = two_hosts()
    world.samples(60)
    world.settle()
    to_eval(world)
    world.send_all()
    assert [list(model) for model in world.worker("helmets-eval-1")["spec"]["models"]] == [
        ["name", "url", "format", "sha256", "round"],
        ["name", "url", "format", "round"],
    ]


def to_deploy(world: World, round_: int = 1) -> None:
    world.send_all()
    world.train_succeeds(round_)
    world.send_all()
    world.eval_succeeds(round_)


def test_the_new_model_is_carried_before_the_inference_worker_is_told_of_it(world: World) -> None:
    to_deploy(world)
    assert world.at() == ("Deploy", "Ready")
    assert message(world) == "Waits for the model of round 1 from node cloud: nothing is sent yet."
    assert world.worker(INFERENCE)["spec"]["models"][0]["url"] == "/models/deploy-model"
    assert only(world, "model-1")["spec"]["nodeName"] == "cloud"
    assert "ModelRequested" in {event["reason"] for event in world.events()}
    world.send_all()
    assert world.at() == ("Deploy", "Starting")
    (model,) = world.worker(INFERENCE)["spec"]["models"]
    assert model["url"] == "/output/helmets/train/1/model.pb"
    assert model["artifact"]["name"].startswith("helmets-model-1-")
    world.serves()
    status = world.status()
    for remembered in ("deployedModel", "lastTrainedModel", "candidateModel"):
        assert status[remembered]["nodeName"] == "cloud"
        assert status[remembered]["artifact"] == model["artifact"]
    record = world.history()[0]
    assert record["decision"] == "Deployed"
    assert record["nodes"] == {"Train": "cloud", "Eval": "cloud", "Deploy": "edge-node"}
    assert record["models"]["new"]["artifact"] == model["artifact"]
    version = world.store.get(Key("Model", "default", "deploy-model"))["status"]["version"]
    assert version["nodeName"] == "cloud"


def test_the_next_rounds_samples_replace_those_of_the_last_and_models_stay_as_long_as_they_are_retained(
    world: World,
) -> None:
    world.edit(Key("Model", "default", "deploy-model"), lambda model: model["spec"].update(retain=2))
    to_deploy(world)
    world.send_all()
    world.serves()
    for round_ in (2, 3, 4):
        world.samples(60 * round_)
        world.settle()
        to_deploy(world, round_)
        world.send_all()
        world.serves()
        assert [record["decision"] for record in world.history()] == ["Deployed"] * round_
        models = {f"helmets-model-{round_}", f"helmets-model-{round_ - 1}"}
        assert names(world) == {*models, f"helmets-eval-{round_}-samples"}


def test_the_samples_of_an_evaluation_stay_in_the_store_until_the_next_ones_have_come(world: World) -> None:
    """Four of five rounds' samples are the same ones: an edge's line need not carry them again."""
    to_deploy(world)
    world.send_all()
    world.serves()
    world.samples(120)
    world.settle()
    world.send_all()
    assert {"helmets-train-2-samples", "helmets-eval-1-samples"} <= names(world)
    world.train_succeeds(2)
    assert {"helmets-eval-1-samples", "helmets-eval-2-samples"} <= names(world)
    world.send_all()
    assert "helmets-eval-2-samples" in names(world)
    assert "helmets-eval-1-samples" not in names(world)


def test_a_failed_round_keeps_nothing_for_later_since_a_full_store_may_be_why(world: World) -> None:
    to_deploy(world)
    world.send_all()
    world.serves()
    world.samples(120)
    world.settle()
    name = only(world, "train-2")["metadata"]["name"]
    world.sends(name, phase="Failed", reason="StoreFull", message="The store is full.")
    world.settle()
    assert names(world) == {"helmets-model-1"}


def test_the_deployed_model_is_compared_where_it_was_made_without_being_carried_again(world: World) -> None:
    to_deploy(world)
    world.send_all()
    world.serves()
    world.samples(120)
    world.settle()
    world.send_all()
    world.train_succeeds(2)
    world.send_all()
    assert ["artifact" in model for model in world.worker("helmets-eval-2")["spec"]["models"]] == [False, False]


def test_a_user_may_say_on_which_node_a_model_lies() -> None:
    world = World()
    world.node()
    world.node("cloud")
    world.model("initial-model", format_="ckpt", nodeName="edge-node")
    world.model("deploy-model", nodeName="cloud")
    world.dataset(seen=60)
    world.create(job_manifest(**on_the_cloud()))
    world.settle()
    # The inference worker waits for its model, the training for its own.
    assert world.workers() == []
    assert world.status()["serving"]["message"] == (
        "The inference worker is to run on node edge-node. "
        "Waits for model deploy-model from node cloud: nothing is sent yet."
    )
    assert world.status()["serving"]["phase"] == "Waiting"
    world.send_all()
    assert world.worker(INFERENCE)["spec"]["models"][0]["artifact"]["name"].startswith("helmets-model-0-")
    assert world.worker("helmets-train-1")["spec"]["models"][0]["artifact"]["name"].startswith("helmets-model-0-")


class TestFailing:
    """What cannot be sent fails the round, with the reason of who could not send it."""

    def test_the_reason_and_the_sentence_are_the_artifacts(self, world: World) -> None:
        told = "Sample 3 names /data/3.jpg, which is not there."
        world.sends(only(world)["metadata"]["name"], phase="Failed", reason="FileNotFound", message=told)
        world.settle()
        (record,) = world.history()
        assert (record["decision"], record["reason"], record["stage"]) == ("Failed", "FileNotFound", "Train")
        assert record["message"] == f"node edge-node could not send the samples of dataset samples: {told}"
        assert world.status()["samples"] == {"seen": 60, "used": 0, "new": 60}
        assert world.status()["failures"] == 1

    def test_the_next_round_asks_anew(self, world: World) -> None:
        first = only(world)["metadata"]["name"]
        world.sends(first, phase="Failed", reason="StoreFull", message="The store is full.")
        world.settle()
        assert world.artifacts() == []
        world.advance(11)
        assert world.at() == ("Train", "Ready")
        assert only(world)["metadata"]["name"] != first

    def test_a_model_that_failed_is_asked_for_anew_under_its_name(self, world: World) -> None:
        to_eval(world)
        name = only(world, "model-0")["metadata"]["name"]
        world.sends(name, phase="Failed", reason="WrongDigest", message="It is not what it was.")
        world.settle()
        assert world.history()[0]["reason"] == "WrongDigest"
        assert world.artifacts() == []
        world.advance(11)
        world.send_all()
        world.train_succeeds(2)
        again = only(world, "model-0")
        assert again["metadata"]["name"] == name
        assert "phase" not in again.get("status", {})

    def test_what_its_store_has_spoilt_is_sent_anew_after_its_consumer_has_failed(self, world: World) -> None:
        to_eval(world)
        world.send_all()
        name = only(world, "model-0")["metadata"]["name"]
        uid = world.artifact_uid(name)
        world.report("helmets-eval-1", phase="Failed", reason="WrongDigest", message="Fetched twice.")
        world.settle()
        assert world.history()[0]["reason"] == "WrongDigest"
        assert world.artifact_uid(name) is None
        world.advance(11)
        world.send_all()
        world.train_succeeds(2)
        again = world.artifact_uid(name)
        assert again not in (None, uid)
        world.send_all()
        assert world.at() == ("Eval", "Starting")
        # The failed worker of the first round is still there for its log, and spoils nothing.
        assert world.artifact_uid(name) == again

    def test_what_an_inference_worker_found_spoilt_is_sent_anew_with_the_next_attempt(self) -> None:
        world = World()
        world.node()
        world.node("cloud")
        world.model("initial-model")
        world.model("deploy-model", nodeName="cloud")
        world.dataset()
        world.create(job_manifest())
        world.settle()
        world.send_all()
        name = only(world)["metadata"]["name"]
        uid = world.artifact_uid(name)
        world.report(INFERENCE, phase="Failed", reason="WrongDigest", message="Fetched twice.")
        world.settle()
        world.advance(60)
        world.let_all_go()
        world.settle()
        assert world.artifact_uid(name) not in (None, uid)
        world.send_all()
        assert world.has_worker(INFERENCE)

    def test_a_source_node_that_was_deleted_fails_the_round_in_words(self, world: World) -> None:
        world.store.delete(Key("Node", "", "edge-node"))
        world.settle()
        (record,) = world.history()
        assert record["reason"] == "NodeGone"
        assert record["message"] == (
            "node edge-node, which is to send the samples of dataset samples, is not registered."
        )

    def test_a_status_that_cannot_be_read_is_a_failure(self, world: World) -> None:
        name = only(world)["metadata"]["name"]
        world.readable = False
        world.sends(name, phase="Ready", tree="not a digest")
        world.settle()
        assert world.history()[0]["reason"] == "UnreadableStatus"

    def test_what_is_to_be_served_is_asked_for_again_after_a_minute_and_nothing_else_fails(self) -> None:
        world = World()
        world.node()
        world.node("cloud")
        world.model("initial-model")
        world.model("deploy-model", nodeName="cloud")
        world.dataset()
        world.create(job_manifest())
        world.settle()
        name = only(world)["metadata"]["name"]
        world.sends(
            name, phase="Failed", reason="ModelNotFound", message="/m is not there.", updateTime="2026-11-22T12:00:00Z"
        )
        world.settle()
        assert world.status()["serving"]["message"] == (
            "The inference worker is to run on node edge-node. Node cloud could not send model deploy-model: "
            "/m is not there. It is asked for again 2026-11-22T12:01:00Z."
        )
        uid = world.artifact_uid(name)
        world.advance(40)
        assert world.artifact_uid(name) == uid
        world.advance(30)
        assert world.artifact_uid(name) not in (None, uid)
        assert world.history() == []
        assert "ModelNotFound" in {event["reason"] for event in world.events()}
        world.send_all()
        assert world.has_worker(INFERENCE)


class TestVanishing:
    """Somebody deletes artifacts behind the controller's back."""

    def test_one_that_is_waited_for_is_made_again(self, world: World) -> None:
        name = only(world)["metadata"]["name"]
        world.store.delete(Key("Artifact", "default", name))
        world.settle()
        assert only(world)["metadata"]["name"] == name
        world.send_all()
        assert world.at() == ("Train", "Starting")

    def test_one_that_a_worker_may_still_have_to_fetch_is_made_again(self, world: World) -> None:
        world.send_all()
        name = only(world)["metadata"]["name"]
        world.store.delete(Key("Artifact", "default", name))
        world.settle()
        assert only(world)["metadata"]["name"] == name
        world.sends(name, phase="Failed", reason="SamplesGone", message="They were rotated away.")
        world.settle()
        assert world.history()[0]["reason"] == "SamplesGone"

    def test_one_of_samples_that_have_moved_since_cannot_be_made_again(self, world: World) -> None:
        world.send_all()
        name = only(world)["metadata"]["name"]
        world.edit(Key("Dataset", "default", "samples"), lambda dataset: dataset["spec"].update(nodeName="cloud"))
        world.store.delete(Key("Artifact", "default", name))
        world.settle()
        (record,) = world.history()
        assert record["reason"] == "ArtifactGone"
        assert record["message"] == f"artifact {name}, which worker helmets-train-1 is to fetch, was deleted."

    def test_one_that_comes_again_with_other_content_fails_the_round_at_once(self, world: World) -> None:
        world.send_all()
        name = only(world)["metadata"]["name"]
        world.store.delete(Key("Artifact", "default", name))
        world.settle()
        # A sample has changed since.
        world.sends(name, phase="Ready", tree="e" * 64, sizeBytes=40_000_001, sentBytes=40_000_001)
        world.settle()
        (record,) = world.history()
        assert record["reason"] == "ArtifactGone"
        assert record["message"] == (
            f"artifact {name}, which worker helmets-train-1 is to fetch, was deleted and sent again with other content."
        )

    def test_a_model_that_comes_again_as_another_one_is_told_to_the_worker_that_waits_for_it(self) -> None:
        world = World()
        world.node()
        world.node("cloud")
        world.model("initial-model")
        world.model("deploy-model", nodeName="cloud")
        world.dataset()
        world.create(job_manifest())
        world.settle()
        world.send_all()
        name = only(world)["metadata"]["name"]
        world.store.delete(Key("Artifact", "default", name))
        world.settle()
        world.sends(name, phase="Ready", tree="e" * 64, sizeBytes=1, sentBytes=1)
        world.settle()
        assert world.worker(INFERENCE)["spec"]["models"][0]["artifact"]["tree"] == "e" * 64
        # What it serves is never changed behind its back.
        world.serves()
        world.store.delete(Key("Artifact", "default", name))
        world.settle()
        world.sends(name, phase="Ready", tree="f" * 64, sizeBytes=1, sentBytes=1)
        world.settle()
        assert world.worker(INFERENCE)["spec"]["models"][0]["artifact"]["tree"] == "e" * 64

    def test_one_whose_node_is_gone_as_well_fails_the_round(self, world: World) -> None:
        world.send_all()
        world.store.delete(Key("Node", "", "edge-node"))
        world.settle()
        assert world.at() == ("Train", "Starting"), "it is in the store"
        world.store.delete(Key("Artifact", "default", only(world)["metadata"]["name"]))
        world.settle()
        assert world.history()[0]["reason"] == "NodeGone"

    def test_one_that_a_running_worker_has_fetched_is_not_missed(self, world: World) -> None:
        world.send_all()
        world.report("helmets-train-1", phase="Running")
        world.settle()
        world.store.delete(Key("Artifact", "default", only(world)["metadata"]["name"]))
        world.settle()
        assert world.artifacts() == []
        assert world.at() == ("Train", "Running")

    def test_the_deployed_models_is_made_again_for_an_inference_worker_that_may_move(self, world: World) -> None:
        to_deploy(world)
        world.send_all()
        world.serves()
        name = only(world, "model-1")["metadata"]["name"]
        world.store.delete(Key("Artifact", "default", name))
        world.settle()
        assert only(world, "model-1")["metadata"]["name"] == name
        assert world.worker(INFERENCE)["spec"]["models"][0]["artifact"]["name"] == name

    def test_the_model_that_an_inference_worker_waits_for_is_lost_and_cannot_be_sent_at_once(self) -> None:
        world = World()
        world.node()
        world.node("cloud")
        world.model("initial-model")
        world.model("deploy-model", nodeName="cloud")
        world.dataset()
        world.create(job_manifest())
        world.settle()
        world.send_all()
        name = only(world)["metadata"]["name"]
        waiting = "The inference worker starts on node edge-node."
        # Nobody has fetched it, and it is gone.
        world.store.delete(Key("Artifact", "default", name))
        world.settle()
        assert world.status()["serving"]["message"] == (
            f"{waiting} Waits for model deploy-model from node cloud: nothing is sent yet."
        )
        world.sends(name, phase="Failed", reason="StoreFull", message="Full.", updateTime="2026-11-22T12:00:00Z")
        world.settle()
        assert world.status()["serving"]["message"] == (
            f"{waiting} Node cloud could not send model deploy-model: Full. It is asked for again 2026-11-22T12:01:00Z."
        )
        uid = world.artifact_uid(name)
        world.advance(70)
        assert world.artifact_uid(name) not in (None, uid)
        world.store.delete(Key("Node", "", "cloud"))
        world.store.delete(Key("Artifact", "default", name))
        world.settle()
        assert world.status()["serving"]["message"] == (
            f"{waiting} Node cloud, which is to send model deploy-model, is not registered."
        )
        world.node("cloud")
        world.advance(60)
        world.send_all()
        assert world.status()["serving"]["message"] == waiting

    def test_what_serves_already_is_not_said_to_wait_when_its_artifact_fails(self, world: World) -> None:
        to_deploy(world)
        world.send_all()
        world.serves()
        name = only(world, "model-1")["metadata"]["name"]
        world.store.delete(Key("Artifact", "default", name))
        world.settle()
        world.sends(name, phase="Failed", reason="ModelNotFound", message="It is not there.")
        world.settle()
        assert world.status()["serving"]["message"] == "The inference worker runs on node edge-node."
        assert world.worker(INFERENCE)["spec"]["models"][0]["artifact"]["name"] == name


class TestServingElsewhere:
    """The inference worker's own node is lost, or chosen anew."""

    def test_on_another_node_it_is_made_with_the_model_carried_there(self, world: World) -> None:
        to_deploy(world)
        world.send_all()
        world.serves()
        world.node("spare")

        def move(job: dict[str, Any]) -> None:
            job["spec"]["deploySpec"]["template"]["spec"]["nodeName"] = "spare"

        world.edit(Key(JOB, "default", "helmets"), move)
        world.settle()
        world.let_all_go()
        world.settle()
        worker = world.worker(INFERENCE)
        assert worker["spec"]["nodeName"] == "spare"
        assert worker["spec"]["models"][0]["artifact"]["name"].startswith("helmets-model-1-")

    def test_where_the_model_was_made_nothing_is_carried(self, world: World) -> None:
        to_deploy(world)
        world.send_all()
        world.serves()

        def move(job: dict[str, Any]) -> None:
            job["spec"]["deploySpec"]["template"]["spec"]["nodeName"] = "cloud"

        world.edit(Key(JOB, "default", "helmets"), move)
        world.settle()
        world.let_all_go()
        world.settle()
        worker = world.worker(INFERENCE)
        assert worker["spec"]["nodeName"] == "cloud"
        assert "artifact" not in worker["spec"]["models"][0]

    def test_an_edited_deploy_model_on_another_node_is_carried_while_the_old_one_serves(self) -> None:
        world = two_hosts()
        world.serves(sha256="d" * 64)

        def move(model: dict[str, Any]) -> None:
            model["spec"].update(url="/models/better", nodeName="cloud")

        world.edit(Key("Model", "default", "deploy-model"), move)
        world.settle()
        assert world.worker(INFERENCE)["spec"]["models"][0]["url"] == "/models/deploy-model"
        assert world.status()["serving"]["message"] == (
            "The inference worker runs on node edge-node. "
            "Waits for model deploy-model from node cloud: nothing is sent yet."
        )
        world.send_all()
        assert world.worker(INFERENCE)["spec"]["models"][0]["url"] == "/models/better"


def test_a_paused_target_is_not_sent_anything(world: World) -> None:
    other = two_hosts()
    other.serves()
    other.report(INFERENCE, phase="Paused")
    other.samples(60)
    other.settle()
    # The pause is the edge's; the training is the cloud's.
    other.send_all()
    assert other.has_worker("helmets-train-1")
    to_deploy(world)
    world.report(INFERENCE, phase="Paused")
    world.settle()
    assert message(world).startswith("Paused on node edge-node")


def test_a_node_that_has_the_image_takes_the_work_when_the_datas_node_has_not() -> None:
    world = World()
    world.node(images=("other:v1",))
    world.node("cloud")
    world.models()
    world.dataset(seen=60)
    world.create(job_manifest())
    world.settle()
    world.send_all()
    assert world.worker("helmets-train-1")["spec"]["nodeName"] == "cloud"
    assert world.worker(INFERENCE)["spec"]["nodeName"] == "cloud"


def test_a_job_that_is_deleted_takes_its_artifacts_along(world: World) -> None:
    world.store.delete(Key(JOB, "default", "helmets"))
    world.settle()
    world.let_all_go()
    world.settle()
    assert world.artifacts() == []
    assert world.store.list(JOB).items == []


def test_artifacts_of_a_job_that_vanished_are_deleted(world: World) -> None:
    world.edit(Key(JOB, "default", "helmets"), lambda job: job["metadata"].update(finalizers=[]))
    world.store.delete(Key(JOB, "default", "helmets"))
    world.restart()
    world.settle()
    assert world.artifacts() == []


def test_a_job_made_again_under_its_name_never_takes_the_old_ones_artifacts(world: World) -> None:
    world.send_all()
    old = only(world)["metadata"]
    world.edit(Key(JOB, "default", "helmets"), lambda job: job["metadata"].update(finalizers=[]))
    world.store.delete(Key(JOB, "default", "helmets"))
    world.create(job_manifest(**on_the_cloud()))
    world.settle()
    world.let_all_go()
    world.settle()
    assert old["name"] not in [each["metadata"]["name"] for each in world.artifacts()]
    assert world.at() == ("Train", "Ready")


def test_artifacts_go_to_the_store_that_the_settings_name() -> None:
    world = World(settings=Settings(jobs=JobSettings(store="s3://bucket/sedna")))
    world.node()
    world.node("cloud")
    world.models()
    world.dataset(seen=60)
    world.create(job_manifest(**on_the_cloud()))
    world.settle()
    assert only(world)["spec"]["store"] == "s3://bucket/sedna"
    world.send_all()
    assert world.worker("helmets-train-1")["spec"]["samplesArtifact"]["store"] == "s3://bucket/sedna"


def test_on_one_host_nothing_is_ever_asked_for() -> None:
    world = World()
    world.usual()
    edge = Edge(world)
    for round_ in (1, 2, 3):
        world.samples(60 * round_)
        world.settle()
        for _ in range(14):
            edge.work()
            world.settle()
    assert len(world.history()) == 3
    assert world.asked_for == []
    assert IMAGE in world.worker("helmets-train-3")["spec"]["template"]["containers"][0]["image"]


def test_the_log_says_once_what_is_waited_for_however_many_megabytes(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    name = only(world)["metadata"]["name"]
    with caplog.at_level("INFO", logger="sedna_gm.controllers.applying"):
        for megabytes in range(1, 40):
            world.sends(name, phase="Sending", sizeBytes=40_000_000, sentBytes=megabytes * 1_000_000)
            world.settle()
    assert len(caplog.records) <= 1
    assert "39 of 40 MB" in message(world)


class TestNothingSent:
    """A node that can be heard comes no further with what it is to send."""

    def test_after_an_hour_the_round_fails_with_what_the_node_said(self, world: World) -> None:
        told = "Model m is not there: nothing at /m."
        name = only(world)["metadata"]["name"]
        world.sends(name, phase="Pending", reason="ModelNotFound", message=told, updateTime="2026-11-22T12:00:00Z")
        world.advance(3500)
        assert world.at() == ("Train", "Ready")
        world.advance(400)
        (record,) = world.history()
        assert record["reason"] == "ModelNotFound"
        assert record["message"] == (
            "node edge-node has come no further with the samples of dataset samples since 2026-11-22T12:00:00Z: "
            "Model m is not there: nothing at /m."
        )

    def test_who_makes_progress_may_take_for_ever(self, world: World) -> None:
        name = only(world)["metadata"]["name"]
        for megabytes in range(1, 6):
            when = (world.clock.now).strftime("%Y-%m-%dT%H:%M:%SZ")
            sent = {"sizeBytes": 40_000_000, "sentBytes": megabytes * 1_000_000}
            world.sends(name, phase="Sending", updateTime=when, **sent)
            world.advance(3000)
        assert world.at() == ("Train", "Ready")
        assert world.history() == []

    def test_the_hour_begins_when_the_node_can_be_heard_again(self, world: World) -> None:
        world.clock.now += timedelta(days=1)
        world.heartbeats.beat("cloud")
        world.settle()
        world.advance(3000)
        assert world.at() == ("Train", "Ready")
        assert world.history() == []


def test_a_deadline_leaves_time_to_fetch_over_a_poor_line(world: World) -> None:
    to_deploy(world)
    world.send_all()
    assert world.at() == ("Deploy", "Starting")
    # 40 MB at 32 kB/s on top of what a deployment may take.
    world.advance(900 + 60 + 1200)
    assert world.at() == ("Deploy", "Starting")
    world.advance(60)
    assert world.history()[0]["reason"] == "DeadlineExceeded"


def test_a_deployment_does_not_begin_while_its_node_is_silent(world: World) -> None:
    to_deploy(world)
    for _ in range(60):
        world.clock.now += timedelta(seconds=30)
        world.heartbeats.beat("cloud")
        world.settle()
    world.send_all()
    assert world.at() == ("Deploy", "Ready")
    assert message(world) == (
        "The deployment waits for node edge-node. Node edge-node has not been heard of since 2026-11-22T12:00:00Z."
    )
    assert world.history() == []
    world.heartbeats.beat("edge-node")
    world.settle()
    assert world.at() == ("Deploy", "Starting")


def test_a_line_cut_in_the_middle_of_a_deployment_fails_nothing_and_trains_nothing_anew(world: World) -> None:
    to_deploy(world)
    world.send_all()
    assert world.at() == ("Deploy", "Starting")
    for _ in range(24 * 60):
        world.clock.now += timedelta(minutes=1)
        world.heartbeats.beat("cloud")
        world.settle()
    assert world.at() == ("Deploy", "Starting")
    assert "Node edge-node has not been heard of since" in message(world)
    assert world.history() == []
    # The node took the model behind the cut line, and says so first of all.
    world.heartbeats.beat("edge-node")
    worker = world.worker("helmets-inference")
    model = worker["spec"]["models"][0]
    served = {"url": model["url"], "sha256": model["sha256"], "state": "Loaded"}
    generation = worker["metadata"]["generation"]
    world.report("helmets-inference", phase="Running", observedGeneration=generation, model=served)
    world.settle()
    assert [one["decision"] for one in world.history()] == ["Deployed"]
