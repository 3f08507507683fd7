"""Which credentials a worker is handed, and what it waits for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sedna_lc import units
from sedna_lc.credentials import Credentials, credentials_of
from sedna_lc.errors import Again
from sedna_lc.images import Image
from sedna_lc.places import Places
from tests.lc.workers import make_worker, model

GOOD = json.dumps({"accessKeyId": "key", "secretAccessKey": "hunter2"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("one", "two", "three"):
        (tmp_path / name).write_text(GOOD)
    return tmp_path


def remote(url: str, credential: str) -> dict[str, Any]:
    return {**model("m", url), "credentialName": credential}


def test_a_worker_without_names_is_handed_nothing(folder: Path) -> None:
    assert credentials_of(make_worker(), folder) == Credentials()


def test_each_url_has_its_own(folder: Path) -> None:
    models = [remote("s3://a/m", "one"), remote("s3://b/m", "two")]
    found = credentials_of(make_worker("eval", models=models, credentialName="three"), folder)
    assert found.files == {name: str(folder / name) for name in ("one", "two", "three")}
    assert json.loads(found.assignment) == {"s3://a/m": "one", "s3://b/m": "two"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "CredentialNotFound"), ("hunter3", "CredentialUnusable"), ("{}", "CredentialUnusable")],
)
def test_a_training_waits_for_what_opens_its_model(folder: Path, content: str | None, reason: str) -> None:
    if content is not None:
        (folder / "four").write_text(content)
    with pytest.raises(Again) as raised:
        credentials_of(make_worker(models=[remote("s3://a/m", "four")]), folder)
    assert raised.value.reason == reason
    assert str(folder / "four") in raised.value.message
    assert "hunter" not in raised.value.message


def test_inference_goes_on_without_what_only_its_model_was_fetched_with(folder: Path) -> None:
    worker = make_worker("inference", models=[remote("s3://a/m", "four")])
    assert credentials_of(worker, folder) == Credentials()


def test_a_name_beside_a_path_of_the_host_keeps_nobody_waiting(folder: Path) -> None:
    worker = make_worker(models=[remote("/models/m", "four")], credentialName="../one")
    assert credentials_of(worker, folder) == Credentials()


def test_w104_the_unit_names_files_and_holds_no_secret(folder: Path) -> None:
    worker = make_worker(models=[remote("s3://a/m", "one")])
    places = Places(Path("/var/lib/sedna"), Path("/images"), folder)
    image = Image("a:1", ("/python",), "/python", "/app", {})
    spec = units.describe(worker, image, places, "http://lc", credentials_of(worker, folder))
    assert spec.credentials == {"one": str(folder / "one")}
    assert spec.environment["SEDNA_CREDENTIALS"] == '{"s3://a/m": "one"}'
    assert "hunter2" not in f"{spec!r}{spec.environment}{spec.argv}"
    plain = units.describe(make_worker(), image, places, "http://lc")
    assert "SEDNA_CREDENTIALS" not in plain.environment
