"""What the network is asked to answer reads back as the boxes it stands for; the library finds scores at index 4."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helmets.decoding import decode
from helmets.files import Description, ModelFileError, read, write
from helmets.parameters import ParameterError, class_names, input_shape, whole
from helmets.samples import Sample, SampleError, load, parse
from helmets.targets import encode, vary
from hypothesis import given, settings
from hypothesis import strategies as st

SHAPE = (96, 160)
sizes = st.integers(8, 36)


@given(st.tuples(st.integers(2, 110), st.integers(2, 50), sizes, sizes, st.integers(0, 3)))
def test_a_wanted_answer_reads_back_as_its_box(data: tuple[int, int, int, int, int]) -> None:
    left, top, wide, tall, kind = data
    boxes = np.array([[left, top, left + wide, top + tall, kind]], np.float32)

    found = decode(encode(boxes, SHAPE, 4)[..., :8], 4, 0.5, 0.4)

    assert len(found) == 1
    assert found[0, :4] == pytest.approx(boxes[0, :4], abs=1e-3)
    assert found[0, 4] == pytest.approx(1.0)
    assert found[0, 5] == kind


def test_a_head_is_bare_or_covered_but_a_person_may_have_both_boxes() -> None:
    boxes = np.array([[40, 20, 80, 90, 0], [52, 20, 68, 36, 2], [52, 20, 68, 36, 3]], np.float32)
    found = decode(encode(boxes, SHAPE, 4)[..., :8], 4, 0.5, 0.4)

    assert sorted(found[:, 5].tolist())[0] == 0
    assert len(found) == 2


def test_no_answer_is_no_box() -> None:
    assert decode(np.zeros((24, 40, 8), np.float32), 4, 0.3, 0.4).shape == (0, 6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_a_varied_sample_keeps_its_boxes_on_its_objects(seed: int) -> None:
    picture = np.zeros((*SHAPE, 3), np.uint8)
    picture[30:60, 50:90] = 255
    sample = Sample(picture, np.array([[50, 30, 90, 60, 1]], np.float32), "white")

    varied, boxes = vary(sample, np.random.default_rng(seed))

    left, top, right, bottom = boxes[0, :4].round().astype(int)
    assert 0 <= left < right <= SHAPE[1]
    assert 0 <= top < bottom <= SHAPE[0]
    # Within a third of a pixel, mirrored or not: what interpolation does to edges is less, being off by one is more.
    weights = np.clip(varied[..., 0].astype(float) - 128, 0, None)
    middle_x = (weights.sum(0) * (np.arange(SHAPE[1]) + 0.5)).sum() / weights.sum()
    middle_y = (weights.sum(1) * (np.arange(SHAPE[0]) + 0.5)).sum() / weights.sum()
    assert middle_x == pytest.approx((boxes[0, 0] + boxes[0, 2]) / 2, abs=0.35)
    assert middle_y == pytest.approx((boxes[0, 1] + boxes[0, 3]) / 2, abs=0.35)


@pytest.mark.parametrize(
    "line", ["a.jpg 1,2,3", "a.jpg 1,2,3,4,x", "a.jpg 1,2,3,4,4", "a.jpg 1,2,3,4,0.5", "a.jpg 1,2,3,4,-1"]
)
def test_a_line_that_is_no_sample_names_itself(line: str) -> None:
    with pytest.raises(SampleError, match=r"a\.jpg"):
        parse(line, 4)


def test_a_picture_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match=r"missing\.jpg"):
        load([f"{tmp_path}/missing.jpg 1,2,3,4,0"], SHAPE, 4)


ABOUT = Description(("person", "helmet"), (176, 320), 1.0)


def test_a_model_is_known_by_its_content_not_by_its_name(tmp_path: Path) -> None:
    weights = [np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(4, np.float32)]
    for name in ("base_model", "saved_model.pb", "x.keras"):
        write(tmp_path / name, ABOUT, weights)
        about, loaded = read(tmp_path / name)
        assert about == ABOUT
        assert all(np.array_equal(a, b) for a, b in zip(loaded, weights, strict=True))


def test_a_model_in_a_folder_is_found_again(tmp_path: Path) -> None:
    write(tmp_path, ABOUT, [np.ones(2, np.float32)])
    assert read(tmp_path)[0] == ABOUT


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x80\x04\x95pickle", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_model_is_refused_with_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"saved_model\.pb"):
        read(tmp_path / "saved_model.pb")


def test_a_torn_model_is_refused(tmp_path: Path) -> None:
    whole_file = write(tmp_path / "model", ABOUT, [np.ones(5000, np.float32)]).read_bytes()
    (tmp_path / "torn").write_bytes(whole_file[: len(whole_file) // 2])
    with pytest.raises(ModelFileError, match="torn"):
        read(tmp_path / "torn")


def test_parameters_are_read_as_the_quick_start_writes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("input_shape", "352,640")
    monkeypatch.setenv("class_names", "person,helmet,helmet-on,helmet-off")
    monkeypatch.setenv("epochs", "1")

    assert input_shape() == (352, 640)
    assert class_names() == ["person", "helmet", "helmet-on", "helmet-off"]
    assert whole("epochs", 5) == 1


@pytest.mark.parametrize("text", ["352", "352x640", "350,640", "0,640", "-16,640"])
def test_a_shape_that_the_network_cannot_take_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("input_shape", text)
    with pytest.raises(ParameterError, match="input_shape"):
        input_shape()
