"""Collecting removes what no Artifact names, over a real disk and a real store; the clock stands still."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from sedna.api.trees import Tree, TreeFile
from sedna_gm.artifacts.collecting import Collector
from sedna_gm.artifacts.disks import DiskBlobs
from sedna_gm.artifacts.interface import Blob
from sedna_gm.settings import ArtifactSettings
from sedna_gm.store.interface import Key
from sedna_gm.store.memory import MemoryStore
from tests.gm.http.doors import StandingClock

KEEP = 3600


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def store(clock: StandingClock) -> Iterator[MemoryStore]:
    store = MemoryStore(clock)
    yield store
    store.close()


@pytest.fixture
def blobs(tmp_path: Path, clock: StandingClock) -> DiskBlobs:
    return DiskBlobs(ArtifactSettings(folder=str(tmp_path)), clock)


@pytest.fixture
def collector(store: MemoryStore, blobs: DiskBlobs, clock: StandingClock) -> Collector:
    return Collector(store, blobs, clock, KEEP)


def keep(blobs: DiskBlobs, *contents: bytes) -> str:
    """Puts contents and their tree into the store of blobs; returns the tree's sha256."""
    files = [TreeFile(f"f{number}", len(data), sha(data)) for number, data in enumerate(contents)]
    tree = Tree("folder", tuple(files))
    for data in (*contents, tree.dump()):
        blobs.append(sha(data), 0, data, len(data))
    return tree.digest


def name(resources: MemoryStore, tree: str, called: str = "a", phase: str = "Ready", **spec: Any) -> None:
    """Makes an Artifact that names a tree."""
    made = resources.create(
        {
            "apiVersion": "sedna.io/v1alpha1",
            "kind": "Artifact",
            "metadata": {"name": called, "namespace": "default"},
            "spec": {"nodeName": "n", **spec},
        }
    )
    resources.update_status({**made, "status": {"phase": phase, "tree": tree}})


def left(blobs: DiskBlobs) -> set[str]:
    return {blob.sha256 for blob in blobs.list()}


def test_what_a_ready_artifact_names_is_never_removed(
    store: MemoryStore, blobs: DiskBlobs, collector: Collector, clock: StandingClock
) -> None:
    tree = keep(blobs, b"one", b"two")
    keep(blobs, b"two", b"three")
    name(store, tree)
    clock.forward(100 * KEEP)
    collector.collect()
    assert left(blobs) == {tree, sha(b"one"), sha(b"two")}
    collector.collect()
    assert left(blobs) == {tree, sha(b"one"), sha(b"two")}


def test_what_was_sent_before_it_is_named_waits_for_its_name(
    store: MemoryStore, blobs: DiskBlobs, collector: Collector, clock: StandingClock
) -> None:
    keep(blobs, b"one")
    clock.forward(KEEP - 60)
    assert collector.collect() == 60
    assert sha(b"one") in left(blobs)
    clock.forward(60)
    collector.collect()
    assert left(blobs) == set()


def test_what_was_asked_for_again_is_fresh_again(blobs: DiskBlobs, collector: Collector, clock: StandingClock) -> None:
    keep(blobs, b"one")
    blobs.append(sha(b"part"), 0, b"pa", 4)
    clock.forward(KEEP - 1)
    assert blobs.missing({sha(b"one"): 3, sha(b"part"): 4}) == {sha(b"part"): 2}
    clock.forward(KEEP - 1)
    collector.collect()
    assert left(blobs) == {sha(b"one"), sha(b"part")}
    clock.forward(1)
    collector.collect()
    assert left(blobs) == set()
    # The hash of the first half is forgotten with it.
    assert blobs.append(sha(b"part"), 0, b"part", 4) == 4


@pytest.mark.parametrize("phase", ["Pending", "Sending"])
def test_what_is_still_being_sent_over_a_line_that_was_cut_for_a_week_is_not_thrown_away(
    store: MemoryStore, blobs: DiskBlobs, collector: Collector, clock: StandingClock, phase: str
) -> None:
    coming = Tree(
        "folder", tuple(TreeFile(f"f{n}", len(data), sha(data)) for n, data in enumerate((b"whole", b"part")))
    )
    for data in (coming.dump(), b"whole"):
        blobs.append(sha(data), 0, data, len(data))
    blobs.append(sha(b"part"), 0, b"pa", 4)
    blobs.append(sha(b"other"), 0, b"ot", 5)
    name(store, coming.digest, phase=phase)
    clock.forward(7 * 24 * KEEP)
    collector.collect()
    assert left(blobs) == {coming.digest, sha(b"whole"), sha(b"part")}
    assert blobs.append(sha(b"part"), 2, b"rt", 4) == 4
    assert blobs.missing({sha(b"whole"): 5, sha(b"part"): 4}) == {}


def test_what_a_failed_artifact_has_sent_goes_after_its_time(
    store: MemoryStore, blobs: DiskBlobs, collector: Collector, clock: StandingClock
) -> None:
    name(store, keep(blobs, b"one"), phase="Failed")
    clock.forward(KEEP - 1)
    collector.collect()
    assert sha(b"one") in left(blobs)
    clock.forward(1)
    collector.collect()
    assert left(blobs) == set()


