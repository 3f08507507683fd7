"""What is listed, in which order, a page at a time."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_lc.labelling.ranking import by_value, diverse, entropy, value
from sedna_lc.labelling.side_files import boxes_of
from sedna_lc.labelling.values import Example, Found, SeenBox
from tests.lc.labelling.nodes import WORKER, Node, png, worker


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def all_pages(node: Node, sort: str, limit: int) -> list[str]:
    names: list[str] = []
    after = None
    while True:
        page = node.page(sort=sort, limit=limit, after=after)
        assert len(page["items"]) <= limit
        names += [one["name"] for one in page["items"]]
        after = page["continue"]
        if after is None:
            return names


def test_an_example_tells_what_the_model_saw_in_it(node: Node) -> None:
    path = node.keep(
        "000017_frame000003", [[1, 2, 30.5, 40, 0.5, 2.0], {"box": [5, 6, 7, 8], "class": 1}, [1, 2, 3, 4]]
    )
    os.utime(path, (1_700_000_000, 1_700_000_000))
    (item,) = node.page()["items"]
    assert item == {
        "name": "000017_frame000003", "picture": "000017_frame000003.jpg", "time": "2023-11-14T22:13:20Z",
        "bytes": path.stat().st_size, "width": 640, "height": 480, "value": 1.0,
        "boxes": [
            {"box": [1.0, 2.0, 30.5, 40.0], "score": 0.5, "class": 2},
            {"box": [5.0, 6.0, 7.0, 8.0], "score": None, "class": 1},
            {"box": [1.0, 2.0, 3.0, 4.0], "score": None, "class": None},
        ],
    }  # fmt: skip


def test_a_folder_that_is_not_there_yet_has_no_examples(node: Node) -> None:
    node.examples.rmdir()
    assert node.page() == {"items": [], "total": 0, "continue": None}


def test_a_worker_that_is_not_here_or_saves_none_is_said_so(node: Node) -> None:
    assert node.page(worker="other")["error"]["code"] == 404
    node.store.put_wanted("workers", worker(node.examples, role="train"))
    assert (node.page()["error"]["code"], node.page()["error"]["reason"]) == (404, "NoHardExamples")


@pytest.mark.parametrize("sort", ["value", "time", "diverse"])
@pytest.mark.parametrize("limit", [1, 3, 7, 500])
def test_pages_hold_every_example_once_in_each_order(node: Node, sort: str, limit: int) -> None:
    for number in range(7):
        path = node.keep(f"e{number}", [[1, 2, 10 + number, 20, number / 10, number % 3]], ending=".png", picture=png())
        os.utime(path, (1000 + number // 2, 1000 + number // 2))
    names = all_pages(node, sort, limit)
    assert sorted(names) == [f"e{number}" for number in range(7)]
    assert node.page()["total"] == 7
    if sort == "time":
        assert names == ["e6", "e4", "e5", "e2", "e3", "e0", "e1"]
    else:
        assert names[0] == "e5", "its score is nearest to a half"


def test_examples_that_come_and_go_between_two_pages_by_time_move_nobody(node: Node) -> None:
    for number in range(6):
        os.utime(node.keep(f"e{number}"), (1000 + number, 1000 + number))
    first = node.page(sort="time", limit=2)
    assert [one["name"] for one in first["items"]] == ["e5", "e4"]
    (node.examples / "e4.jpg").unlink()
    os.utime(node.keep("new"), (2000, 2000))
    assert [one["name"] for one in node.page(sort="time", limit=2, after=first["continue"])["items"]] == ["e3", "e2"]


def test_an_example_that_was_written_anew_is_looked_at_anew(node: Node) -> None:
    node.keep("a", [[1, 2, 3, 4, 0.5]])
    assert node.page()["items"][0]["boxes"][0]["score"] == 0.5
    node.keep("a", [[1, 2, 3, 4, 0.25]], picture=png(7, 9))
    (node.examples / "a.json").write_text(json.dumps({"boxes": [[1, 2, 3, 4, 0.125]]}))
    item = node.page()["items"][0]
    assert (item["boxes"][0]["score"], item["width"], item["height"]) == (0.125, 7, 9)


@pytest.mark.parametrize(
    "side", [b"", b"{", b"[]", b'{"boxes": 3}', b"[" * 100_000, b'{"boxes": [null, [1], [3, 2, 1, 0], "x"]}', b"\xff"]
)
def test_a_bad_side_file_costs_its_boxes_and_never_the_list(node: Node, side: bytes) -> None:
    node.keep("a", picture=b"no picture")
    (node.examples / "a.json").write_bytes(side)
    (item,) = node.page()["items"]
    assert (item["boxes"], item["width"], item["height"], item["value"]) == ([], None, None, 1.0)


def test_a_side_file_that_is_a_link_or_too_large_is_not_read(node: Node) -> None:
    node.keep("a")
    node.keep("b")
    good = json.dumps({"boxes": [[1, 2, 3, 4]]})
    (node.folder / "outside.json").write_text(good)
    (node.examples / "a.json").symlink_to(node.folder / "outside.json")
    (node.examples / "b.json").write_text(good + " " * (1 << 20))
    assert [one["boxes"] for one in node.page()["items"]] == [[], []]


def test_what_is_no_example_is_not_listed(node: Node) -> None:
    for name in ("notes.txt", ".sedna-0.tmp", ".a.jpg", "with blank.jpg", "å.jpg", f"{'a' * 201}.jpg"):
        (node.examples / name).write_bytes(png())
    (node.examples / "annotated").mkdir()
    (node.examples / "annotated" / "b.jpg").write_bytes(png())
    (node.examples / "folder.jpg").mkdir()
    assert node.page()["total"] == 0


@pytest.mark.parametrize("wrong", [{"sort": "random"}, {"after": "-1"}, {"after": "x"}, {"after": "9" * 30}])
def test_a_question_without_sense_is_refused(node: Node, wrong: dict[str, Any]) -> None:
    node.keep("a")
    assert node.page(**wrong)["error"]["code"] == 422


def test_a_position_in_one_order_means_nothing_in_another_and_is_refused(node: Node) -> None:
    for number in range(3):
        node.keep(f"e{number}")
    after = node.page(sort="time", limit=1)["continue"]
    assert node.page(sort="value", after=after)["error"]["reason"] == "BadContinue"


# --- pure

numbers = st.one_of(st.floats(), st.integers(), st.booleans(), st.none(), st.text(max_size=3))
json_boxes = st.lists(
    st.one_of(
        st.lists(numbers, max_size=7),
        st.dictionaries(st.sampled_from(["box", "score", "class"]), st.one_of(numbers, st.lists(numbers, max_size=5))),
    )
)


@given(json_boxes)
def test_any_side_file_gives_boxes_that_make_sense_or_none(boxes: Any) -> None:
    for box in boxes_of(json.dumps({"boxes": boxes}).encode()):
        x0, y0, x1, y1 = box.box
        assert x0 < x1
        assert y0 < y1
        assert box.score is None or 0 <= box.score <= 1
        assert box.class_ is None or box.class_ >= 0
        assert 0 <= value([box]) <= 1


@given(st.binary(max_size=300))
def test_no_bytes_of_a_side_file_break_anything(data: bytes) -> None:
    boxes_of(data)


def test_a_model_in_two_minds_is_worth_most_and_a_sure_one_nothing() -> None:
    assert (entropy(0.5), entropy(0.0), entropy(1.0)) == (1.0, 0.0, 0.0)
    corners = (0.0, 0.0, 1.0, 1.0)
    assert value([]) == value([SeenBox(corners)]) == 1.0
    assert value([SeenBox(corners, 0.5), SeenBox(corners, 1.0), SeenBox(corners)]) == 0.5


@st.composite
def examples(draw: st.DrawFn) -> list[Example]:
    made = []
    for number in range(draw(st.integers(0, 12))):
        corners = st.tuples(*[st.floats(-1e6, 1e6)] * 4).filter(lambda one: one[0] < one[2] and one[1] < one[3])
        seen = st.builds(SeenBox, corners, st.none() | st.floats(0, 1), st.none() | st.integers(0, 20))
        boxes = tuple(draw(st.lists(seen, max_size=4)))
        width = draw(st.none() | st.integers(1, 9000))
        found = Found(f"e{number}", f"e{number}.jpg", number, draw(st.integers(0, 10**18)), 1)
        made.append(Example(found, width, width, boxes, value(boxes)))
    return made


@given(examples(), st.integers(1, 15))
def test_the_diverse_order_is_a_part_of_all_begins_with_the_most_valuable_and_goes_on_as_before(
    made: list[Example], most: int
) -> None:
    taken = diverse(made, most)
    assert len(taken) == len({one.found.name for one in taken}) == min(most, len(made))
    assert taken[:1] == by_value(made)[:1]
    assert diverse(made, most + 1)[: len(taken)] == taken, "a later page goes on where the earlier one ended"


def test_what_resembles_what_was_taken_comes_last() -> None:
    def example(name: str, x: float) -> Example:
        return Example(Found(name, name, 0, 0, 1), 100, 100, (SeenBox((x, 0.0, x + 10, 10.0), 0.5, 1),), 1.0)

    twins = [example("a", 0), example("b", 0.1), example("c", 80)]
    assert [one.found.name for one in diverse(twins, 3)] == ["a", "c", "b"]


def test_the_worker_of_another_namespace_is_another_one(node: Node) -> None:
    node.keep("a")
    assert node.ask("hard-examples", namespace="other", worker=WORKER)["error"]["code"] == 404
