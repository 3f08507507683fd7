"""Which words of a sample are files, and that nothing of a sample is lost by taking it apart."""

from __future__ import annotations

import csv
import io
import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.api.trees import check_path
from sedna_lc.artifacts.naming import cells, split_csv, split_txt, tree_path

FOLDER = "/data/set"


@pytest.mark.parametrize(
    ("sample", "path"),
    [
        ("/data/set/1.jpg 3,4,5,6,0", "/data/set/1.jpg"),
        ("/elsewhere/1.jpg\t0", "/elsewhere/1.jpg"),
        ("/data/set/1.jpg", "/data/set/1.jpg"),
    ],
    ids=["boxes", "another folder", "no label"],
)
def test_the_first_field_of_a_txt_sample_is_its_file(sample: str, path: str) -> None:
    assert split_txt(sample, FOLDER)[1] == path
    assert "".join(split_txt(sample, FOLDER)) == sample


def test_a_blank_in_the_lists_own_folder_ends_no_field() -> None:
    assert split_txt("/my data/1.jpg 0", "/my data") == ["", "/my data/1.jpg", " 0"]


def test_a_url_is_left_as_it_is() -> None:
    assert split_txt("s3://bucket/1.jpg 0", FOLDER) == ["s3://bucket/1.jpg 0"]


def files(*paths: str) -> object:
    return lambda path: path in paths


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        ("1.jpg,cat", ["", "/data/set/1.jpg", ",cat"]),
        ("cat,/other/2.jpg", ["cat,", "/other/2.jpg", ""]),
        ('"a, b.jpg",cat', ['"', "/data/set/a, b.jpg", '",cat']),
        ('"say ""hi"".jpg",0', ['"', '/data/set/say "hi".jpg', '",0']),
        (" 1.jpg , 1.jpg", [" ", "/data/set/1.jpg", " , ", "/data/set/1.jpg", ""]),
        ("3.jpg,1", ["3.jpg,1"]),
        ("1,1.5,", ["1,1.5,"]),
        ("", [""]),
    ],
    ids=["relative", "absolute", "comma", "quote", "twice and blanks", "no such file", "numbers are no files", "empty"],
)
def test_cells_that_name_files_are_paths(row: str, parts: list[str]) -> None:
    there = files(
        "/data/set/1.jpg", "/other/2.jpg", "/data/set/a, b.jpg", '/data/set/say "hi".jpg', "/data/set/1", "/data/set/"
    )
    assert split_csv(row, FOLDER, there) == parts  # type: ignore[arg-type]


cell = st.text(st.characters(codec="utf-8", exclude_characters='\r\n\x00"'), max_size=8).map(str.strip)


@given(st.lists(cell, min_size=1, max_size=6), st.booleans())
def test_cells_are_what_the_csv_module_reads(row: list[str], quoted: bool) -> None:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL, lineterminator="").writerow(row)
    text = out.getvalue()
    if row != [""]:
        assert [content for _, _, content in cells(text)] == row


@given(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=40), st.booleans())
def test_nothing_of_a_row_is_lost(row: str, all_are_files: bool) -> None:
    parts = split_csv(row, FOLDER, lambda _: all_are_files)
    rebuilt = "".join(
        part if place % 2 == 0 else next(text for text in _spellings(part, row)) for place, part in enumerate(parts)
    )
    assert rebuilt == row
    assert len(parts) % 2 == 1


def _spellings(path: str, row: str) -> list[str]:
    """How a row may have spelled a path: absolute or not, its quotes doubled or not."""
    relative = path.removeprefix(f"{FOLDER}/")
    return [one for one in (path, relative, path.replace('"', '""'), relative.replace('"', '""')) if one and one in row]


path_text = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="/\x00\n\r"), min_size=1, max_size=6),
    min_size=1,
    max_size=4,
).map(lambda segments: "/" + "/".join(segments))


@given(path_text, path_text)
def test_different_files_have_different_names_and_all_are_plain(first: str, second: str) -> None:
    names = [tree_path(one) for one in (first, second)]
    if posixpath.normpath(first) != posixpath.normpath(second):
        assert names[0] != names[1]
    for path, name in zip((first, second), names, strict=True):
        if posixpath.normpath(path) != "/":
            check_path(name)
            assert not set(name) & set(" \t\"',;")
