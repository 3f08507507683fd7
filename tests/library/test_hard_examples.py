"""Hard examples as user code saves them: two files that fit, in the order in which others may read them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from sedna.core.hard_examples import save
from sedna_lc.labelling.side_files import boxes_of

JPEG, PNG = b"\xff\xd8\xff\xe0 picture", b"\x89PNG\r\n\x1a\n picture"
pixels = some.floats(0, 4000, allow_nan=False)
boxes = some.builds(
    lambda x, y, w, h, score, class_: [x, y, x + w, y + h, score, class_],
    pixels, pixels, some.floats(1, 500), some.floats(1, 500), some.floats(0, 1), some.integers(0, 90),
)  # fmt: skip


def test_both_files_have_the_example_s_name_and_what_was_seen(tmp_path: Path) -> None:
    path = save(tmp_path / "he", "0001_frame7", JPEG, [[1, 2, 3.00004, 4, 0.5, 2]], frame=7, time="t", model="m")
    assert path == tmp_path / "he" / "0001_frame7.jpg"
    assert path.read_bytes() == JPEG
    assert json.loads(path.with_suffix(".json").read_text()) == {
        "picture": "0001_frame7.jpg", "boxes": [[1, 2, 3, 4, 0.5, 2]], "frame": 7, "time": "t", "model": "m",
    }  # fmt: skip


def test_the_ending_is_the_picture_s_own_and_a_dot_in_the_name_stays(tmp_path: Path) -> None:
    assert save(tmp_path, "cam.1", PNG).name == "cam.1.png"
    assert json.loads((tmp_path / "cam.1.json").read_text()) == {"picture": "cam.1.png", "boxes": []}


def test_the_side_file_never_is_there_without_its_picture(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").mkdir()
    with pytest.raises(OSError, match=r"a\.jpg"):
        save(tmp_path, "a", JPEG)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]


@pytest.mark.parametrize("name", ["", ".hidden", "../up", "a/b", "a b", "a\n", "ü", "x" * 201])
def test_a_name_that_no_address_can_have_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a hard example"):
        save(tmp_path, name, JPEG)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("box", [[1, 2, 3], [1, 2, 3, 4, 5, 6, 7], [1, 2, 3, float("nan")], [1, 2, float("inf"), 4]])
def test_what_is_no_box_is_refused_before_anything_is_written(tmp_path: Path, box: list[float]) -> None:
    with pytest.raises(ValueError, match="is no box"):
        save(tmp_path, "a", JPEG, [box])
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_encoded_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="neither JPEG nor PNG"):
        save(tmp_path, "a", b"\x00" * 64)


@given(found=some.lists(boxes, max_size=5))
def test_what_is_saved_is_what_the_local_controller_reads(
    tmp_path_factory: pytest.TempPathFactory, found: list[list[float]]
) -> None:
    folder = tmp_path_factory.mktemp("he")
    save(folder, "a", JPEG, np.array(found, np.float64).reshape(-1, 6))
    read = boxes_of((folder / "a.json").read_bytes())
    assert [one.class_ for one in read] == [int(box[5]) for box in found]
    for one, box in zip(read, found, strict=True):
        assert [*one.box, one.score] == pytest.approx(box[:5], abs=1e-4)


def test_it_needs_no_library_for_pictures_or_numbers() -> None:
    ask = "import sys, sedna.core.hard_examples; print(sorted({'cv2', 'numpy', 'PIL'} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout
    assert said == "[]\n"


def test_the_oldest_go_with_their_side_files_when_there_are_too_many(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    for number, name in enumerate("zyxwv"):
        os.utime(save(tmp_path, name, JPEG, most=3), (number, number))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "notes.txt", "v.jpg", "v.json", "w.jpg", "w.json", "x.jpg", "x.json",
    ]  # fmt: skip
    save(tmp_path, "v", JPEG, most=3)
    assert len(list(tmp_path.glob("*.jpg"))) == 3
    save(tmp_path, "u", PNG)
    assert len(list(tmp_path.glob("*.*g"))) == 4, "nothing is bounded unless somebody says so"
