"""A label becomes a line of its dataset's list exactly once, and is not changed then."""

from __future__ import annotations

import base64
import hashlib
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from sedna_lc.settings import PathRule
from sedna_lc.state.memory import MemoryStore
from sedna_lc.state.records import Progress
from sedna_lc.users import WorkerUser
from tests.lc.labelling.nodes import DATASET, WORKER, Node, box, dataset, jpeg


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_a_label_is_a_line_in_the_originals_format_with_its_picture_beside_the_list(node: Node) -> None:
    kept = node.keep("000017")
    told = node.save("000017", [box(10, 20, 30.4, 39.6, 2), box(0, 0, 640, 480, 0)])
    assert told["created"] is True
    assert node.lines == [told["line"]] == ["images/000017.jpg 10,20,30,40,2 0,0,640,480,0"]
    assert (node.list.parent / "images" / "000017.jpg").read_bytes() == kept.read_bytes()
    label = told["label"]
    assert label["boxes"] == [{"box": [10, 20, 30, 40], "class": 2}, {"box": [0, 0, 640, 480], "class": 0}]
    assert (label["by"], label["time"], bool(label["version"])) == ("ada", "2026-11-22T14:00:00.000Z", True)
    assert node.ask("labels", namespace="default", dataset=DATASET) == {"labels": {"000017": label}, "seen": 1}


def renew(node: Node, name: str, seconds: int = 60) -> Path:
    """The camera uses a name again, later."""
    kept = node.keep(name, picture=jpeg(more=b"another one"))
    os.utime(kept, (kept.stat().st_mtime + seconds,) * 2)
    return kept


def test_a_name_that_the_camera_uses_again_is_another_example(node: Node) -> None:
    node.keep("a")
    first = node.save("a", [box()])
    kept = renew(node, "a")
    (item,) = node.page()["items"]
    assert first["label"]["pictureTime"] not in (None, item["time"])
    second = node.save("a", [box(11)])
    assert second["created"] is True
    assert second["label"]["pictureTime"] == item["time"]
    assert node.lines == [first["line"], second["line"]]
    assert (node.list.parent / second["line"].split()[0]).read_bytes() == kept.read_bytes()
    assert (node.list.parent / first["line"].split()[0]).read_bytes() != kept.read_bytes()
    assert node.save("a", [box(11)]) == second | {"created": False}
    assert len(node.lines) == 2


def test_a_label_for_a_picture_that_was_replaced_meanwhile_is_refused(node: Node) -> None:
    node.keep("a")
    (item,) = node.page()["items"]
    renew(node, "a")
    error = node.save("a", [box()], pictureTime=item["time"])["error"]
    assert (error["code"], error["reason"]) == (409, "PictureChanged")
    assert node.lines == []
    assert node.save("a", [box()], pictureTime=node.page()["items"][0]["time"])["created"] is True


def test_the_same_label_of_a_picture_that_was_replaced_is_still_the_same_answer(node: Node) -> None:
    node.keep("a")
    (item,) = node.page()["items"]
    first = node.save("a", [box()], pictureTime=item["time"])
    renew(node, "a")
    assert node.save("a", [box()], pictureTime=item["time"]) == first | {"created": False}


def read_up_to(node: Node, lines: int, samples: int, **more: Any) -> None:
    """The watcher has read so many lines of the list."""
    text = b"".join(node.list.read_bytes().splitlines(keepends=True)[:lines])
    known = {"log_size": 10, "matched": 10, "inode": node.list.stat().st_ino, "offset": len(text)}
    node.store.put_progress(Progress(uid="d1", source="txt", lines=lines, samples=samples, **{**known, **more}))


def test_the_answer_counts_the_sample_it_added_and_not_twice_when_the_watcher_has_read_it(node: Node) -> None:
    node.list.write_text("images/x.jpg\n\nimages/y.jpg\n")
    read_up_to(node, 3, samples=102)
    node.keep("a")
    assert node.save("a")["seen"] == 103
    read_up_to(node, 4, samples=103)
    assert node.save("a")["seen"] == 103
    assert node.ask("labels", namespace="default", dataset=DATASET)["seen"] == 103


@pytest.mark.parametrize(
    "more", [{"counted": True}, {"matched": 4}, {"inode": 1}, {"offset": 10_000}], ids=lambda one: str(*one)
)
def test_where_only_the_watcher_can_count_nobody_guesses(node: Node, more: dict[str, Any]) -> None:
    node.list.write_text("images/x.jpg\n")
    read_up_to(node, 1, samples=5, **more)
    node.keep("a")
    assert node.save("a")["seen"] is None


def test_a_picture_with_nothing_in_it_is_a_label_too(node: Node) -> None:
    node.keep("a")
    assert node.save("a")["line"] == "images/a.jpg"
    assert node.lines == ["images/a.jpg"]


