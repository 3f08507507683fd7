"""Models are versions: whole, checked, never overwritten, and the last good one stays."""

from __future__ import annotations

import json
import os
import threading
from datetime import datetime, timezone
from pathlib import Path

import pytest

from sedna.api.workers import ModelReference
from sedna.common.digests import digest
from sedna_lc.errors import Again, Never
from sedna_lc.models.hot_config import publish, published
from sedna_lc.models.slots import ModelSlot
from sedna_lc.models.trained import find_models
from sedna_lc.state.records import Placed
from sedna_lc.users import WorkerUser

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=timezone.utc)


@pytest.fixture
def slot(tmp_path: Path) -> ModelSlot:
    return ModelSlot(tmp_path / "slot")


def reference(path: Path, sha256: str | None = None, number: int = 1) -> ModelReference:
    return ModelReference(name="m", url=str(path), format="pb", sha256=sha256, round=number)


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_w50_a_smaller_model_has_no_tail_of_the_old_one(slot: ModelSlot, tmp_path: Path) -> None:
    model = write(tmp_path / "m.pb", "OLD-MODEL-THAT-IS-LONG")
    old = slot.place(reference(model))
    write(model, "new")
    new = slot.place(reference(model))
    assert Path(new.path).read_text() == "new"
    assert Path(old.path).read_text() == "OLD-MODEL-THAT-IS-LONG"


def test_w53b_a_new_model_overwrites_no_older_one(slot: ModelSlot, tmp_path: Path) -> None:
    placed = [slot.place(reference(write(tmp_path / f"{n}" / "m.pb", f"model {n}"))) for n in range(3)]
    assert [Path(one.path).read_text() for one in placed] == ["model 0", "model 1", "model 2"]
    slot.prune([placed[2], placed[1], None])
    assert [Path(one.path).exists() for one in placed] == [False, True, True]


def test_a_model_may_be_a_folder(slot: ModelSlot, tmp_path: Path) -> None:
    write(tmp_path / "saved" / "variables" / "x.data", "x")
    write(tmp_path / "saved" / "saved_model.pb", "y")
    placed = slot.place(reference(tmp_path / "saved"))
    assert Path(placed.path).name == "saved"
    assert placed.sha256 == digest(tmp_path / "saved") == digest(placed.path)
    assert placed.path.split("/")[-2] == placed.sha256[:12]


def test_a_version_that_lies_there_is_not_copied_again(slot: ModelSlot, tmp_path: Path) -> None:
    model = write(tmp_path / "m.pb", "x")
    first = slot.place(reference(model))
    inode = Path(first.path).stat().st_ino
    model.unlink()
    assert slot.place(reference(model, first.sha256)) == first
    assert Path(first.path).stat().st_ino == inode


def test_w55_nothing_temporary_stays(slot: ModelSlot, tmp_path: Path) -> None:
    for number in range(5):
        placed = slot.place(reference(write(tmp_path / "m.pb", f"model {number}")))
        slot.prune([placed])
    with pytest.raises(Never):
        slot.place(reference(tmp_path / "m.pb", "0" * 64))
    slot.prune([placed])
    assert sorted((tmp_path / "slot").rglob("*")) == [Path(placed.path).parent, Path(placed.path)]


def test_a_damaged_version_is_made_again(slot: ModelSlot, tmp_path: Path) -> None:
    model = write(tmp_path / "m.pb", "x")
    placed = slot.place(reference(model))
    Path(placed.path).write_text("torn")
    assert Path(slot.place(reference(model)).path).read_text() == "x"


def test_w51_a_model_that_is_not_there_is_said(slot: ModelSlot, tmp_path: Path) -> None:
    with pytest.raises(Again) as caught:
        slot.place(reference(tmp_path / "nothing"))
    assert caught.value.reason == "ModelNotFound"


def test_w51_a_copy_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    model = write(tmp_path / "m.pb", "x")
    in_the_way = write(tmp_path / "slot", "a file where the folder should be")
    with pytest.raises(Again) as caught:
        ModelSlot(in_the_way).place(reference(model))
    assert caught.value.reason == "ModelUnreadable"


