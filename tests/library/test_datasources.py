"""Lists, tables and annotations become features and labels, without pandas and without silence."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.common.class_factory import ClassFactory, ClassType
from sedna.datasources import BaseDataSource, CSVDataParse, JSONDataParse, TxtDataParse
from sedna.datasources.columns import TextColumn


@pytest.fixture
def txt(tmp_path: Path) -> str:
    path = tmp_path / "data.txt"
    path.write_text("a.jpg 1\n\n  b.jpg 2  \nc.jpg\n", encoding="utf-8")
    return str(path)


def test_a_list_becomes_paths_and_labels(txt: str) -> None:
    data = TxtDataParse(data_type="train")
    data.parse(txt)
    assert data.x.tolist() == ["a.jpg", "b.jpg", "c.jpg"]
    assert data.y.tolist() == ["1", "2", "0"]
    assert len(data) == data.num_examples() == 3


def test_test_data_has_no_labels(txt: str) -> None:
    data = TxtDataParse(data_type="test")
    data.parse(txt)
    assert data.is_test_data
    assert data.y.size == 0


def test_the_function_of_the_original_example_joins_paths(txt: str) -> None:
    data = TxtDataParse(data_type="train", func=lambda line: f"/data/{line}")
    data.parse(txt, use_raw=True)
    assert data.x.tolist() == ["/data/a.jpg 1", "/data/b.jpg 2", "/data/c.jpg"]
    data.parse(txt)
    assert data.x.tolist() == ["/data/a.jpg 1", "/data/b.jpg 2", "/data/c.jpg"]


def test_raw_samples_with_different_numbers_of_boxes_are_kept(txt: str) -> None:
    data = TxtDataParse(data_type="train")
    data.parse(txt, use_raw=True)
    assert data.x.tolist() == [["a.jpg", "1"], ["b.jpg", "2"], ["c.jpg"]]


words = st.text(st.characters(blacklist_categories=["Cs", "Z", "Cc"]), min_size=1, max_size=5)


@given(st.lists(st.lists(words, max_size=3), max_size=12), st.booleans())
def test_a_list_reads_the_same_by_blocks_as_line_by_line(rows: list[list[str]], labelled: bool) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder, "list.txt")
        file.write_text("".join(" ".join(row) + "\n" for row in rows), encoding="utf-8")
        kind = "train" if labelled else "test"
        fast, slow = TxtDataParse(data_type=kind), TxtDataParse(data_type=kind, func=str.split)
        fast.parse(str(file))
        slow.parse(str(file))
    assert fast.x.tolist() == slow.x.tolist() == [row[0] for row in rows if row]
    assert fast.y.tolist() == slow.y.tolist()


def test_blocks_of_a_column_keep_their_order_and_their_longest_text() -> None:
    column = TextColumn()
    for block in (["a", "bbbb"], [], ["cc"]):
        column.add(block)
    found = column.array()
    assert (found.tolist(), found.dtype) == (["a", "bbbb", "cc"], np.dtype("U4"))
    assert column.array().tolist() == []


def test_several_lists_joined_as_in_a_variable_are_read(txt: str) -> None:
    data = TxtDataParse(data_type="train", func="test_identity_of_lines")
    data.parse(f"{txt};{txt}", txt)
    assert len(data) == 9


@ClassFactory.register(ClassType.CALLBACK, alias="test_identity_of_lines")
def identity(line: str) -> list[str]:
    return line.split()


@pytest.mark.parametrize("parse", [TxtDataParse, CSVDataParse, JSONDataParse])
def test_w49i_a_missing_file_is_an_error(parse: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        parse(data_type="train").parse(str(tmp_path / "nothing"))


def table(tmp_path: Path, *rows: str, name: str = "data.csv") -> str:
    path = tmp_path / name
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return str(path)


def test_w49i_a_table_is_read_without_pandas(tmp_path: Path) -> None:
    before = "pandas" in sys.modules
    data = CSVDataParse(data_type="train")
    data.parse(table(tmp_path, "a,b,label", "1,2.5,0", "3,4,1"), label="label")
    assert data.x.tolist() == [[1.0, 2.5], [3.0, 4.0]]
    assert data.x.dtype == np.float64
    assert data.y.tolist() == [0, 1]
    assert data.y.dtype == np.int64
    assert data.columns == ("a", "b")
    assert ("pandas" in sys.modules) is before


def test_w49i_a_table_without_label_has_none(tmp_path: Path) -> None:
    data = CSVDataParse(data_type="test")
    data.parse(table(tmp_path, "a,b", "1,2"))
    assert data.x.tolist() == [[1.0, 2.0]]
    assert data.y is None


def test_text_and_gaps_keep_their_columns(tmp_path: Path) -> None:
    data = CSVDataParse(data_type="train")
    data.parse(table(tmp_path, 'a,"b, c",label', '1,"x, y",cat', ",z,dog"), label="label")
    assert data.columns == ("a", "b, c")
    assert data.x[:, 1].tolist() == ["x, y", "z"]
    assert data.x[0, 0] == 1.0
    assert np.isnan(data.x[1, 0])
    assert data.y.tolist() == ["cat", "dog"]
    data.parse(table(tmp_path, "a,b", "1,", "2,3"))
    assert data.x.dtype == np.float64
    assert np.isnan(data.x[0, 1])


def test_columns_are_chosen_and_several_sources_joined(tmp_path: Path) -> None:
    first = table(tmp_path, "a,b,label", "1,2,0")
    second = table(tmp_path, "label,b,a", "1,20,10", name="second.csv")
    data = CSVDataParse(data_type="train")
    data.parse(f"{first};{second}", {"a": 100, "b": 200, "label": 2}, label="label")
    assert data.x.tolist() == [[1, 2], [10, 20], [100, 200]]
    assert data.y.tolist() == [0, 1, 2]
    data.parse(first, second, usecols="b", label="label")
    assert data.x.tolist() == [[2], [20]]


def test_a_table_with_only_a_header_has_no_rows(tmp_path: Path) -> None:
    data = CSVDataParse(data_type="train")
    data.parse(table(tmp_path, "a,b,label"), label="label")
    assert data.x.shape == (0, 2)
    assert data.y.shape == (0,)


@pytest.mark.parametrize(
    ("rows", "arguments", "says"),
    [
        (["a,b", "1"], {}, "line 2: 1 cells under 2 columns"),
        (["a,b", "1,2,3"], {}, "line 2: 3 cells under 2 columns"),
        (["a,b", "1,2"], {"label": "c"}, "no column c"),
        (["a,b", "1,2"], {"usecols": ["a", "z"]}, "no column z"),
    ],
)
def test_a_broken_table_is_named(tmp_path: Path, rows: list[str], arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        CSVDataParse(data_type="train").parse(table(tmp_path, *rows), **arguments)


@given(st.lists(st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.integers(-9, 9)), min_size=1))
def test_what_was_written_is_read(rows: list[tuple[float, int]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.csv"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([("x", "label"), *rows])
        data = CSVDataParse(data_type="train")
        data.parse(str(path), label="label")
    assert data.x[:, 0].tolist() == [x for x, _ in rows]
    assert data.y.tolist() == [y for _, y in rows]


def test_pandas_is_used_when_its_keywords_are(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    data = CSVDataParse(data_type="train")
    data.parse(table(tmp_path, "a;label", "1;0"), label="label", sep=";")
    assert list(data.x.columns) == ["a"]
    assert list(data.y) == [0]


def test_w49i_annotations_are_read_without_pycocotools(tmp_path: Path) -> None:
    annotations = tmp_path / "annotations" / "train.json"
    annotations.parent.mkdir()
    boxes = [
        {"image_id": 7, "category_id": 20, "bbox": [-5, 10, 30, 40], "area": 1200, "track_id": 3},
        {"image_id": 7, "category_id": 10, "bbox": [90, 90, 50, 50], "area": 2500},
        {"image_id": 7, "category_id": 10, "bbox": [0, 0, 9, 9], "area": 0},
        {"image_id": 7, "category_id": 10, "bbox": [0, 0, 9, 9], "area": 81, "iscrowd": 1},
    ]
    images = [
        {"id": 7, "height": 100, "width": 120, "file_name": "7.jpg", "frame_id": 2, "video_id": 1},
        {"id": 8, "height": 100, "width": 120, "file_name": "8.jpg"},
    ]
    said = {"images": images, "annotations": boxes, "categories": [{"id": 20}, {"id": 10}]}
    annotations.write_text(json.dumps(said))
    data = JSONDataParse(data_type="train")
    data.parse(str(annotations.parent), "train.json")
    assert data.x.tolist() == [str(tmp_path / "train" / name) for name in ("7.jpg", "8.jpg")]
    assert data.y[0].tolist() == [[0, 10, 25, 50, 1, 3], [90, 90, 120, 100, 0, -1]]
    assert data.y[1].shape == (0, 6)
    assert data.load_anno_from_ids(7)[1:] == ((100, 120, 2, 1, "7.jpg"), "7.jpg")
    annotations.write_text('{"images": []}')
    with pytest.raises(ValueError, match="not a COCO file"):
        data.parse(str(annotations))


def test_a_source_can_be_filled_by_hand_and_saved(tmp_path: Path) -> None:
    joblib = pytest.importorskip("joblib")
    data = BaseDataSource(data_type="train")
    assert len(data) == 0
    data.x, data.y = [1, 2], [3, 4]
    path = data.save(str(tmp_path / "data.joblib"))
    assert joblib.load(path).y == [3, 4]
    with pytest.raises(NotImplementedError):
        data.parse("x")