def test_an_edge_that_a_tool_rounded_to_just_outside_is_the_picture_s_own(node: Node) -> None:
    node.keep("a")
    first = node.save("a", [box(-1, -2, 641.4, 482)])
    assert first["line"] == "images/a.jpg 0,0,640,480,1"
    assert node.save("a", [box(-1, -2, 641.4, 482)]) == first | {"created": False}
    assert node.save("a", [box(0, 0, 640, 480)]) == first | {"created": False}


def test_a_last_line_that_somebody_left_open_is_closed_first(node: Node) -> None:
    node.keep("a")
    node.list.write_text("images/old.jpg 1,2,3,4,0")
    node.save("a", [box()])
    assert node.list.read_text() == "images/old.jpg 1,2,3,4,0\nimages/a.jpg 10,20,30,40,1\n"


@pytest.mark.parametrize("seen", [False, True])
def test_who_saves_again_gets_the_same_answer_and_no_second_line(node: Node, seen: bool) -> None:
    kept = node.keep("a")
    first = node.save("a", [box()])
    # The worker keeps only so many.
    kept.unlink()
    again = node.save("a", [box()], first["label"]["version"] if seen else None)
    assert again == first | {"created": False}
    assert len(node.lines) == 1


@pytest.mark.parametrize(("boxes", "version"), [([box(11)], None), ([box()], "another"), ([], None)])
def test_another_label_is_refused_with_the_one_that_is_there(node: Node, boxes: Any, version: str | None) -> None:
    node.keep("a")
    first = node.save("a", [box()])
    error = node.save("a", boxes, version, by="bob")["error"]
    assert (error["code"], error["reason"], error["label"]) == (409, "AlreadyLabelled", first["label"])
    assert "ada" in error["message"]
    assert len(node.lines) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "boxes",
        [1],
        [{"box": [1, 2, 3, 4]}],
        [box(class_=-1)],
        [{"box": [1, 2, 3, 4], "class": True}],
        [{"box": [1, 2, 3, 4], "class": 1.5}],
        [box(30, 20, 10, 40)],
        [box(10, 20, 10.3, 40)],
        [box(-30, x1=-3)],
        [box(650, x1=700)],
        [box(x1=float("inf"))],
        [box(x1=float("nan"))],
        [box(x1=10**400)],
        [{"box": "1234", "class": 1}],
        [{"box": [1, 2, 3], "class": 1}],
        [{"box": [1, 2, True, 4], "class": 1}],
        [box()] * 1001,
    ],
    ids=lambda one: str(one)[:40],
)
def test_boxes_without_sense_are_refused_and_nothing_is_written(node: Node, wrong: Any) -> None:
    node.keep("a")
    error = node.save("a", wrong)["error"]
    assert (error["code"], error["reason"]) == (422, "BadBoxes")
    assert node.lines == []
    assert not (node.list.parent / "images").exists()
    assert node.store.open_labels() == []


def test_a_picture_may_come_from_another_node(node: Node) -> None:
    data = jpeg(more=b"far away")
    sent = {"name": "b.jpg", "sha256": hashlib.sha256(data).hexdigest(), "data": base64.b64encode(data).decode()}
    assert node.save("b", [box()], picture=sent)["created"] is True
    assert (node.list.parent / "images" / "b.jpg").read_bytes() == data
    for wrong in ({"sha256": "0"}, {"data": "%"}, {"name": "../b.jpg"}, {"name": "c.jpg"}, {"name": "b.txt"}):
        error = node.save("b2" if "name" not in wrong else "b3", [], picture=sent | {"name": "b2.jpg"} | wrong)["error"]
        assert (error["code"], error["reason"]) == (422, "BadPicture")
    assert len(node.lines) == 1


def test_another_picture_of_the_same_name_beside_the_list_is_left_alone(node: Node) -> None:
    images = node.list.parent / "images"
    images.mkdir()
    (images / "a.jpg").write_bytes(b"another")
    node.keep("a")
    line = node.save("a")["line"]
    assert line.startswith("images/a-")
    assert (images / "a.jpg").read_bytes() == b"another"
    assert (node.list.parent / line).read_bytes() == (node.examples / "a.jpg").read_bytes()