def test_w56_a_model_that_is_not_what_was_promised_is_refused(slot: ModelSlot, tmp_path: Path) -> None:
    model = write(tmp_path / "m.pb", "x")
    with pytest.raises(Never) as caught:
        slot.place(reference(model, "0" * 64))
    assert caught.value.reason == "ModelChanged"
    assert [one for one in (tmp_path / "slot").rglob("*") if one.is_file()] == []


def test_w54_a_model_elsewhere_is_an_answer_and_no_crash(slot: ModelSlot) -> None:
    with pytest.raises(Never) as caught:
        slot.place(ModelReference(name="m", url="s3://bucket/m"))
    assert caught.value.reason == "ModelNotLocal"


def test_w57_a_path_below_a_file_is_an_answer_and_no_crash(slot: ModelSlot, tmp_path: Path) -> None:
    file = write(tmp_path / "file", "x")
    with pytest.raises(Again) as caught:
        slot.place(reference(file / "m"))
    assert caught.value.reason == "ModelUnreadable"


def test_w53_the_hot_update_file_is_never_seen_half_written(tmp_path: Path) -> None:
    file = tmp_path / "hot" / "model_config.json"
    publish(file, Placed("/m", "0" * 64, 0, "/m/0"), NOW)
    stop = threading.Event()
    torn: list[str] = []

    def read() -> None:
        while not stop.is_set():
            content = json.loads(file.read_text())["model_config"]
            if content["model_path"] != f"/m/{content['round']}":
                torn.append(str(content))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(200):
        publish(file, Placed("/m", "0" * 64, number, f"/m/{number}"), NOW)
    stop.set()
    reader.join()
    assert torn == []
    assert json.loads(file.read_text()) == {
        "model_config": {
            "model_path": "/m/199",
            "model_update_time": "2026-11-22T14:00:00Z",
            "sha256": "0" * 64,
            "round": 199,
        }
    }


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"model_config": {"sha256": 7}}', b"\xff"])
def test_a_hot_update_file_that_says_nothing_names_no_model(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "model_config.json"
    if content is not None:
        file.write_bytes(content)
    assert published(file) == ""
    publish(file, Placed("/m", "0" * 64, 0, "/m/0"), NOW)
    assert published(file) == "0" * 64


def test_trained_models_are_measured_where_they_are(tmp_path: Path) -> None:
    file = write(tmp_path / "m.pb", "12345")
    write(tmp_path / "folder" / "a", "1")
    write(tmp_path / "folder" / "b", "22")
    found = find_models([str(file), str(tmp_path / "folder"), str(tmp_path / "nothing"), "s3://b/m"])
    assert {url: one.size_bytes for url, one in found.items()} == {str(file): 5, str(tmp_path / "folder"): 3}
    assert found[str(file)].sha256 == digest(file)


@pytest.mark.parametrize("how", ["named", "linked", "within"])
def test_what_the_worker_may_not_read_is_not_its_model(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The LC is root: a path that a worker reports would else be read, hashed and handed to other hosts."""
    worker = WorkerUser("worker", 54321, 54321, frozenset({54321}))
    secret = Path("/etc/shadow")
    model = tmp_path / "model"
    if how == "linked":
        model.symlink_to(secret)
    elif how == "within":
        model.mkdir()
        (model / "weights").symlink_to(secret)
    assert find_models([str(secret if how == "named" else model)], worker) == {}
    assert "cannot be read: user worker, as which workers run here, may not" in caplog.text


@pytest.mark.parametrize("how", ["named", "linked", "within", "named by its hash"])
def test_what_only_root_may_read_is_not_laid_open_in_a_slot(slot: ModelSlot, tmp_path: Path, how: str) -> None:
    """`url: /etc/shadow` in a Model: the copy would be readable for every worker."""
    worker = WorkerUser("worker", 54321, 54321, frozenset({54321}))
    secret = Path("/etc/shadow")
    model = tmp_path / "model"
    if how == "linked":
        model.symlink_to(secret)
    elif how == "within":
        model.mkdir()
        (model / "weights").symlink_to(secret)
    else:
        model = secret
    sha256 = digest(secret) if how == "named by its hash" and os.geteuid() == 0 else None
    with pytest.raises(Again, match="user worker, as which workers run here, may not") as caught:
        slot.place(reference(model, sha256), user=worker)
    assert caught.value.reason == "ModelUnreadable"
    assert not any((tmp_path / "slot").rglob("*"))
