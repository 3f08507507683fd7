"""What a node sends, what it says of it, and what becomes of it when files, stores or the LC itself go away."""

from __future__ import annotations

import hashlib
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from sedna.api.artifacts import Tree, TreeFile
from sedna.common.digests import digest
from sedna_lc.artifacts.packing import write_tree
from sedna_lc.errors import Never
from sedna_lc.settings import PathRule
from sedna_lc.state.records import Letter
from tests.lc.artifacts.nodes import KEY, Source, wait_until


def model_of(path: Path, **fields: object) -> dict[str, object]:
    return {"model": {"name": "m", "url": str(path), "format": "pb", "round": 1, **fields}}


def tree_in(source: Source, tree: str | None) -> Tree:
    return Tree.parse(source.blobs.whole[str(tree)])


def test_a_model_file_is_sent_and_named_by_its_own_digest(source: Source) -> None:
    path = source.picture("model.pb", b"weights" * 10)
    source.store.put_wanted("artifacts", source.resource(**model_of(path, sha256=digest(path))))
    source.keeper()
    status = source.wait_for("Ready")
    assert (status.sha256, status.files, status.size_bytes, status.sent_bytes) == (digest(path), 1, 70, 70)
    tree = tree_in(source, status.tree)
    assert (tree.kind, [file.path for file in tree.files]) == ("file", ["model.pb"])
    assert source.blobs.whole[tree.files[0].sha256] == path.read_bytes()
    assert status.observed_generation == 1
    assert status.update_time


def test_a_model_folder_is_sent_file_by_file(source: Source) -> None:
    for name in ("saved/a.pb", "saved/variables/1", "saved/variables/2"):
        source.picture(name, name.encode())
    folder = source.data / "saved"
    source.store.put_wanted("artifacts", source.resource(**model_of(folder)))
    source.keeper()
    status = source.wait_for("Ready")
    assert status.sha256 == digest(folder)
    assert [file.path for file in tree_in(source, status.tree).files] == ["a.pb", "variables/1", "variables/2"]


def test_a_model_that_is_not_there_yet_is_waited_for(source: Source) -> None:
    path = source.data / "later.pb"
    source.store.put_wanted("artifacts", source.resource(**model_of(path)))
    source.keeper()
    status = source.wait_for("Pending")
    assert status.reason == "ModelNotFound"
    assert str(path) in str(status.message)
    path.write_bytes(b"now")
    assert source.wait_for("Ready").reason is None


def test_a_model_that_is_not_what_was_promised_fails(source: Source) -> None:
    path = source.picture("model.pb", b"another one")
    source.store.put_wanted("artifacts", source.resource(**model_of(path, sha256="0" * 64)))
    source.keeper()
    status = source.wait_for("Failed")
    assert status.reason == "ModelChanged"
    assert digest(path) in str(status.message)


def test_a_model_that_its_owner_deleted_is_sent_from_where_it_is_served(source: Source) -> None:
    sha256 = hashlib.sha256(b"served").hexdigest()
    version = source.places.versions_folder("default", "j") / sha256[:12] / "model.pb"
    version.parent.mkdir(parents=True)
    version.write_bytes(b"served")
    source.store.put_wanted("artifacts", source.resource(**model_of(source.data / "gone.pb", sha256=sha256)))
    source.keeper()
    assert source.wait_for("Ready").sha256 == sha256


@pytest.mark.parametrize("make", ["pipe", "loop"])
def test_what_has_no_end_is_refused(source: Source, make: str) -> None:
    folder = source.data / "saved"
    folder.mkdir()
    os.mkfifo(folder / "pipe") if make == "pipe" else (folder / "loop").symlink_to(folder)
    source.store.put_wanted("artifacts", source.resource(**model_of(folder)))
    source.keeper()
    status = source.wait_for("Failed")
    assert status.reason == "ModelUnusable"
    assert str(folder / make) in str(status.message)


def test_samples_bring_the_files_that_they_name_each_once(source: Source) -> None:
    for number in range(4):
        source.picture(f"p/{number}.jpg", b"same" if number < 2 else bytes([number]))
    source.show("".join(f"p/{number}.jpg {number}\n" for number in (0, 1, 2, 3, 2)))
    source.store.put_wanted("artifacts", source.resource(samples=source.samples(0, 5)))
    source.keeper()
    status = source.wait_for("Ready")
    assert status.sample_count == 5
    tree = tree_in(source, status.tree)
    inside = f"files{source.data}/p/"
    assert [file.path for file in tree.files] == [*(f"{inside}{number}.jpg" for number in range(4)), "samples.jsonl"]
    assert len(tree.blobs) == 4, "equal files are one content"
    assert status.size_bytes == sum(tree.blobs.values())


