"""What a node fetches: whole or not there, resumed, verified, told, and thrown away when nobody needs it."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sedna.api.artifacts import Tree, TreeFile
from sedna.common.digests import digest, digest_of_files
from sedna_lc.artifacts.blobs import Blob
from sedna_lc.artifacts.caching import ArtifactCache
from sedna_lc.artifacts.fetching import Needed
from sedna_lc.artifacts.rooms import RESERVE_BYTES
from sedna_lc.errors import Hindered, Never
from tests.lc.artifacts.nodes import KEY, Consumer, wait_until
from tests.lc.fakes.blobs import MemoryBlobs


def folder_in(blobs: MemoryBlobs, files: dict[str, bytes], kind: str = "folder") -> Tree:
    """Put a tree with these files into the store."""
    entries = [TreeFile(path, len(data), blobs.add(data).sha256) for path, data in files.items()]
    tree = Tree(kind, tuple(entries))  # type: ignore[arg-type]
    blobs.add(tree.dump())
    return tree


FILES = {"a.pb": b"weights" * 20, "variables/1": bytes(range(200)), "variables/2": b"", "again": b"weights" * 20}


def test_a_folder_arrives_whole_and_is_what_it_was(consumer: Consumer) -> None:
    tree = folder_in(consumer.blobs, FILES)
    path = consumer.bring(consumer.want(tree.digest))
    assert path == consumer.folder / "trees" / tree.digest / "model"
    assert digest(path) == digest_of_files((file.path, file.sha256) for file in tree.files)
    assert {str(one.relative_to(path)): one.read_bytes() for one in path.rglob("*") if one.is_file()} == FILES


def test_a_file_keeps_its_name(consumer: Consumer) -> None:
    tree = folder_in(consumer.blobs, {"model.keras": b"weights"}, "file")
    path = consumer.bring(consumer.want(tree.digest))
    assert (path.name, path.read_bytes()) == ("model.keras", b"weights")


def test_what_is_here_is_not_fetched_again(consumer: Consumer) -> None:
    first = folder_in(consumer.blobs, {"1": b"one" * 50, "2": b"two" * 50})
    consumer.bring(consumer.want(first.digest))
    before = consumer.blobs.fetched
    second = folder_in(consumer.blobs, {"2": b"two" * 50, "3": b"three" * 50})
    consumer.bring(consumer.want(second.digest))
    assert consumer.blobs.fetched - before == 250 + len(second.dump())
    consumer.restart()
    assert isinstance(consumer.ask(consumer.want(first.digest)), Path), "at once, without a question"


def test_workers_may_read_it_whatever_the_umask_is(consumer: Consumer) -> None:
    tree = folder_in(consumer.blobs, FILES)
    old = os.umask(0o077)
    try:
        path = consumer.bring(consumer.want(tree.digest))
    finally:
        os.umask(old)
    folders = [consumer.folder, consumer.folder / "trees", *path.parents[:1], path, path / "variables"]
    assert {oct(one.stat().st_mode & 0o777) for one in folders} == {"0o755"}
    assert {oct(one.stat().st_mode & 0o777) for one in path.rglob("*") if one.is_file()} == {"0o444"}


def test_it_says_how_far_it_is_and_wakes_who_waits(consumer: Consumer) -> None:
    tree = folder_in(consumer.blobs, {"model.pb": b"x" * 1000}, "file")
    consumer.blobs.set(held=True)
    needed = consumer.want(tree.digest, 1000)
    answer = consumer.ask(needed)
    assert isinstance(answer, Hindered)
    assert (answer.reason, answer.message) == ("FetchingModel", "0 B of 1.0 kB of model m have arrived.")
    consumer.blobs.set(held=False)
    wait_until(lambda: KEY in consumer.woken)
    assert consumer.bring(needed).read_bytes() == b"x" * 1000


def test_an_unreachable_store_is_asked_for_ever_and_said(consumer: Consumer) -> None:
    tree = folder_in(consumer.blobs, FILES)
    consumer.blobs.set(away=True)
    needed = consumer.want(tree.digest, 300)

    def said() -> bool:
        answer = consumer.ask(needed)
        return isinstance(answer, Hindered) and "does not answer" in answer.message

    wait_until(said)
    answer = consumer.ask(needed)
    assert isinstance(answer, Hindered)
    assert answer.reason == "FetchingModel", "it is still on its way"
    consumer.blobs.set(away=False)
    assert consumer.bring(needed)


def test_cuts_cost_no_byte_twice(consumer: Consumer) -> None:
    tree = folder_in(consumer.blobs, {"model.pb": bytes(range(256)) * 8}, "file")
    consumer.blobs.cuts = [10, 500, 0, 3, 700]
    path = consumer.bring(consumer.want(tree.digest))
    assert path.read_bytes() == bytes(range(256)) * 8
    assert consumer.blobs.fetched == 2048 + len(tree.dump())


def test_the_next_lc_goes_on_where_this_one_was(consumer: Consumer) -> None:
    tree = folder_in(consumer.blobs, {"model.pb": bytes(range(256)) * 8}, "file")
    consumer.blobs.cuts = [1000]
    needed = consumer.want(tree.digest)
    consumer.ask(needed)
    wait_until(lambda: not consumer.blobs.cuts)
    consumer.blobs.set(away=True)
    consumer.close()
    consumer.blobs.set(away=False)
    consumer.restart()
    assert consumer.bring(needed).read_bytes() == bytes(range(256)) * 8
    assert consumer.blobs.fetched == 2048 + len(tree.dump())


def test_wrong_bytes_are_fetched_anew_once(consumer: Consumer) -> None:
    tree = folder_in(consumer.blobs, {"model.pb": b"weights" * 9}, "file")
    consumer.blobs.lies_once = {tree.files[0].sha256}
    assert consumer.bring(consumer.want(tree.digest)).read_bytes() == b"weights" * 9


@pytest.mark.parametrize("which", ["content", "tree"])
def test_a_store_that_gives_wrong_bytes_twice_is_not_believed(consumer: Consumer, which: str) -> None:
    tree = folder_in(consumer.blobs, {"model.pb": b"weights" * 9}, "file")
    consumer.blobs.lies = {tree.files[0].sha256 if which == "content" else tree.digest}
    needed = consumer.want(tree.digest)
    with pytest.raises(Never) as problem:
        consumer.bring(needed)
    assert problem.value.reason == "WrongDigest"
    assert "copy of" in problem.value.message
    assert "is right, so it is the way here that spoils it" in problem.value.message
    assert consumer.blobs.asked_about == list(consumer.blobs.lies)
    assert not list((consumer.folder / "parts").iterdir()), "nothing of it is kept"
    consumer.blobs.set(lies=set())  # type: ignore[arg-type]
    assert consumer.bring(needed), "whoever asks once more gets another try"


def test_a_store_is_asked_to_look_at_what_came_wrong_twice_so_that_it_is_sent_again(consumer: Consumer) -> None:
    tree = folder_in(consumer.blobs, {"model.pb": b"weights" * 9}, "file")
    spoilt = tree.files[0].sha256
    consumer.blobs.lies, consumer.blobs.rotten = {spoilt}, {spoilt}
    needed = consumer.want(tree.digest)
    with pytest.raises(Never, match="was wrong; it is sent again"):
        consumer.bring(needed)
    assert spoilt not in consumer.blobs.whole
    consumer.blobs.add(b"weights" * 9)
    assert consumer.bring(needed).read_bytes() == b"weights" * 9


def test_what_comes_wrong_once_is_asked_about_by_nobody(consumer: Consumer) -> None:
    tree = folder_in(consumer.blobs, {"a.pb": b"weights" * 9, "b.pb": b"others" * 9}, "folder")
    consumer.blobs.lies_once = {file.sha256 for file in tree.files}
    assert consumer.bring(consumer.want(tree.digest))
    assert consumer.blobs.asked_about == []


def test_a_store_that_cannot_be_asked_is_said(consumer: Consumer) -> None:
    tree = folder_in(consumer.blobs, {"model.pb": b"weights" * 9}, "file")
    consumer.blobs.lies = {tree.files[0].sha256}

    def refuse(_: Blob) -> bool:
        raise Never("Refused", "Nobody asks here.")

    consumer.blobs.verify = refuse  # type: ignore[method-assign]
    with pytest.raises(Never, match=r"could not be asked about its copy of .*: Nobody asks here"):
        consumer.bring(consumer.want(tree.digest))


def test_a_document_that_is_no_tree_is_refused(consumer: Consumer) -> None:
    blob = consumer.blobs.add(b'{"version":1,"kind":"file","files":[{"path":"../../etc/passwd","size":1,"sha256":""}]}')
    with pytest.raises(Never) as problem:
        consumer.bring(consumer.want(blob.sha256))
    assert problem.value.reason == "WrongDigest"


def test_too_small_a_disk_is_said_with_numbers_and_nothing_is_left_on_it(consumer: Consumer) -> None:
    tree = folder_in(consumer.blobs, {"model.pb": b"x" * 4000}, "file")
    consumer.free = 1000
    needed = consumer.want(tree.digest, 4000)

    def said() -> bool:
        answer = consumer.ask(needed)
        return isinstance(answer, Hindered) and answer.reason == "NoSpace"

    wait_until(said)
    answer = consumer.ask(needed)
    assert isinstance(answer, Hindered)
    assert f"4.0 kB are needed in {consumer.folder}, and 1.0 kB are free" in answer.message
    assert not list((consumer.folder / "parts").iterdir())
    consumer.free = 10_000
    assert consumer.bring(needed)


def test_the_last_of_a_disk_is_not_for_contents_but_for_the_state(tmp_path: Path) -> None:
    room = ArtifactCache(tmp_path).free()
    # Others write at this moment, too.
    assert room <= max(0, shutil.disk_usage(tmp_path).free - RESERVE_BYTES // 2)


def test_a_disk_that_others_fill_meanwhile_is_not_filled_to_the_last_byte(consumer: Consumer) -> None:
    tree = folder_in(consumer.blobs, {"model.pb": b"x" * 4000}, "file")
    consumer.blobs.set(held=True)
    needed = consumer.want(tree.digest, 4000)
    consumer.ask(needed)
    wait_until(lambda: consumer.blobs.fetching)
    consumer.free = 0
    consumer.blobs.set(held=False)

    def said() -> bool:
        answer = consumer.ask(needed)
        return isinstance(answer, Hindered) and answer.reason == "NoSpace"

    wait_until(said)
    assert not list((consumer.folder / "blobs").iterdir()), "not even the document"
    consumer.free = 10_000
    assert consumer.bring(needed)


def test_a_store_that_has_no_end_is_not_believed(consumer: Consumer) -> None:
    tree = folder_in(consumer.blobs, {"model.pb": b"weights" * 9}, "file")
    consumer.blobs.whole[tree.files[0].sha256] *= 1000
    with pytest.raises(Never) as problem:
        consumer.bring(consumer.want(tree.digest))
    assert problem.value.reason == "WrongDigest"
    assert consumer.blobs.fetched <= len(tree.dump()) + 2 * 63
    assert not list((consumer.folder / "parts").iterdir())


def test_what_nobody_needs_is_thrown_away_and_nothing_else(consumer: Consumer) -> None:
    old = folder_in(consumer.blobs, {"shared": b"both", "old": b"old"})
    new = folder_in(consumer.blobs, {"shared": b"both", "new": b"new"})
    consumer.bring(consumer.want(old.digest))
    kept = consumer.bring(consumer.want(new.digest))
    consumer.wants.trees.discard(old.digest)
    consumer.fetcher.tidy()
    wait_until(lambda: [one.name for one in (consumer.folder / "trees").iterdir()] == [new.digest])
    wait_until(lambda: len(list((consumer.folder / "blobs").iterdir())) == 3)
    assert (kept / "shared").read_bytes() == b"both"


def test_a_fetch_that_nobody_wants_any_more_is_given_up_and_its_pieces_go(consumer: Consumer) -> None:
    tree = folder_in(consumer.blobs, {"model.pb": b"x" * 4000}, "file")
    consumer.blobs.cuts = [len(tree.dump()) + 700]
    needed = consumer.want(tree.digest)
    consumer.ask(needed)
    wait_until(lambda: not consumer.blobs.cuts)
    consumer.blobs.set(away=True)
    consumer.wants.trees.clear()
    consumer.fetcher.tidy()
    wait_until(lambda: not [*(consumer.folder / "parts").iterdir(), *(consumer.folder / "blobs").iterdir()])


def test_fetches_that_nobody_wants_any_more_do_not_keep_others_from_being_fetched(consumer: Consumer) -> None:
    """On a thin line the two that are under way would take hours."""
    old = [folder_in(consumer.blobs, {"model.pb": bytes([number]) * 4000}, "file") for number in range(2)]
    consumer.blobs.set(held=True)
    for tree in old:
        consumer.ask(consumer.want(tree.digest))
    wait_until(lambda: consumer.blobs.fetching == 2)
    consumer.wants.trees.clear()
    consumer.fetcher.tidy()
    new = folder_in(consumer.blobs, {"model.pb": b"new"}, "file")
    needed = consumer.want(new.digest)
    consumer.ask(needed)
    consumer.blobs.set(held=False)
    assert consumer.bring(needed).read_bytes() == b"new"
    assert consumer.blobs.fetched <= 3 + len(new.dump()) + 2 * consumer.blobs.piece


@pytest.mark.parametrize("with_document", [False, True], ids=["before its tree", "with its tree"])
def test_what_arrives_while_others_are_thrown_away_stays(tmp_path: Path, with_document: bool) -> None:
    cache, content, tree = ArtifactCache(tmp_path), b"new", Tree("file", (TreeFile("m", 3, _name(b"new")),))
    cache.prepare()

    def arrive(data: bytes) -> None:
        cache.part(_name(data)).write_bytes(data)
        cache.keep(_name(data))

    def needed() -> set[str]:
        arrive(content)
        if with_document:
            arrive(tree.dump())
        return {tree.digest}

    arrive(b"old")
    cache.prune(needed)
    assert (cache.has(_name(b"old")), cache.has(_name(content))) == (False, True)


def _name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_pieces_of_a_killed_lc_that_nobody_needs_go_at_the_next_start(consumer: Consumer) -> None:
    consumer.close()
    (consumer.folder / "parts" / f"{'0' * 64}.part").write_bytes(b"half")
    (consumer.folder / "trees" / ".sedna-1.tmp").mkdir()
    consumer.restart()
    wait_until(lambda: not [*(consumer.folder / "parts").iterdir(), *(consumer.folder / "trees").iterdir()])


@pytest.mark.parametrize("harm", ["written", "removed"])
def test_a_worker_that_damages_its_copy_harms_nobody_after_it(consumer: Consumer, harm: str) -> None:
    tree = folder_in(consumer.blobs, {"model.pb": b"weights", "other": b"other"})
    needed = consumer.want(tree.digest)
    path = consumer.bring(needed)
    if harm == "written":
        (path / "model.pb").chmod(0o644)
        (path / "model.pb").write_bytes(b"WEIGHTS")
    else:
        (path / "model.pb").unlink()
    again = consumer.bring(needed)
    assert (again / "model.pb").read_bytes() == b"weights"
    assert hashlib.sha256((again / "other").read_bytes()).hexdigest() == tree.files[1].sha256


class Killed(Exception):
    pass


contents = st.dictionaries(
    st.sampled_from(["a", "b/c", "b/d", "e/f/g"]), st.binary(max_size=60), min_size=1, max_size=4
)


@settings(max_examples=50, deadline=None)
@given(files=contents, kills=st.lists(st.integers(0, 200), max_size=5))
def test_killed_at_any_byte_no_name_is_given_to_a_part(files: dict[str, bytes], kills: list[int]) -> None:
    """Straight through the cache: each life of the LC ends after so many bytes, as by kill -9."""
    blobs = MemoryBlobs(piece=3)
    tree = folder_in(blobs, files)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "artifacts"
        for kill in [*kills, 10**9]:
            cache = ArtifactCache(folder)
            cache.prepare()
            try:
                _fetch(cache, blobs, tree, _killer(kill))
            except Killed:
                pass
            for path in (folder / "blobs").iterdir():
                assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
            for path in (folder / "trees").glob("*/*"):
                found = {str(one.relative_to(path)): one.read_bytes() for one in path.rglob("*") if one.is_file()}
                assert found == files
        assert (folder / "trees" / tree.digest / "m").is_dir()


def _killer(after: int) -> Callable[[int], None]:
    left = [after]

    def told(_: int) -> None:
        left[0] -= 3
        if left[0] < 0:
            raise Killed

    return told


def _fetch(cache: ArtifactCache, blobs: MemoryBlobs, tree: Tree, told: Callable[[int], None]) -> None:
    for sha256, size in {tree.digest: len(tree.dump()), **tree.blobs}.items():
        if not cache.has(sha256):
            blobs.fetch(Blob(sha256, size), cache.part(sha256), cache.arrived(sha256), told)
            told(0)
            cache.keep(sha256)
    told(0)
    assert cache.place(tree.digest, "m") is not None


def test_two_wait_for_one_fetch(consumer: Consumer) -> None:
    tree = folder_in(consumer.blobs, {"model.pb": b"x" * 100}, "file")
    consumer.blobs.set(held=True)
    needed = consumer.want(tree.digest)
    for name in ("one", "two"):
        with pytest.raises(Hindered):
            consumer.fetcher.bring(needed, ("default", name))
    consumer.blobs.set(held=False)
    wait_until(lambda: {("default", "one"), ("default", "two")} <= set(consumer.woken))
    consumer.bring(needed)
    assert consumer.blobs.fetched == 100 + len(tree.dump())


def test_a_name_for_a_folder_may_be_any_that_a_file_may_have(consumer: Consumer) -> None:
    tree = folder_in(consumer.blobs, {"a": b"a"})
    needed = consumer.want(tree.digest)
    for name in ("saved model", ".hidden", "ü"):
        path = consumer.bring(Needed(needed.reference, name, "m", "FetchingModel"))
        assert (path.name, (path / "a").read_bytes()) == (name, b"a")
