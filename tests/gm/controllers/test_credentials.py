"""Which credentials a worker is told of, and that what lies on S3 is carried by nobody."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sedna.api.urls import is_remote
from tests.gm.controllers.test_carrying import INFERENCE, on_the_cloud
from tests.gm.controllers.world import World, job_manifest

S3 = "s3://bucket/models/m1"


def cloud_and_edge(deploy: dict[str, Any], **job: Any) -> World:
    world = World()
    world.node()
    world.node("cloud")
    world.model("initial-model", S3, credentialName="minio")
    world.model("deploy-model", **deploy)
    world.dataset()
    manifest = job_manifest(**{**on_the_cloud(), **job})
    world.create(manifest)
    world.settle()
    return world


def test_a_model_on_s3_names_its_credential_to_the_worker() -> None:
    world = cloud_and_edge({"url": S3, "credentialName": "minio"})
    assert world.worker(INFERENCE)["spec"]["models"] == [
        {"name": "deploy-model", "url": S3, "format": "pb", "round": 0, "credentialName": "minio"}
    ]
    world.samples(60)
    world.serves(sha256="d" * 64)
    world.settle()
    world.send_all()
    (base,) = world.worker("helmets-train-1")["spec"]["models"]
    assert (base["url"], base["credentialName"]) == (S3, "minio")


def test_a_model_on_s3_is_fetched_where_it_is_used_and_carried_by_nobody() -> None:
    world = cloud_and_edge({"url": S3})
    world.samples(60)
    # The edge has read it; still it is no reason to ask the edge for it.
    world.serves(sha256="d" * 64)
    world.settle()
    world.send_all()
    world.train_succeeds()
    world.settle()
    world.send_all()
    models = world.worker("helmets-eval-1")["spec"]["models"]
    assert [model.get("artifact") is not None for model in models] == [False, False]
    assert models[1]["sha256"] == "d" * 64
    assert all("-samples-" in artifact["metadata"]["name"] for artifact in world.artifacts())


def test_a_local_model_needs_no_credential_whatever_its_manifest_says() -> None:
    world = cloud_and_edge({"credentialName": "minio"})
    assert "credentialName" not in world.worker(INFERENCE)["spec"]["models"][0]


def test_the_jobs_credential_reaches_all_its_workers() -> None:
    world = cloud_and_edge({}, credentialName="results")
    world.samples(60)
    world.serves(sha256="d" * 64)
    world.settle()
    world.send_all()
    for name in (INFERENCE, "helmets-train-1"):
        assert world.worker(name)["spec"]["credentialName"] == "results"


@given(st.sampled_from(["s3", "http", "https", "gs", "S3", "file", "FILE", ""]), st.text("ab/", max_size=8))
def test_a_path_of_a_node_is_a_path_however_it_is_written(scheme: str, rest: str) -> None:
    url = f"{scheme}://{rest}" if scheme else f"/{rest}"
    assert is_remote(url) == (scheme.lower() not in ("", "file"))


def test_a_model_that_was_trained_onto_s3_is_fetched_from_there_with_the_jobs_credential() -> None:
    world = cloud_and_edge({}, outputDir="s3://bucket/out/", credentialName="results")
    world.samples(60)
    world.serves(sha256="d" * 64)
    world.settle()
    world.send_all()
    spec = world.worker("helmets-train-1")["spec"]
    assert (spec["jobOutputDir"], spec["outputDir"]) == ("s3://bucket/out/", "s3://bucket/out/train/1")
    url = "s3://bucket/out/train/1/aaaaaaaaaaaa/model.pb"
    world.train_succeeds(url=url, sha256="a" * 64)
    world.settle()
    world.send_all()
    world.eval_succeeds()
    world.settle()
    (model,) = world.worker(INFERENCE)["spec"]["models"]
    assert (model["url"], model["credentialName"], model["round"]) == (url, "results", 1)
    assert "artifact" not in model
    # Only what the edge alone has was carried.
    carried = [artifact["spec"].get("model", {}).get("url") for artifact in world.artifacts()]
    assert url not in carried
