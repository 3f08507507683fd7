"""The video as a camera: it starts over at its end, keeps its pace, and stops at once."""

from __future__ import annotations

import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from helmets.filming import CameraError, frames, source_of
from scenes.recording import Video, record


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("camera")
    record(folder, Video("B", 1, shots=1, frames=4, fps=6), lambda _: None)
    return str(folder / "video.mp4")


def watched(url: str, most: int, fps: float = 1000.0) -> list[int]:
    stop, numbers = threading.Event(), []
    for number, picture in frames(url, fps, stop):
        assert isinstance(picture, np.ndarray)
        numbers.append(number)
        if len(numbers) == most:
            stop.set()
    return numbers


def test_the_film_starts_over_at_its_end(film: str) -> None:
    numbers = watched(film, 10)
    assert set(numbers) <= {0, 1, 2, 3}
    assert any(later <= earlier for earlier, later in pairwise(numbers))


def test_it_ends_when_told_to_although_the_film_goes_on(film: str) -> None:
    assert len(watched(f"file://{film}", 2)) == 2


def test_a_video_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match=r"missing\.mp4"):
        next(frames(str(tmp_path / "missing.mp4"), 5, threading.Event()))


def test_the_quick_starts_way_of_naming_the_video_means_an_absolute_path() -> None:
    assert source_of("file://video/video.mp4") == "/video/video.mp4"
    assert source_of("file:///video/video.mp4") == "/video/video.mp4"
    assert source_of("/video/video.mp4") == "/video/video.mp4"
    assert source_of("rtsp://camera/1") == "rtsp://camera/1"


def test_a_relative_file_is_taken_where_there_is_no_absolute_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "video").mkdir()
    (tmp_path / "video" / "only-here.mp4").touch()
    monkeypatch.chdir(tmp_path)
    assert source_of("file://video/only-here.mp4") == "video/only-here.mp4"
