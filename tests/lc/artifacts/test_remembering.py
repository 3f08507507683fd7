"""A file that has not changed is not read again; one that has, is."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from sedna.common.digests import file_digest
from sedna_lc.artifacts.remembering import Content, FileChanged, FileDigests
from sedna_lc.state.memory import MemoryStore
from sedna_lc.users import WorkerUser

LATER = datetime.now(timezone.utc) + timedelta(hours=1)


def rewritten(path: Path, content: bytes) -> None:
    """Other bytes under the same size, time and inode: what a reader would notice, and nobody else."""
    status = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def test_an_unchanged_file_is_read_once(store: MemoryStore, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    first = FileDigests(store, lambda: LATER)
    known = first.of(path)
    first.save()
    rewritten(path, b"xyz")
    assert FileDigests(store, lambda: LATER).of(path) == known == Content(known.sha256, 3)


def test_a_changed_file_is_read_again(store: MemoryStore, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    digests = FileDigests(store, lambda: LATER)
    digests.of(path)
    digests.save()
    os.utime(path, ns=(1, 1))
    path.write_bytes(b"xyz")
    assert FileDigests(store, lambda: LATER).of(path).sha256 == file_digest(path)


def test_a_file_that_was_just_written_is_not_trusted_to_keep_still(store: MemoryStore, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    digests = FileDigests(store, lambda: datetime.now(timezone.utc))
    digests.of(path)
    rewritten(path, b"xyz")
    assert digests.of(path).sha256 == file_digest(path)


def test_a_file_that_is_written_to_while_it_is_read_is_not_taken(store: MemoryStore, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")

    def meanwhile() -> None:
        path.write_bytes(b"abcdef")

    with pytest.raises(FileChanged):
        FileDigests(store, lambda: LATER).of(path, meanwhile)


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_what_is_no_file_is_refused_and_not_waited_for(store: MemoryStore, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path = Path("/dev/zero")
    with pytest.raises(ValueError, match=kind):
        FileDigests(store, lambda: LATER).of(path)


def test_what_nobody_asked_for_in_a_month_is_forgotten(store: MemoryStore, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    digests = FileDigests(store, lambda: LATER)
    digests.of(path)
    digests.save()
    assert store.digest(str(path)) is not None
    FileDigests(store, lambda: LATER + timedelta(days=40)).save()
    assert store.digest(str(path)) is None


def test_what_only_root_may_read_leaves_the_host_by_no_link(store: MemoryStore, tmp_path: Path) -> None:
    worker = WorkerUser("worker", 54321, 54321, frozenset({54321}))
    (tmp_path / "1.jpg").symlink_to("/etc/shadow")
    with pytest.raises(PermissionError, match=r"may not read /etc/shadow|Permission denied"):
        FileDigests(store, lambda: LATER, worker).of(tmp_path / "1.jpg")
