"""Blobs on a disk: senders of one blob help each other, a full disk breaks nothing, and what is there is whole."""

from __future__ import annotations

import hashlib
import os
import random
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from sedna_gm.artifacts.disks import DiskBlobs
from sedna_gm.errors import NotFound, OffsetMismatch, StoreFull, WrongDigest
from sedna_gm.settings import ArtifactSettings
from tests.gm.http.doors import StandingClock

T = TypeVar("T")
DATA = random.Random(7).randbytes(300_000)
SHA = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def settings(tmp_path: Path) -> ArtifactSettings:
    return ArtifactSettings(folder=str(tmp_path / "artifacts"))


@pytest.fixture
def blobs(settings: ArtifactSettings) -> DiskBlobs:
    return DiskBlobs(settings, StandingClock())


def read(blobs: DiskBlobs, sha256: str = SHA) -> bytes:
    with blobs.open(sha256) as file:
        return file.read()


def send(blobs: DiskBlobs, piece: int, refused: list[int], barrier: threading.Barrier) -> None:
    """Sends all of DATA in pieces, going on wherever the store says."""
    barrier.wait(30)
    position = 0
    while position < len(DATA):
        try:
            position = blobs.append(SHA, position, DATA[position : position + piece], len(DATA))
        except OffsetMismatch as mismatch:
            refused.append(mismatch.offset)
            position = mismatch.offset


def test_two_senders_of_one_blob_help_each_other(blobs: DiskBlobs, settings: ArtifactSettings) -> None:
    refused: list[int] = []
    barrier = threading.Barrier(4)
    senders = [
        threading.Thread(target=send, args=(blobs, piece, refused, barrier)) for piece in (997, 1000, 4096, 50_000)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(60)
    assert read(blobs) == DATA
    assert not list((Path(settings.folder) / "parts").iterdir())


def test_a_sender_whose_connection_hangs_keeps_nobody_waiting(blobs: DiskBlobs) -> None:
    """Its place is taken by the next one; its late bytes are refused, and spoil nothing."""
    blobs.append(SHA, 0, DATA[:1000], len(DATA))
    blobs.append(SHA, 1000, DATA[1000:5000], len(DATA))
    with pytest.raises(OffsetMismatch) as refused:
        blobs.append(SHA, 1000, DATA[1000:2000], len(DATA))
    assert refused.value.offset == 5000
    assert blobs.append(SHA, 5000, DATA[5000:], len(DATA)) == len(DATA)
    # Now it is published; the late one hears that all is there.
    assert blobs.append(SHA, 1000, DATA[1000:2000], len(DATA)) == len(DATA)
    assert read(blobs) == DATA


def test_a_blob_that_is_being_read_can_be_removed(blobs: DiskBlobs) -> None:
    blobs.append(SHA, 0, DATA, len(DATA))
    with blobs.open(SHA) as file:
        blobs.delete(blobs.list())
        assert file.read() == DATA
    with pytest.raises(NotFound):
        blobs.open(SHA)


def test_a_blob_larger_than_asked_for_is_not_read(blobs: DiskBlobs) -> None:
    blobs.append(SHA, 0, DATA, len(DATA))
    assert blobs.read(SHA, len(DATA)) == DATA
    assert blobs.read("0" * 64, 10) is None
    with pytest.raises(ValueError, match="more than the 10"):
        blobs.read(SHA, 10)


class FailingFiles:
    """Does work, but with a limit on the size of files: what the kernel does when a disk is full, for one process."""

    def __init__(self, most: int) -> None:
        self.most = most

    def __call__(self, work: Callable[[], T], size: int) -> T:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.most, hard))
        try:
            return work()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, previous)


def test_a_disk_that_fills_up_in_the_middle_keeps_what_came_before(settings: ArtifactSettings) -> None:
    limit = FailingFiles(150_000)
    blobs = DiskBlobs(settings, StandingClock(), limit)
    assert blobs.append(SHA, 0, DATA[:100_000], len(DATA)) == 100_000
    with pytest.raises(StoreFull) as full:
        blobs.append(SHA, 100_000, DATA[100_000:200_000], len(DATA))
    assert "what came before is kept" in full.value.message
    assert blobs.offset(SHA) == 100_000
    limit.most = 10**9
    assert blobs.append(SHA, 100_000, DATA[100_000:], len(DATA)) == len(DATA)
    assert read(blobs) == DATA


class CuttingPower:
    """Does work until one, which it never comes to: the rest of the process is as after a power cut."""

    def __init__(self, works: int) -> None:
        self.works = works

    def __call__(self, work: Callable[[], T], size: int) -> T:
        self.works -= 1
        if self.works < 0:
            raise KeyboardInterrupt
        return work()


@pytest.mark.parametrize("works", range(6))
def test_after_a_power_cut_at_any_moment_a_blob_is_whole_or_not_there(settings: ArtifactSettings, works: int) -> None:
    blobs = DiskBlobs(settings, StandingClock(), CuttingPower(works))
    with pytest.raises(KeyboardInterrupt):
        for start in (0, 100_000, 200_000):
            blobs.append(SHA, start, DATA[start : start + 100_000], len(DATA))
        blobs.missing({SHA: len(DATA)})
        blobs.list()
        blobs.list()
        blobs.list()
    again = DiskBlobs(settings, StandingClock())
    if again.size(SHA) is None:
        offset = again.missing({SHA: len(DATA)})[SHA]
        assert again.append(SHA, offset, DATA[offset:], len(DATA)) == len(DATA)
    assert read(again) == DATA


def test_bytes_that_a_power_cut_has_turned_to_zeros_are_noticed(blobs: DiskBlobs, settings: ArtifactSettings) -> None:
    """A file system may have kept a file's length and lost its content."""
    part = Path(settings.folder) / "parts" / SHA
    part.parent.mkdir(parents=True)
    part.write_bytes(DATA[:1000] + bytes(1000))
    with pytest.raises(WrongDigest):
        blobs.append(SHA, 2000, DATA[2000:], len(DATA))
    assert blobs.missing({SHA: len(DATA)}) == {SHA: 0}


def test_thousands_of_uploads_that_began_cost_no_memory_for_ever(blobs: DiskBlobs) -> None:
    for number in range(1100):
        blobs.append(f"{number:064x}", 0, b"x", 2)
    assert len(blobs._uploads) == 1024
    # A forgotten one goes on all the same.
    first = hashlib.sha256(b"xy").hexdigest()
    blobs.append(first, 0, b"x", 2)
    for number in range(1100):
        blobs.append(f"{number:064x}", 1, b"", 2)
    assert blobs.append(first, 1, b"y", 2) == 2


def test_a_full_store_has_room_again_after_collecting(settings: ArtifactSettings) -> None:
    blobs = DiskBlobs(
        ArtifactSettings(folder=settings.folder, max_bytes=len(DATA)),
        StandingClock(),
    )
    blobs.append(SHA, 0, DATA, len(DATA))
    other = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(StoreFull):
        blobs.missing({other: 5})
    assert blobs.delete(blobs.list()) == len(DATA)
    assert blobs.missing({other: 5}) == {other: 0}
    assert blobs.append(other, 0, b"other", 5) == 5


@pytest.fixture(autouse=True)
def no_file_left_open() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    yield
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