def test_a_packing_list_that_nobody_would_take_is_refused_where_it_is_made(tmp_path: Path) -> None:
    tree = Tree("folder", (TreeFile("a", 1, "0" * 64), TreeFile("b", 1, "0" * 64)))
    with pytest.raises(Never, match="list of 2 files") as problem:
        write_tree(tree, tmp_path, 100)
    assert problem.value.reason == "TooManyFiles"
    assert not list(tmp_path.iterdir())


def test_what_the_store_has_is_not_sent_again(source: Source) -> None:
    for number in range(6):
        source.picture(f"{number}.jpg", bytes([number]) * 100)
    source.show("".join(f"{number}.jpg 0\n" for number in range(6)))
    source.store.put_wanted("artifacts", source.resource("a", samples=source.samples(0, 4)))
    keeper = source.keeper()
    source.wait_for("Ready", "a")
    before = source.blobs.sent
    keeper.changed(source.resource("b", samples=source.samples(2, 6)))
    source.wait_for("Ready", "b")
    lists = source.blobs.sent - before - 100 * 2
    assert 0 < lists < 2000, "two pictures are new; a list and a tree"


def test_a_sample_whose_file_is_missing_fails_with_line_and_file(source: Source) -> None:
    source.picture("1.jpg", b"1")
    source.show("0.jpg 0\n1.jpg 0\n2.jpg 0\n")
    (source.data / "2.jpg").mkdir()
    source.store.put_wanted("artifacts", source.resource(samples=source.samples(0, 3)))
    source.keeper()
    status = source.wait_for("Failed")
    assert status.reason == "SamplesUnreadable"
    assert f"sample 0 names {source.data}/0.jpg, which is not there" in str(status.message)
    assert f"sample 2 names {source.data}/2.jpg, which is a folder" in str(status.message)


def test_a_sample_that_the_disk_has_spoilt_fails_and_is_said_and_is_not_tried_for_ever(source: Source) -> None:
    source.picture("1.jpg", b"1")
    source.show("1.jpg 0\n1.jpg 1\n")
    with (source.places.state_dir / "datasets" / "du" / "samples.log").open("r+b") as log:
        log.write(b"\xce\xff")
    source.store.put_wanted("artifacts", source.resource(samples=source.samples(0, 2)))
    source.keeper()
    status = source.wait_for("Failed")
    assert status.reason == "SamplesUnreadable"
    assert "sample 0 is not text any more" in str(status.message)


def test_a_hundred_missing_files_are_counted_and_the_first_few_named(source: Source) -> None:
    source.show("".join(f"{number}.jpg 0\n" for number in range(100)))
    source.store.put_wanted("artifacts", source.resource(samples=source.samples(0, 100)))
    source.keeper()
    message = str(source.wait_for("Failed").message)
    assert message.count("is not there") == 5
    assert "and 95 more" in message


def test_a_csv_row_without_its_file_fails_where_other_rows_have_theirs(source: Source) -> None:
    source.picture("1.jpg", b"1")
    source.show("image,label\n1.jpg,a.b\n2.jpg,1\n", "csv")
    source.store.put_wanted("artifacts", source.resource(samples=source.samples(0, 2)))
    source.keeper()
    status = source.wait_for("Failed")
    assert f"sample 1 names {source.data}/2.jpg, which is not there" in str(status.message)


def test_a_line_of_a_dataset_sends_no_file_that_no_rule_opens(source: Source) -> None:
    secret = source.folder / "secret"
    secret.write_bytes(b"hunter2")
    (source.data / "link.jpg").symlink_to(secret)
    source.picture("1.jpg", b"one")
    source.places = replace(source.places, host_paths=(PathRule("data", str(source.data)),))
    source.show(f"1.jpg\n{secret}\nlink.jpg\n")
    source.store.put_wanted("artifacts", source.resource(samples=source.samples(0, 3)))
    source.keeper()
    status = source.wait_for("Failed")
    assert status.reason == "SamplesUnreadable"
    assert "sample 1 names" in str(status.message)
    assert "sample 2 names" in str(status.message)
    assert "hostPaths" in str(status.message)
    assert b"hunter2" not in source.blobs.whole.values()


def test_a_model_that_no_rule_opens_is_not_sent(source: Source) -> None:
    secret = source.folder / "secret"
    secret.write_bytes(b"hunter2")
    (source.data / "model").mkdir()
    (source.data / "model" / "link").symlink_to(secret)
    source.places = replace(source.places, host_paths=(PathRule("data", str(source.data)),))
    source.store.put_wanted("artifacts", source.resource("a", **model_of(secret)))
    source.store.put_wanted("artifacts", source.resource("b", **model_of(source.data / "model")))
    source.keeper()
    for name, reason in (("a", "PathNotAllowed"), ("b", "ModelUnreadable")):
        status = source.wait_for("Pending", name)
        assert status.reason == reason
        assert "hostPaths" in str(status.message)
    assert source.blobs.whole == {}


