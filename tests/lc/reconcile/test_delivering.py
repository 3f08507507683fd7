"""A job whose `outputDir` is on S3: its model is there when the GM hears of it, whole, and another node can have it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sedna.common.digests import digest
from sedna_lc.places import Places
from sedna_lc.reconcile.delivering import at_home
from tests.lc.reconcile.test_remote import RemoteWorld, pending
from tests.lc.workers import make_worker
from tests.s3_servers import BUCKET, S3Server, s3_server

OUT = f"s3://{BUCKET}/jobs/helmets"
JOB = {"jobOutputDir": OUT, "outputDir": f"{OUT}/train/1"}


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as made:
        yield made


@pytest.fixture
def world(server: S3Server, tmp_path: Path) -> Iterator[RemoteWorld]:
    made = RemoteWorld(tmp_path, server)
    yield made
    made.remotes.close()


def train(world: RemoteWorld, content: bytes, credential: str = "good", folder: bool = False) -> tuple[str, str]:
    """A training that ends well, with a model of this content."""
    key = world.want("train", **JOB, credentialName=credential)
    output = Path(world.started(key).environment["MODEL_URL"])
    assert output.is_relative_to(world.places.state_dir)
    path = output / "saved_model" if folder else output / "model.pb"
    file = path / "variables" / "data" if folder else path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    world.report(key, "train", "completed", results=[{"format": "pb", "url": str(path), "metrics": {}}])
    world.host.finish(world.unit(key).name, 0)  # type: ignore[union-attr]
    return key


def succeeded(told: dict[str, Any]) -> bool:
    return told.get("phase") == "Succeeded"


@pytest.mark.parametrize("folder", [False, True], ids=["file", "folder"])
def test_a_finished_model_is_taken_there_and_can_be_had_from_another_node(
    world: RemoteWorld, server: S3Server, tmp_path: Path, folder: bool
) -> None:
    told = world.until(train(world, b"trained", folder=folder), succeeded)
    (result,) = told["results"]
    name = "saved_model" if folder else "model.pb"
    assert result["url"] == f"{OUT}/train/1/{result['sha256'][:12]}/{name}"
    # Nothing of it stays behind.
    assert not list(world.places.outputs_folder(make_worker()).rglob("model.pb"))
    (tmp_path / "other").mkdir()
    other = RemoteWorld(tmp_path / "other", server)
    try:
        model = other.remote(result["url"], 1, sha256=result["sha256"])
        key = other.want("eval", models=[model, other.reference(other.deployed, 0)])
        path = Path(other.started(key).environment["MODEL_URLS"].split(";")[0])
        assert digest(path) == result["sha256"]
    finally:
        other.remotes.close()


def test_a_job_made_again_overwrites_nothing(world: RemoteWorld, server: S3Server) -> None:
    urls = []
    for content in (b"first", b"second"):
        key = train(world, content)
        urls.append(world.until(key, succeeded)["results"][0]["url"])
        world.delete(key)
        world.settle(key)
        world.store.drop_wanted("workers", key)
        world.settle(key)
    contents = [server.content(url.removeprefix(f"s3://{BUCKET}/")) for url in urls]
    assert contents == [b"first", b"second"]


def test_a_model_that_cannot_be_delivered_is_not_told_and_waits_with_the_reason(
    world: RemoteWorld, server: S3Server
) -> None:
    key = train(world, b"denied", credential="powerless")
    told = world.until(key, lambda told: told.get("reason") == "AccessDenied")
    assert told["phase"] == "Running"
    assert "is finished, and cannot be delivered" in told["message"]
    assert "powerless" in told["message"]
    assert server.powerless["secretAccessKey"] not in str(told)
    good = (world.places.credentials_dir / "good").read_text()
    (world.places.credentials_dir / "powerless").write_text(good)
    told = world.until(key, succeeded)
    assert told.get("reason") is None
    assert told["results"][0]["url"].startswith(OUT)


def test_what_is_there_already_is_not_sent_again(world: RemoteWorld, server: S3Server) -> None:
    # So that the server keeps, and counts, what is overwritten.
    server.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    url = world.until(train(world, b"twice", folder=True), succeeded)["results"][0]["url"]
    key = f"{url.removeprefix(f's3://{BUCKET}/')}/variables/data"
    (world.folder / "again").mkdir()
    again = RemoteWorld(world.folder / "again", server)
    try:
        assert again.until(train(again, b"twice", folder=True), succeeded)["results"][0]["url"] == url
    finally:
        again.remotes.close()
    assert len(server.s3.list_object_versions(Bucket=BUCKET, Prefix=key)["Versions"]) == 1


def test_a_training_waits_for_the_credential_that_its_output_needs(world: RemoteWorld) -> None:
    key = world.want("train", **JOB, credentialName="minio")
    told = world.until(key, pending("CredentialNotFound"))
    assert str(world.places.credentials_dir / "minio") in told["message"]


def test_a_training_that_failed_sends_nothing(world: RemoteWorld, server: S3Server) -> None:
    before = server.keys()
    key = world.want("train", **JOB, credentialName="good")
    output = Path(world.started(key).environment["MODEL_URL"])
    (output / "model.pb").write_bytes(b"half")
    world.host.finish(world.unit(key).name, 1)  # type: ignore[union-attr]
    world.until(key, lambda told: told.get("phase") == "Failed")
    assert server.keys() == before


def test_the_lists_of_samples_stay_on_the_node(world: RemoteWorld) -> None:
    key = world.want("train", **JOB, credentialName="good")
    samples = Path(world.started(key).environment["TRAIN_DATASET_URL"])
    assert samples.is_relative_to(world.places.state_dir)
    assert len(samples.read_text().splitlines()) == 10


def test_a_worker_with_folders_of_its_own_is_left_alone() -> None:
    worker = make_worker()
    assert at_home(worker, Places(Path("/state"), Path("/images"))) is worker


@pytest.mark.parametrize("given", ["s3://bucket/out", "s3://bucket/out/"])
def test_the_stand_in_has_the_same_shape(given: str) -> None:
    worker = make_worker(jobOutputDir=given, outputDir="s3://bucket/out/train/1")
    spec = at_home(worker, Places(Path("/state"), Path("/images"))).spec
    home = "/state/outputs/default/helmet-detection-demo"
    assert (spec.job_output_dir, spec.output_dir) == (home, f"{home}/train/1")
