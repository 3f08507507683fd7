"""Digests name content, and a published name never stands for a part of it."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from sedna.common import publishing
from sedna.common.digests import digest, tree_digest
from sedna.common.publishing import ContentChangedError, copy_atomically, remove_leftovers, write_atomically


def make_model(folder: Path, text: str = "weights") -> Path:
    (folder / "variables").mkdir(parents=True)
    (folder / "assets").mkdir()
    (folder / "saved_model.pb").write_text("graph")
    (folder / "variables" / "data-0").write_text(text)
    return folder


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_the_digest_of_a_file_is_its_sha256(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"x" * 3_000_000)
    assert digest(path) == hashlib.sha256(b"x" * 3_000_000).hexdigest()


def test_the_digest_of_a_folder_is_what_sha256sum_and_sort_say(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    listing = subprocess.run(
        ["sh", "-c", "find . -type f -printf '%P\\0' | xargs -0 sha256sum | LC_ALL=C sort"],
        cwd=model, check=True, capture_output=True,
    ).stdout  # fmt: skip
    assert digest(model) == tree_digest(model) == hashlib.sha256(listing).hexdigest()


def test_a_folder_of_links_is_the_same_model_as_its_copy(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    links = tmp_path / "links"
    links.mkdir()
    (links / "saved_model.pb").symlink_to(model / "saved_model.pb")
    (links / "variables").symlink_to(model / "variables")
    copy_atomically(links, tmp_path / "copy")
    assert digest(links) == digest(tmp_path / "copy") == digest(model)


def test_what_would_be_read_for_ever_is_refused(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.mkdir()
    (loop / "again").symlink_to(loop)
    with pytest.raises(ValueError, match="own parent"):
        digest(loop)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="neither"):
        digest(tmp_path / "pipe")
    with pytest.raises(FileNotFoundError):
        digest(tmp_path / "nothing")


def test_w50_a_smaller_new_model_leaves_nothing_of_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new")
    target = tmp_path / "deploy" / "model"
    target.parent.mkdir()
    target.write_text("OLD-MODEL-THAT-IS-LONG")
    assert copy_atomically(tmp_path / "new", target) == digest(tmp_path / "new")
    assert target.read_text() == "new"
    assert names(target.parent) == ["model"]


def test_w51_a_copy_to_an_impossible_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="file"):
        copy_atomically(tmp_path / "file", tmp_path / "file" / "below" / "model")
    with pytest.raises(FileNotFoundError):
        copy_atomically(tmp_path / "nothing", tmp_path / "model")
    assert names(tmp_path) == ["file"]


def test_w53_readers_see_the_old_or_the_new_file_never_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model_config.json"
    write_atomically(path, b"old")
    seen: list[bytes] = []
    true_fsync = os.fsync

    def look(descriptor: int) -> None:
        seen.append(path.read_bytes())
        true_fsync(descriptor)

    monkeypatch.setattr(publishing.os, "fsync", look)
    write_atomically(path, b"new and longer")
    # Once when the content is safe and has no name yet, once when the name is made safe.
    assert seen == [b"old", b"new and longer"]


def test_a_folder_is_copied_whole_with_its_empty_folders(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    target = tmp_path / "served" / "3"
    assert copy_atomically(model, target) == digest(model) == digest(target)
    assert (target / "assets").is_dir()
    assert names(target.parent) == ["3"]


def test_a_folder_is_replaced_and_an_equal_one_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "served"
    copy_atomically(make_model(tmp_path / "one", "1"), target)
    first = target.stat().st_ino
    copy_atomically(tmp_path / "one", target)
    assert target.stat().st_ino == first
    copy_atomically(make_model(tmp_path / "two", "2"), target)
    assert digest(target) == digest(tmp_path / "two")
    assert names(tmp_path) == ["one", "served", "two"]


def test_a_copy_that_differs_from_the_promised_hash_gets_no_name(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("x")
    with pytest.raises(ContentChangedError, match="sha256"):
        copy_atomically(tmp_path / "model", tmp_path / "copy", sha256="0" * 64)
    assert names(tmp_path) == ["model"]


def test_a_folder_is_not_copied_into_itself(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    with pytest.raises(ValueError, match="inside"):
        copy_atomically(model, model / "copy")


def test_what_a_killed_writer_left_can_be_removed(tmp_path: Path) -> None:
    (tmp_path / ".sedna-0011.tmp").write_text("half")
    make_model(tmp_path / ".sedna-2233.tmp")
    (tmp_path / "model").write_text("whole")
    remove_leftovers(tmp_path)
    assert names(tmp_path) == ["model"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_atomically(path, b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["state.json"]
