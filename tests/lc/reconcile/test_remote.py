"""Workers whose models lie on S3, and what they are handed to ask S3 with. Against a real S3 server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sedna.common.digests import digest
from sedna_lc.runners.base import UnitSpec
from tests.lc.reconcile.worlds import World
from tests.s3_servers import BUCKET, S3Server, s3_server

DEADLINE = 30.0


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as made:
        made.put("models/base.pb", b"base from s3")
        made.put("models/deployed/saved_model.pb", b"graph")
        made.put("models/deployed/variables/data", b"weights")
        yield made


class RemoteWorld(World):
    """A node whose models come from S3."""

    def __init__(self, folder: Path, server: S3Server) -> None:
        super().__init__(folder)
        server.write_credentials(self.places.credentials_dir)
        self.moved = threading.Condition()
        self.remotes.subscribe(self._move)
        self.remotes.start()

    def _move(self, key: tuple[str, str]) -> None:
        with self.moved:
            self.moved.notify_all()

    def remote(self, url: str, number: int = 0, credential: str | None = "good", **fields: Any) -> dict[str, Any]:
        named = {"credentialName": credential} if credential else {}
        return {"name": "m", "url": url, "format": "pb", "round": number, **named, **fields}

    def until(self, key: tuple[str, str], good: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Look at a worker as often as something has moved, until what the GM is told is as wanted."""
        end = time.monotonic() + DEADLINE
        with self.moved:
            while True:
                self.settle(key)
                told = self.told(key)
                if good(told):
                    return told
                assert time.monotonic() < end, told
                # Woken by every step forward; the second is for a step between looking and waiting.
                self.moved.wait(1.0)

    def started(self, key: tuple[str, str]) -> UnitSpec:
        self.until(key, lambda told: told.get("phase") == "Starting" or self.unit(key) is not None)
        return self.host.started[-1]


@pytest.fixture
def world(server: S3Server, tmp_path: Path) -> Iterator[RemoteWorld]:
    made = RemoteWorld(tmp_path, server)
    yield made
    made.remotes.close()


BASE = f"s3://{BUCKET}/models/base.pb"
DEPLOYED = f"s3://{BUCKET}/models/deployed"


def pending(reason: str) -> Callable[[dict[str, Any]], bool]:
    return lambda told: told.get("phase") == "Pending" and told.get("reason") == reason


def test_a_training_waits_for_its_base_model_and_finds_it_on_this_host(world: RemoteWorld) -> None:
    key = world.want("train", models=[world.remote(BASE)])
    world.settle(key)
    assert pending("FetchingModel")(world.told(key))
    assert BASE in world.told(key)["message"]
    path = Path(world.started(key).environment["BASE_MODEL_URL"])
    assert (path.name, path.read_bytes()) == ("base.pb", b"base from s3")


def test_an_evaluation_reports_its_models_under_the_urls_that_the_gm_knows(world: RemoteWorld) -> None:
    key = world.want("eval", models=[world.reference(world.base, 1), world.remote(DEPLOYED)])
    new, old = world.started(key).environment["MODEL_URLS"].split(";")
    results = [{"format": "pb", "url": url, "metrics": {"accuracy": 0.5}} for url in (new, f"{old}/saved_model.pb")]
    world.report(key, "eval", "completed", results=results)
    world.host.finish(world.unit(key).name, 0)  # type: ignore[union-attr]
    told = world.until(key, lambda told: told.get("phase") == "Succeeded")
    assert [result["url"] for result in told["results"]] == [str(world.base), DEPLOYED]


def test_an_inference_worker_serves_its_own_copy_and_tells_its_sha256(world: RemoteWorld) -> None:
    key = world.want("inference", models=[world.remote(DEPLOYED)])
    path = Path(world.started(key).environment["MODEL_URL"])
    assert path.is_relative_to(world.places.state_dir / "models")
    assert path.name == "deployed"
    told = world.told(key)["model"]
    assert (told["url"], told["sha256"], told["round"]) == (DEPLOYED, digest(path), 0)


def test_w04_a_hot_update_from_s3_is_waited_for_and_the_old_model_goes_on(world: RemoteWorld) -> None:
    key = world.want("inference")
    world.started(key)
    before = world.record(key).serving
    world.change(key, models=[world.remote(DEPLOYED, 2)], round=2)
    world.settle(key)
    assert world.record(key).serving == before
    told = world.until(key, lambda told: told["model"]["round"] == 2)
    assert told["model"]["state"] == "Loading"
    hot = json.loads(next(world.places.state_dir.rglob("model_config.json")).read_text())["model_config"]
    assert hot["sha256"] == digest(hot["model_path"]) == told["model"]["sha256"]


class TestCredentials:
    @pytest.mark.parametrize("role", ["train", "inference"])
    def test_a_missing_one_is_waited_for_by_name(self, world: RemoteWorld, role: str) -> None:
        key = world.want(role, models=[world.remote(BASE, credential="minio")])
        told = world.until(key, pending("CredentialNotFound"))
        assert str(world.places.credentials_dir / "minio") in told["message"]
        good = (world.places.credentials_dir / "good").read_text()
        (world.places.credentials_dir / "minio").write_text(good)
        assert world.started(key).credentials["minio"] == str(world.places.credentials_dir / "minio")

    @pytest.mark.parametrize("name", ["wrong-secret", "powerless"])
    def test_a_wrong_one_is_said_and_never_told(
        self, world: RemoteWorld, server: S3Server, caplog: pytest.LogCaptureFixture, name: str
    ) -> None:
        caplog.set_level("DEBUG", "sedna_lc")
        key = world.want("train", models=[world.remote(BASE, credential=name)])
        told = world.until(key, pending("AccessDenied"))
        secret = json.loads((world.places.credentials_dir / name).read_text())["secretAccessKey"]
        assert secret not in json.dumps([letter.body for letter in world.store.letters()]) + caplog.text
        assert str(world.places.credentials_dir / name) in told["message"]

    def test_a_worker_is_handed_what_its_manifest_names_and_no_other(
        self, world: RemoteWorld, server: S3Server
    ) -> None:
        key = world.want(
            "train",
            models=[world.remote(BASE)],
            dataset={"name": "d", "url": str(world.dataset), "format": "txt", "credentialName": "powerless"},
            credentialName="nowhere",
        )
        spec = world.started(key)
        assert set(spec.credentials) == {"good", "powerless", "worker-token"}
        assert json.loads(spec.environment["SEDNA_CREDENTIALS"]) == {BASE: "good"}
        for text in (repr(spec), json.dumps(dict(spec.environment)), " ".join(spec.argv)):
            assert server.good["secretAccessKey"] not in text
            assert server.good["accessKeyId"] not in text

    def test_a_name_that_leads_out_hands_over_nothing(self, world: RemoteWorld) -> None:
        (world.folder / "secret").write_text("x")
        key = world.want("train", credentialName="../secret")
        assert list(world.started(key).credentials) == ["worker-token"]


def test_what_a_worker_serves_already_is_not_kept_twice(world: RemoteWorld) -> None:
    key = world.want("inference", models=[world.remote(DEPLOYED)])
    world.started(key)
    assert world.remotes._wanted() == set()