def test_samples_that_were_not_seen_yet_are_waited_for(source: Source) -> None:
    source.picture("0.jpg", b"0")
    source.picture("1.jpg", b"1")
    source.show("0.jpg 0\n")
    source.store.put_wanted("artifacts", source.resource(samples=source.samples(0, 2)))
    source.keeper()
    assert source.wait_for("Pending").reason == "SamplesNotSeen"
    source.show("0.jpg 0\n1.jpg 0\n")
    assert source.wait_for("Ready").sample_count == 2


def test_a_cut_costs_no_byte_twice(source: Source) -> None:
    path = source.picture("model.pb", bytes(range(256)) * 4)
    source.blobs.cuts = [100, 300, 7, 0, 200]
    source.store.put_wanted("artifacts", source.resource(**model_of(path)))
    source.keeper()
    status = source.wait_for("Ready")
    document = len(source.blobs.whole[str(status.tree)])
    assert source.blobs.sent == 1024 + document
    told = [one for one in source.letters if one["phase"] == "Sending" and one["reason"]]
    assert told, "the cut was told"
    assert told[0]["reason"] == "GlobalManagerUnavailable"


def test_a_store_that_answers_but_takes_nothing_does_not_look_like_one_that_comes_on(source: Source) -> None:
    """The GM gives an artifact up whose update time stands still; each try that renews it would last for ever."""
    path = source.picture("model.pb", bytes(range(256)) * 4)
    source.blobs.cuts = [0] * 15
    source.store.put_wanted("artifacts", source.resource(**model_of(path)))
    source.keeper()
    source.wait_for("Ready")
    still = [one for one in source.letters if one["phase"] != "Ready" and not one["sentBytes"]]
    assert [(one["phase"], one["reason"]) for one in still] == [
        ("Sending", None),
        ("Pending", "GlobalManagerUnavailable"),
    ]
    assert len({one["updateTime"] for one in still}) == 1
    assert {one["updateTime"] for one in source.letters} > {one["updateTime"] for one in still}


def test_bytes_that_a_store_forgets_with_every_cut_are_no_step_forward(source: Source) -> None:
    """As S3 does: nothing is there before all is."""
    path = source.picture("model.pb", bytes(range(256)) * 4)
    source.blobs.forgets = True
    source.blobs.cuts = [600, 300, 200, 100]
    source.store.put_wanted("artifacts", source.resource(**model_of(path)))
    source.keeper()
    source.wait_for("Ready")
    after = [one for one in source.letters if one["sentBytes"] and one["reason"]]
    assert {one["sentBytes"] for one in after} > {max(one["sentBytes"] for one in after)}, "less came each time"
    assert len({one["updateTime"] for one in after}) == 1


def test_a_cut_of_hours_leaves_a_tree_that_names_what_was_sent(source: Source) -> None:
    """Or the GM's collector takes every blob sent so far for waste."""
    for name in ("saved/a", "saved/b", "saved/c"):
        source.picture(name, name.encode() * 50)
    source.store.put_wanted("artifacts", source.resource(**model_of(source.data / "saved")))
    source.blobs.cuts = [600, *([0] * 10**5)]
    source.keeper()
    wait_until(lambda: source.told().reason)
    status = source.told()
    assert (status.phase, status.reason) == ("Sending", "GlobalManagerUnavailable")
    assert source.blobs.begun, "something is on its way"
    assert source.blobs.begun.keys() | source.blobs.whole.keys() <= {
        *tree_in(source, status.tree).blobs,
        str(status.tree),
    }
    assert 0 < (status.sent_bytes or 0) < (status.size_bytes or 0), "the document is not counted"


def test_a_full_store_is_said_and_waited_for(source: Source) -> None:
    path = source.picture("model.pb", b"weights")
    source.blobs.full = True
    source.store.put_wanted("artifacts", source.resource(**model_of(path)))
    source.keeper()
    assert source.wait_for("Pending").reason == "StoreFull"
    source.blobs.set(full=False)
    source.wait_for("Ready")


def test_the_next_lc_goes_on_where_this_one_was(source: Source) -> None:
    path = source.picture("model.pb", bytes(range(256)) * 40)
    source.store.put_wanted("artifacts", source.resource(**model_of(path)))
    source.blobs.cuts = [5000]
    first = source.keeper()
    wait_until(lambda: not source.blobs.cuts)
    source.blobs.set(away=True)
    first.close()
    sent = source.blobs.sent
    assert 0 < sent < 10240
    source.blobs.set(away=False)
    source.keeper()
    status = source.wait_for("Ready")
    assert source.blobs.sent == 10240 + len(source.blobs.whole[str(status.tree)])


