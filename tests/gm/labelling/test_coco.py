"""What goes out as COCO comes in again as it was, and what other tools make of it is understood."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_gm.labelling.coco import NotCoco, exported, imported

NAMES = ("person", "helmet")
edges = st.floats(0, 4000, allow_nan=False, allow_infinity=False)
boxes = st.tuples(edges, edges, edges, edges).filter(lambda b: b[2] > b[0] + 1e-3 and b[3] > b[1] + 1e-3)
found = st.lists(st.fixed_dictionaries({"box": boxes.map(list), "class": st.integers(0, 1)}), max_size=5)
examples = st.dictionaries(st.from_regex(r"[0-9]{8}_frame[0-9]{6}", fullmatch=True), found, max_size=5)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


def example(name: str, boxes: list[Any], label: list[Any] | None = None) -> dict[str, Any]:
    told = None if label is None else {"boxes": label, "by": "ann", "version": "1"}
    return {"name": name, "picture": f"{name}.jpg", "width": 640, "height": 352, "boxes": boxes, "label": told}


@given(examples)
def test_labels_that_go_out_come_in_as_they_were(labels: dict[str, list[Any]]) -> None:
    document = exported([example(name, [], label) for name, label in labels.items()], NAMES, "demo")
    back = {each.example: [dict(box) for box in each.boxes] for each in imported(document, NAMES)}
    assert back.keys() == labels.keys()
    for name, told in labels.items():
        assert [box["class"] for box in back[name]] == [box["class"] for box in told]
        for mine, theirs in zip(back[name], told, strict=True):
            assert mine["box"] == pytest.approx(theirs["box"], abs=1e-6)


def test_what_nobody_has_labelled_goes_out_with_the_prediction_to_begin_with() -> None:
    predicted = [{"box": [1, 2, 11, 22], "class": 1, "score": 0.4}]
    document = exported([example("a", predicted), example("b", predicted, [])], NAMES, "demo")
    (only,) = document["annotations"]
    assert (only["image_id"], only["category_id"], only["bbox"], only["score"]) == (1, 2, [1, 2, 10, 20], 0.4)
    assert [image["sedna"]["labelled"] for image in document["images"]] == [False, True]
    assert [each["name"] for each in document["categories"]] == ["person", "helmet"]


def touched(document: dict[str, Any]) -> dict[str, bool]:
    return {each.example: not each.is_untouched for each in imported(document, NAMES)}


@given(examples)
def test_what_comes_back_as_it_was_predicted_counts_as_looked_at_by_nobody(predicted: dict[str, list[Any]]) -> None:
    document = exported([example(name, boxes) for name, boxes in predicted.items()], NAMES, "demo")
    # Tools sort as they like, and round to whole pixels.
    document["annotations"].reverse()
    for annotation in document["annotations"]:
        x, y, width, height = annotation["bbox"]
        annotation["bbox"] = [round(x, 2), round(y, 2), round(width, 2) or width, round(height, 2) or height]
    assert touched(document) == dict.fromkeys(predicted, False)


@pytest.mark.parametrize("turned", [False, True])
def test_many_boxes_are_compared_in_their_order_alone_so_that_no_document_takes_long(turned: bool) -> None:
    boxes = [{"box": [number, 0, number + 9, 9], "class": 0, "score": 0.4} for number in range(30_000)]
    document = exported([example("a", boxes)], NAMES, "demo")
    if turned:
        document["annotations"].reverse()
    assert touched(document) == {"a": turned}


PREDICTED = [{"box": [10, 20, 60, 80], "class": 0, "score": 0.4}, {"box": [0, 0, 9, 9], "class": 1, "score": 0.3}]


@pytest.mark.parametrize(
    "change",
    [{"bbox": [10, 20, 52, 60]}, {"bbox": [8, 20, 50, 60]}, {"category_id": 2}, None],
    ids=["wider", "moved", "another class", "removed"],
)
def test_one_box_changed_is_a_picture_that_somebody_has_looked_at(change: dict[str, Any] | None) -> None:
    document = exported([example("a", PREDICTED), example("b", PREDICTED)], NAMES, "demo")
    if change is None:
        del document["annotations"][0]
    else:
        document["annotations"][0].update(change)
    assert touched(document) == {"a": True, "b": False}


def test_a_box_that_somebody_added_and_nobody_can_read_is_told_and_not_left_out() -> None:
    document = exported([example("a", PREDICTED)], NAMES, "demo")
    document["annotations"].append({**document["annotations"][0], "id": 99, "category_id": 77})
    (one,) = imported(document, NAMES)
    assert (len(one.problems), one.is_untouched) == (1, False)


def test_a_label_and_a_picture_without_our_word_are_never_left_out() -> None:
    document = exported([example("a", PREDICTED, PREDICTED), example("b", PREDICTED)], NAMES, "demo")
    del document["images"][1]["sedna"]
    assert touched(document) == {"a": True, "b": True}


@pytest.mark.parametrize("word", [None, 7, [None], [{"class": 0}], [{"class": 0, "box": [0, 0, 10**400, 9]}]])
def test_a_prediction_that_is_none_leaves_nothing_out(word: Any) -> None:
    document = exported([example("a", PREDICTED[:1])], NAMES, "demo")
    document["images"][0]["sedna"]["predicted"] = word
    assert touched(document) == {"a": True}


def test_a_class_without_a_name_goes_out_and_comes_in_by_its_number() -> None:
    document = exported([example("a", [], [{"box": [0, 0, 5, 5], "class": 3}])], NAMES, "demo")
    assert document["categories"][3]["name"] == "class 3"
    assert imported(document, NAMES)[0].boxes[0]["class"] == 3


def test_a_file_name_is_enough_where_a_tool_has_dropped_our_word() -> None:
    document = {
        "images": [{"id": 7, "file_name": "task_1/00000001_frame000042.jpg"}],
        "annotations": [{"id": 1, "image_id": 7, "category_id": 9, "bbox": [-0.4, 3, 10, 10]}],
        "categories": [{"id": 9, "name": "helmet"}],
    }
    (one,) = imported(document, NAMES)
    assert one.example == "00000001_frame000042"
    assert one.boxes == ({"box": [0.0, 3.0, 9.6, 13.0], "class": 1},)


@pytest.mark.parametrize(
    ("image", "example", "otherwise"),
    [
        ({"file_name": "images/1a2b3c4d-0001_frame42.jpg"}, "1a2b3c4d-0001_frame42", "0001_frame42"),
        ({"file_name": "1a2b3c4d-x-y.jpg"}, "1a2b3c4d-x-y", "x-y"),
        ({"file_name": "1a2b3c4d-.jpg"}, "1a2b3c4d-", None),
        ({"file_name": "camera-1.jpg"}, "camera-1", None),
        ({"file_name": "a.jpg", "sedna": {"example": "1a2b3c4d-x"}}, "1a2b3c4d-x", None),
    ],
)  # fmt: skip
def test_the_name_before_an_upload_to_label_studio_is_known_where_only_the_files_name_tells(
    image: dict[str, Any], example: str, otherwise: str | None
) -> None:
    (one,) = imported({"images": [{"id": 1, **image}], "annotations": [], "categories": []}, NAMES)
    assert (one.example, one.otherwise) == (example, otherwise)


@pytest.mark.parametrize(
    ("annotation", "problem"),
    [
        ({"category_id": 9, "bbox": [0, 0, 1, 1]}, "category_id 9 is none of the categories"),
        ({"category_id": 1, "bbox": [0, 0, 0, 1]}, "is not [left, top, width, height]"),
        ({"category_id": 1, "bbox": [0, 0, float("nan"), 1]}, "is not [left, top, width, height]"),
        ({"category_id": 2, "bbox": [0, 0, 1, 1]}, "the job has no class 'crane': it has person, helmet"),
    ],
)
def test_what_is_wrong_with_one_picture_is_said_of_that_one(annotation: dict[str, Any], problem: str) -> None:
    document = {
        "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
        "annotations": [{"image_id": 1, **annotation}],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "crane"}],
    }
    first, second = imported(document, NAMES)
    assert problem in " ".join(first.problems)
    assert second.problems == ()


@given(JSON)
def test_any_other_document_is_refused_with_a_sentence(document: Any) -> None:
    try:
        imported(document, NAMES)
    except NotCoco as refusal:
        assert str(refusal)
