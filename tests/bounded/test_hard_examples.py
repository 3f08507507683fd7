"""Hard examples take no more than their quota, oldest first, and nothing else is ever removed for it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from sedna_lc.hard_examples import HardExampleKeeper, saved, trim
from sedna_lc.places import Places
from sedna_lc.settings import EVERY_PATH, PathRule, Settings
from tests.lc.workers import make_worker, model


def inference(host: Path, variable: str = "/he", *, read_only: bool = False, **spec: Any) -> Any:
    """A worker that mounts `host` at /he and saves where `variable` says."""
    mount = {"name": "he", "mountPath": "/he", "readOnly": read_only}
    container = {"env": [{"name": "HE_SAVED_URL", "value": variable}], "volumeMounts": [mount]}
    volumes = [{"name": "he", "hostPath": {"path": str(host)}}]
    return make_worker("inference", container=container, pod={"volumes": volumes}, **spec)


def example(folder: Path, name: str, age: int, size: int = 100) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (1_000_000 - age, 1_000_000 - age))
    return path


def keeper(
    tmp_path: Path,
    *workers: Any,
    datasets: Iterable[str] = (),
    most: int = 250,
    rules: tuple[PathRule, ...] = EVERY_PATH,
    launched: bool = True,
) -> HardExampleKeeper:
    wanted: dict[str, list[Any]] = {
        "workers": [worker.model_dump(by_alias=True, exclude_none=True, mode="json") for worker in workers],
        "datasets": [{"spec": {"url": url}} for url in datasets],
    }
    places = Places(tmp_path / "state", tmp_path / "images", host_paths=rules)
    uids = {worker.metadata.uid for worker in workers} if launched else set()
    return HardExampleKeeper(wanted.__getitem__, lambda: uids, places, most)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "he"
    for age in range(5):
        example(made, f"day-{age % 2}/{age}.jpg", age)
    return made


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_the_oldest_go_until_the_rest_fits(tmp_path: Path, folder: Path) -> None:
    assert keeper(tmp_path, inference(folder)).look() == 3
    assert left(folder) == ["0.jpg", "1.jpg"]


def test_a_folder_that_fits_is_left_alone(tmp_path: Path, folder: Path) -> None:
    assert keeper(tmp_path, inference(folder), most=500).look() == 0


def test_only_the_folder_that_is_named_is_looked_after(tmp_path: Path, folder: Path) -> None:
    beside = example(folder, "beside.jpg", 99, 10_000)
    assert keeper(tmp_path, inference(folder, "/he/day-0"), most=150).look() == 2
    assert beside.exists()


@pytest.mark.parametrize(
    "other",
    [
        {"models": [model("m", "{}/models/m.pb")]},
        {"jobOutputDir": "{}"},
        {"outputDir": "{}/out"},
    ],
    ids=["a model", "the outputs of the job", "an output"],
)
def test_a_folder_that_holds_something_else_is_left_alone(
    tmp_path: Path, folder: Path, other: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    def filled(value: Any) -> Any:
        if isinstance(value, list):
            return [{**each, "url": each["url"].format(folder)} for each in value]
        return value.format(folder)

    looks = keeper(tmp_path, inference(folder, **{key: filled(value) for key, value in other.items()}))
    assert (looks.look(), looks.look()) == (0, 0)
    assert len(left(folder)) == 5
    assert caplog.text.count("give HE_SAVED_URL a folder of its own") == 1


def test_a_dataset_in_the_folder_keeps_everything(tmp_path: Path, folder: Path) -> None:
    assert keeper(tmp_path, inference(folder), datasets=[f"{folder}/day-0/list.txt"]).look() == 0


def test_another_workers_volume_in_the_folder_keeps_everything(tmp_path: Path, folder: Path) -> None:
    assert keeper(tmp_path, inference(folder), inference(folder / "day-0", "/elsewhere")).look() == 0


def test_a_link_in_the_folder_leads_nowhere(tmp_path: Path, folder: Path) -> None:
    treasure = example(tmp_path / "treasure", "old.jpg", 10_000)
    (folder / "link").symlink_to(treasure.parent)
    (folder / "file-link").symlink_to(treasure)
    keeper(tmp_path, inference(folder), most=1).look()
    assert treasure.exists()


def test_a_folder_that_became_a_link_is_not_entered(tmp_path: Path) -> None:
    treasure = example(tmp_path / "treasure", "old.jpg", 10_000)
    host = tmp_path / "volume"
    host.mkdir()
    (host / "he").symlink_to(treasure.parent)
    own = saved(inference(host, "/he/he"))
    assert own is not None
    with pytest.raises(OSError, match="he"):
        trim(own, 1)
    assert keeper(tmp_path, inference(host, "/he/he"), most=1).look() == 0
    assert treasure.exists()


@pytest.mark.parametrize("variable", ["/elsewhere", "s3://bucket/he", "relative", "/hedge"])
def test_what_is_in_no_volume_of_the_worker_is_not_looked_for(tmp_path: Path, variable: str) -> None:
    assert saved(inference(tmp_path, variable)) is None


def test_a_volume_for_reading_is_not_written_to(folder: Path) -> None:
    assert saved(inference(folder, read_only=True)) is None


def test_a_folder_that_is_not_there_yet_is_no_problem(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert keeper(tmp_path, inference(tmp_path / "later")).look() == 0
    assert caplog.text == ""


def test_this_programs_own_folders_are_not_touched(tmp_path: Path) -> None:
    example(tmp_path / "state", "sedna.db", 1)
    assert keeper(tmp_path, inference(tmp_path / "state"), most=1).look() == 0


@pytest.mark.parametrize("closed", ["in no rule", "for reading", "beneath what is for reading"])
def test_a_manifest_has_nothing_deleted_where_host_paths_lets_no_worker_write(
    tmp_path: Path, folder: Path, closed: str, caplog: pytest.LogCaptureFixture
) -> None:
    rules = {
        "in no rule": (PathRule("other", str(tmp_path / "other")),),
        "for reading": (PathRule("he", str(folder), read_only=True),),
        "beneath what is for reading": (PathRule("all", "/"), PathRule("he", str(tmp_path), read_only=True)),
    }[closed]
    assert keeper(tmp_path, inference(folder), most=1, rules=rules).look() == 0
    assert len(left(folder)) == 5
    assert "hostPaths" in caplog.text


def test_a_worker_that_was_refused_has_nothing_deleted(tmp_path: Path, folder: Path) -> None:
    assert keeper(tmp_path, inference(folder), most=1, launched=False).look() == 0
    assert len(left(folder)) == 5


@pytest.mark.parametrize("role", ["train", "inference"])
def test_a_second_worker_that_mounts_exactly_this_folder_keeps_everything(
    tmp_path: Path, folder: Path, role: str
) -> None:
    template = inference(folder, "/elsewhere").spec.template
    other = make_worker(role).model_copy(deep=True)
    spec = other.spec.model_copy(update={"template": template})
    metadata = other.metadata.model_copy(update={"name": "other", "uid": "other"})
    second = other.model_copy(update={"metadata": metadata, "spec": spec})
    assert keeper(tmp_path, inference(folder), second, most=1).look() == 0
    assert len(left(folder)) == 5


def test_by_default_no_labelled_sample_is_ever_removed() -> None:
    """A dataset's lines may name files in the folder of hard examples: that is not looked at, so nobody bounds it."""
    assert Settings(node_name="edge", gm="http://127.0.0.1:1").hard_examples.max_bytes is None