def test_a_tree_that_is_not_there_yet_holds_up_nothing(
    store: MemoryStore, blobs: DiskBlobs, collector: Collector, clock: StandingClock
) -> None:
    keep(blobs, b"one")
    name(store, "f" * 64)
    clock.forward(KEEP)
    collector.collect()
    assert left(blobs) == set()


@pytest.mark.parametrize("content", [b"not a tree", b'{"version":9}'])
def test_where_it_is_unclear_what_is_needed_nothing_is_removed(
    store: MemoryStore,
    blobs: DiskBlobs,
    collector: Collector,
    clock: StandingClock,
    caplog: pytest.LogCaptureFixture,
    content: bytes,
) -> None:
    keep(blobs, b"one", content)
    name(store, sha(content))
    clock.forward(KEEP)
    before = left(blobs)
    collector.collect()
    assert left(blobs) == before
    assert "Nothing is removed" in caplog.text
    assert sha(content) in caplog.text


def test_artifacts_of_another_store_say_nothing_about_this_one(
    store: MemoryStore, blobs: DiskBlobs, collector: Collector, clock: StandingClock
) -> None:
    name(store, keep(blobs, b"one"), store="s3://bucket/a")
    clock.forward(KEEP)
    collector.collect()
    assert left(blobs) == set()


def test_a_blob_that_is_touched_between_looking_and_removing_stays(blobs: DiskBlobs, clock: StandingClock) -> None:
    keep(blobs, b"one")
    blobs.append(sha(b"part"), 0, b"pa", 4)
    listed = blobs.list()
    clock.forward(KEEP)
    assert blobs.missing({sha(b"one"): 3}) == {}
    blobs.append(sha(b"part"), 2, b"r", 4)
    blobs.delete(listed)
    assert left(blobs) == {sha(b"one"), sha(b"part")}
    assert blobs.append(sha(b"part"), 3, b"t", 4) == 4


class Late(DiskBlobs):
    """Something happens after the first batch was removed."""

    def then(self, happens: Callable[[], None]) -> None:
        self._happens: Callable[[], None] = happens

    def delete(self, blobs: Sequence[Blob]) -> int:
        freed = super().delete(blobs)
        happens, self._happens = self._happens, lambda: None
        happens()
        return freed


def test_what_is_named_while_others_are_being_removed_stays(
    store: MemoryStore, tmp_path: Path, clock: StandingClock
) -> None:
    """Somebody else's tree had come long ago, and an Artifact names it again at the last moment."""
    blobs = Late(ArtifactSettings(folder=str(tmp_path)), clock)
    for number in range(250):
        data = b"%d" % number
        blobs.append(sha(data), 0, data, len(data))
    clock.forward(1)
    tree = keep(blobs, b"one")
    blobs.then(lambda: name(store, tree))
    clock.forward(KEEP)
    Collector(store, blobs, clock, KEEP).collect()
    assert left(blobs) == {tree, sha(b"one")}


class Broken:
    """A place that cannot be reached."""

    def list(self) -> Iterable[Blob]:
        raise OSError("Network is unreachable")

    def read(self, sha256: str, limit: int) -> bytes | None:
        raise AssertionError(sha256)

    def delete(self, blobs: Sequence[Blob]) -> int:
        raise AssertionError(blobs)


def test_a_place_that_cannot_be_reached_is_told_and_tried_again_later(
    store: MemoryStore, clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    assert Collector(store, Broken(), clock, KEEP).collect() == 600
    assert "Network is unreachable; tried again later" in caplog.text


class Watched(DiskBlobs):
    """Tells when something was removed."""

    def __init__(self, settings: ArtifactSettings, clock: StandingClock) -> None:
        super().__init__(settings, clock)
        self.looked = threading.Semaphore(0)

    def delete(self, blobs: Sequence[Blob]) -> int:
        freed = super().delete(blobs)
        self.looked.release()
        return freed


def test_what_a_deleted_artifact_named_goes_soon_after_it(
    store: MemoryStore, tmp_path: Path, clock: StandingClock
) -> None:
    blobs = Watched(ArtifactSettings(folder=str(tmp_path)), clock)
    name(store, keep(blobs, b"one"))
    keep(blobs, b"stray")
    clock.forward(KEEP)
    collector = Collector(store, blobs, clock, KEEP)
    collector.start()
    try:
        # The first look, at the start.
        assert blobs.looked.acquire(timeout=30)
        assert sha(b"one") in left(blobs)
        store.delete(Key("Artifact", "default", "a"))
        assert blobs.looked.acquire(timeout=30)
        assert left(blobs) == set()
    finally:
        collector.stop()


def test_stopping_takes_no_time_and_may_come_before_the_start(store: MemoryStore, blobs: DiskBlobs) -> None:
    Collector(store, blobs, StandingClock(), KEEP).stop()
    collector = Collector(store, blobs, StandingClock(), KEEP)
    collector.start()
    collector.stop()
    collector.stop()
