"""The last inputs, and the run of a new model on them: bounded, on copies, never instead of the model that serves."""

from __future__ import annotations

import io
import threading
from typing import Any

import numpy as np
import pytest

from sedna.backend import BackendBase
from sedna.core.warming import Frames, WarmUpError, size_of, warm_up
from sedna.datasources import BaseDataSource

from .conftest import DEADLINE


class Candidate:
    def __init__(self) -> None:
        self.seen: list[Any] = []

    def load(self, model_url: str) -> None: ...

    def evaluate(self, data: Any) -> None: ...

    def predict(self, data: Any, **kwargs: Any) -> Any:
        self.seen.append((data, kwargs))
        if isinstance(data, np.ndarray):
            data[:] = 0
        if isinstance(data, str) and data == "poison":
            raise ValueError("no such class")
        return data


def keep(frames: Frames, data: Any, keywords: dict[str, Any], now: float) -> None:
    taken = frames.take(data, keywords, now)
    if taken is not None:
        frames.keep(taken)


def test_only_the_last_few_are_kept_and_neighbours_once_a_second() -> None:
    frames = Frames(most=3)
    for number in range(3):
        keep(frames, number, {}, now=0.0)
    keep(frames, "too soon", {}, now=0.9)
    assert [data for data, _ in frames.copies()] == [0, 1, 2]
    keep(frames, "later", {"scale": 2}, now=1.0)
    assert frames.copies() == [(1, {}), (2, {}), ("later", {"scale": 2})]


def test_they_never_hold_more_bytes_than_they_may() -> None:
    frames = Frames(most=4, most_bytes=4_000)
    for number in range(4):
        keep(frames, np.full(1500, number, dtype=np.uint8), {}, now=float(number))
    assert [int(data[0]) for data, _ in frames.copies()] == [2, 3]
    keep(frames, np.zeros(5_000, dtype=np.uint8), {}, now=9.0)
    assert len(frames.copies()) == 2, "one that is too large is left out, and turns none of the others out"


@pytest.mark.parametrize("settings", [{"most": 0}, {"most_bytes": 0}], ids=["frames", "bytes"])
def test_they_can_be_turned_off(settings: dict[str, int]) -> None:
    frames = Frames(**settings)
    keep(frames, "x", {}, now=1e9)
    assert frames.copies() == []


class Torn:
    """An array as some libraries make them: each look at it may raise."""

    @property
    def nbytes(self) -> int:
        raise RuntimeError("this tensor was given away")


class Uncopied(np.ndarray):  # type: ignore[type-arg]
    """An array that is plain data, and no copy of it can be made."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        raise TypeError("cannot be copied")


@pytest.mark.parametrize("data", [Torn(), [Torn()], np.zeros(3).view(Uncopied)], ids=["torn", "nested", "uncopied"])
def test_an_input_that_raises_when_it_is_looked_at_ends_the_keeping_and_is_told_once(
    data: Any, caplog: pytest.LogCaptureFixture
) -> None:
    frames = Frames()
    keep(frames, "before", {}, now=1.0)
    taken = frames.take("under way", {}, 2.0)
    assert taken is not None
    for now in (3.0, 4.0, 5.0):
        keep(frames, data, {}, now)
    frames.keep(taken)
    keep(frames, "after", {}, 6.0)
    assert frames.due == float("inf")
    assert [one for one, _ in frames.copies()] == ["before", "under way"]
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "No more inputs are kept for the warm-up of new models"
    ]


def test_frames_that_cannot_be_copied_again_mean_no_warm_up_and_no_refusal() -> None:
    class Once(np.ndarray):  # type: ignore[type-arg]
        def __deepcopy__(self, memo: dict[int, Any]) -> Any:
            return np.zeros(3).view(Uncopied)

    frames = Frames()
    keep(frames, np.zeros(3).view(Once), {}, now=1.0)
    assert frames.copies() == []
    warm_up(BackendBase(Candidate), frames.copies())


def test_a_frame_is_what_it_was_before_the_estimator_changed_it() -> None:
    frames = Frames()
    data, image = {"image": np.ones(3)}, np.ones(3)
    for one in (data, image):
        taken = frames.take(one, {}, 1.0)
        assert taken is not None
        frames.keep(taken)
    data.pop("image")
    image[:] = 0
    (first, _), (second, _) = frames.copies()
    assert (first["image"].tolist(), second.tolist()) == ([1, 1, 1], [1, 1, 1])


def test_failures_in_a_row_copy_an_input_once_a_second() -> None:
    frames = Frames()
    taken = [frames.take(np.ones(3), {}, now) is not None for now in (1.0, 1.1, 1.9, 2.0)]
    assert taken == [True, False, False, True]


@pytest.mark.parametrize("stream", [io.BytesIO(b"x"), iter([1]), object(), np.array([object()]), [io.StringIO()]])
def test_what_can_be_read_once_or_is_no_plain_data_is_not_kept(stream: Any) -> None:
    assert size_of(stream) is None
    frames = Frames()
    keep(frames, stream, {}, now=1.0)
    assert frames.copies() == []


def test_plain_data_is_measured() -> None:
    data = BaseDataSource(data_type="test")
    data.x, data.y = np.zeros(1000, dtype=np.uint8), None
    for value, at_least in ((data, 1000), ([b"12", {"a": "345"}], 5), ((1, None, 2.0, True), 0)):
        size = size_of(value)
        assert size is not None
        assert at_least <= size < at_least + 1000
    assert size_of([[1]] * 10_000) is None, "too finely divided"


def test_a_warm_up_works_on_copies() -> None:
    frames = Frames()
    mine = np.ones(3)
    keep(frames, mine, {"input_shape": 3}, now=1.0)
    candidate = BackendBase(Candidate)
    warm_up(candidate, frames.copies())
    assert mine.tolist() == [1, 1, 1]
    ((_, kwargs),) = candidate.estimator.seen
    assert kwargs == {"input_shape": 3}


def test_a_warm_up_that_raises_names_the_exception() -> None:
    with pytest.raises(WarmUpError, match=r"the last 2 inputs.*failed: ValueError: no such class \(test_warming"):
        warm_up(BackendBase(Candidate), [("fine", {}), ("poison", {})])


def test_a_warm_up_that_does_not_end_is_given_up() -> None:
    gate, left = threading.Event(), threading.Event()

    class Stuck(Candidate):
        def predict(self, data: Any, **kwargs: Any) -> Any:
            assert gate.wait(DEADLINE)
            left.set()

    try:
        with pytest.raises(WarmUpError, match=r"has not ended within 0\.01 s"):
            warm_up(BackendBase(Stuck), [("x", {})], seconds=0.01)
    finally:
        gate.set()
    assert left.wait(DEADLINE)


def test_without_frames_there_is_no_warm_up() -> None:
    candidate = BackendBase(Candidate)
    warm_up(candidate, [])
    assert candidate.estimator is Candidate