def test_a_final_word_that_was_not_heard_yet_stays_final(source: Source) -> None:
    path = source.picture("model.pb", b"another one")
    source.store.put_wanted("artifacts", source.resource(**model_of(path, sha256="0" * 64)))
    source.keeper()
    source.wait_for("Failed")
    source.close()
    # The file is what was promised now; but Failed was said, though the GM has not heard it.
    resource = source.resource(**model_of(path, sha256=digest(path)))
    source.store.put_wanted("artifacts", resource)
    next_one = source.keeper()
    next_one.changed(resource)
    next_one.close()
    assert source.told().phase == "Failed"


@pytest.mark.parametrize("how", ["changed", "listed"])
def test_a_final_word_is_said_again_where_an_older_one_came_late(source: Source, how: str) -> None:
    resource = source.resource(**model_of(source.picture("model.pb", b"weights")))
    keeper = source.keeper()
    keeper.changed(resource)
    ready = source.wait_for("Ready").model_dump(mode="json", by_alias=True, exclude_none=True)

    def heard(status: dict[str, object]) -> None:
        for letter in source.store.letters():
            source.store.settle(letter)
        said = {**resource, "status": status}
        keeper.changed(said) if how == "changed" else keeper.listed([said])

    heard({**ready, "phase": "Sending", "sentBytes": 1})
    assert source.told().phase == "Ready"
    heard(ready)
    assert source.store.letters() == []


def test_an_artifact_that_nobody_wants_any_more_is_given_up(source: Source) -> None:
    source.blobs.set(away=True)
    path = source.picture("model.pb", b"weights")
    resource = source.resource(**model_of(path))
    source.store.put_wanted("artifacts", resource)
    keeper = source.keeper()
    source.wait_for("Pending")
    keeper.gone(resource)
    source.blobs.set(away=False)
    keeper.changed(source.resource("b", **model_of(path)))
    source.wait_for("Ready", "b")
    assert source.store.wanted("artifacts").keys() == {("default", "b")}
    outgoing = source.places.artifacts_folder / "outgoing"
    wait_until(lambda: not list(outgoing.iterdir()))


def test_one_that_goes_while_it_is_packed_leaves_no_word_and_no_folder(source: Source) -> None:
    packing, gone = threading.Event(), threading.Event()

    def hold() -> None:
        packing.set()
        assert gone.wait(30)

    source.packing = hold
    source.blobs.set(away=True)
    # An empty one is packed without a look at whether it is still wanted.
    model = model_of(source.picture("model.pb", b""))
    first, second = source.resource(**model), source.resource(**model)
    second["metadata"]["uid"] = "uid-second"
    source.store.put_wanted("artifacts", first)
    keeper = source.keeper()
    assert packing.wait(30)
    keeper.gone(first)
    # One of the same name comes when the work for the first has ended.
    keeper.changed(second)
    source.blobs.set(away=False)
    gone.set()
    source.wait_for("Ready")
    assert {letter.key for letter in source.store.letters()} == {"uid-second"}
    assert not (source.places.artifacts_folder / "outgoing" / "uid-a").exists()


def test_one_that_goes_while_it_is_sent_is_not_spoken_of_again(source: Source) -> None:
    first = source.resource(**model_of(source.picture("model.pb", bytes(1000))))
    second = source.resource(**model_of(source.picture("other.pb", b"other")))
    second["metadata"]["uid"] = "uid-second"

    def letters() -> list[Letter]:
        return [letter for letter in source.store.letters() if letter.key == "uid-a"]

    before: list[Letter] = []

    def go() -> None:
        source.blobs.sending = lambda: None
        before.extend(letters())
        keeper.gone(first)
        # One of the same name comes when the work for the first has ended.
        keeper.changed(second)

    keeper = source.keeper()
    source.blobs.sending = go
    keeper.changed(first)
    wait_until(lambda: "uid-second" in {letter.key for letter in source.store.letters()})
    source.wait_for("Ready")
    assert letters() == before


def test_an_echo_of_what_was_told_is_no_reason_to_try_again(source: Source) -> None:
    resource = source.resource(**model_of(source.data / "never.pb"))
    keeper = source.keeper()
    keeper.changed(resource)
    source.wait_for("Pending")
    keeper.close()
    told = source.told().model_dump(mode="json", by_alias=True, exclude_none=True)
    keeper.changed({**resource, "status": told})
    assert source.store.wanted("artifacts")[KEY]["status"]["phase"] == "Pending"


def test_one_that_cannot_be_read_makes_the_node_deaf_to_no_other(source: Source) -> None:
    strange = source.resource("strange", **model_of(source.data / "x"))
    strange["spec"]["nodeName"] = 7
    keeper = source.keeper()
    keeper.listed([strange, source.resource("b", **model_of(source.picture("b.pb", b"b")))])
    source.wait_for("Ready", "b")