def test_what_somebody_else_added_is_not_added_again_nor_after_the_state_was_lost(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.keep("a")
    first = node.save("a", [box()])
    fresh = Node(tmp_path, MemoryStore())
    assert fresh.save("a", [box()])["created"] is False
    error = fresh.save("a", [box(11)])["error"]
    assert (error["code"], error["label"]["boxes"]) == (409, first["label"]["boxes"])
    assert len(node.lines) == 1


def test_a_dataset_of_another_node_is_not_found(node: Node) -> None:
    node.keep("a")
    assert node.save("a", dataset="other")["error"]["code"] == 404
    assert node.ask("labels", namespace="default", dataset="other")["error"]["code"] == 404


def test_a_list_that_is_not_there_is_said_so(node: Node) -> None:
    node.keep("a")
    node.list.unlink()
    error = node.save("a")["error"]
    assert (error["code"], error["reason"]) == (404, "ListNotFound")
    assert str(node.list) in error["message"]


def test_a_table_is_refused_with_the_reason(node: Node) -> None:
    node.keep("a")
    node.store.put_wanted("datasets", dataset(node.list, "csv"))
    error = node.save("a")["error"]
    assert (error["code"], error["reason"]) == (422, "NotATxtList")


@pytest.mark.parametrize("name", ["../data/secret", ".hidden", "a/b", "nobody", "", "link", "pipe"])
def test_only_what_the_folder_lists_can_be_labelled_or_seen(node: Node, name: str) -> None:
    (node.folder / "data" / "secret.jpg").write_bytes(jpeg())
    (node.examples / "link.jpg").symlink_to(node.folder / "data" / "secret.jpg")
    os.mkfifo(node.examples / "pipe.jpg")
    assert node.save(name)["error"]["code"] == 404
    assert node.ask("picture", namespace="default", worker=WORKER, example=name)["error"]["code"] == 404
    assert node.page()["items"] == []
    assert node.lines == []


def test_a_folder_that_hostpaths_opens_for_reading_only_is_not_written_to(tmp_path: Path) -> None:
    everywhere = PathRule("all", "/")
    node = Node(tmp_path, rules=(everywhere, PathRule("data", str(tmp_path / "data"), read_only=True)))
    node.keep("a")
    error = node.save("a")["error"]
    assert (error["code"], error["reason"]) == (403, "NotAllowed")
    assert node.lines == []


def test_examples_outside_of_hostpaths_are_not_shown(tmp_path: Path) -> None:
    node = Node(tmp_path, rules=(PathRule("data", str(tmp_path / "data")),))
    node.keep("a")
    assert node.page()["error"]["code"] == 403


def test_a_link_that_takes_the_place_of_the_pictures_folder_leads_nowhere_that_is_closed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    rules = (PathRule("data", str(tmp_path / "data")), PathRule("he", str(tmp_path / "he")))
    node = Node(tmp_path, rules=rules)
    node.keep("a")
    (node.list.parent / "images").symlink_to(closed)
    assert node.save("a")["error"]["code"] == 403
    assert list(closed.iterdir()) == []


def test_where_the_list_is_a_link_pictures_lie_where_its_lines_count_from(node: Node) -> None:
    real = node.folder / "elsewhere.txt"
    node.list.rename(real)
    node.list.symlink_to(real)
    node.keep("a")
    node.save("a")
    assert real.read_text() == "images/a.jpg\n"
    assert (node.list.parent / "images" / "a.jpg").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
def test_what_is_made_belongs_to_whom_the_list_belongs_to(node: Node) -> None:
    os.chown(node.list, 1234, 1235)
    node.keep("a")
    node.save("a")
    for path in (node.list.parent / "images", node.list.parent / "images" / "a.jpg", node.list):
        found = path.stat()
        assert (found.st_uid, found.st_gid) == (1234, 1235)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root reads what others may not")
def test_what_workers_may_not_read_this_program_neither_shows_nor_adds_to(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder == Path("/tmp"):
            break
        folder.chmod(0o755)
    user = WorkerUser("worker", 4321, 4321, frozenset([4321]))
    node = Node(tmp_path, user=user)
    picture = node.keep("a")
    node.list.chmod(0o600)
    error = node.save("a")["error"]
    assert (error["code"], error["reason"]) == (403, "NotAllowed")
    node.list.chmod(0o644)
    picture.chmod(0o600)
    assert node.save("a")["error"]["code"] == 403
    assert node.ask("picture", namespace="default", worker=WORKER, example="a")["error"]["code"] == 403
    node.examples.chmod(0o700)
    assert node.page()["error"]["code"] == 403
    assert node.lines == []
    node.examples.chmod(0o755)
    picture.chmod(0o644)
    assert node.save("a")["created"] is True


def test_of_many_who_save_at_once_one_has_labelled_it_and_all_others_are_told_so(node: Node) -> None:
    node.keep("a")
    begin, answers = threading.Barrier(8), []

    def save(number: int) -> None:
        begin.wait()
        answers.append(node.save("a", [box(class_=number)], by=f"p{number}"))

    threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (won,) = [answer for answer in answers if "error" not in answer]
    assert node.lines == [won["line"]]
    lost = [answer["error"] for answer in answers if "error" in answer]
    assert [(error["code"], error["label"]) for error in lost] == [(409, won["label"])] * 7


def test_where_the_picture_cannot_be_put_there_is_no_line_either(node: Node) -> None:
    node.keep("a")
    (node.list.parent / "images").write_text("no folder")
    error = node.save("a")["error"]
    assert (error["code"], error["reason"]) == (503, "CannotSave")
    assert node.store.open_labels() == []
    (node.list.parent / "images").unlink()
    assert node.save("a")["created"] is True
    assert node.lines == ["images/a.jpg"]
