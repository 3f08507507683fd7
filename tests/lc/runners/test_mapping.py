from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_lc.runners.base import Bind
from sedna_lc.runners.mapping import map_argument, map_environment, map_value

BINDS = (
    Bind("/incremental_learning/video/", "/video/"),
    Bind("/incremental_learning/he/", "/he_saved_url"),
    Bind("/srv/deep", "/video/deep"),
    Bind("/output", "/output"),
)


@pytest.mark.parametrize(
    ("value", "mapped"),
    [
        ("/video", "/incremental_learning/video"),
        ("/video/", "/incremental_learning/video/"),
        ("/video/a,b;c.mp4", "/incremental_learning/video/a,b;c.mp4"),
        ("/video/video.mp4", "/incremental_learning/video/video.mp4"),
        ("file://video/video.mp4", "file:///incremental_learning/video/video.mp4"),
        ("file:///video/video.mp4", "file:///incremental_learning/video/video.mp4"),
        ("/he_saved_url", "/incremental_learning/he"),
        ("/he_saved_url/a b", "/incremental_learning/he/a b"),
        ("/video/a.mp4;/video/b.mp4", "/incremental_learning/video/a.mp4;/incremental_learning/video/b.mp4"),
        ("/video/a.mp4,/else", "/incremental_learning/video/a.mp4,/else"),
        ("/video/deep/x", "/srv/deep/x"),
        ("/output/train/1", "/output/train/1"),
    ],
)
def test_a_path_below_a_mount_is_mapped(value: str, mapped: str) -> None:
    assert map_value(value, BINDS) == mapped


@pytest.mark.parametrize(
    "value",
    ["", "video", "/videos/x", "352,640", "person,helmet", "rtsp://video/stream", "http://h/video/x", "file://"],
)
def test_what_is_no_mounted_path_stays(value: str) -> None:
    assert map_value(value, BINDS) == value


def test_the_deepest_mount_wins_also_when_it_is_bound_to_itself() -> None:
    binds = (Bind("/srv/models", "/models"), Bind("/models/base", "/models/base"))
    assert map_value("/models/base/model.pb", binds) == "/models/base/model.pb"
    assert map_value("/models/other", binds) == "/srv/models/other"


def test_an_option_is_mapped_behind_its_equals_sign() -> None:
    assert map_argument("--input=/video/a.mp4", BINDS) == "--input=/incremental_learning/video/a.mp4"
    assert map_argument("/video/a.mp4", BINDS) == "/incremental_learning/video/a.mp4"
    assert map_argument("infer.py", BINDS) == "infer.py"


def test_the_whole_environment_is_mapped() -> None:
    mapped = map_environment({"video_url": "file://video/v.mp4", "epochs": "1"}, BINDS)
    assert mapped == {"video_url": "file:///incremental_learning/video/v.mp4", "epochs": "1"}


@given(st.text())
def test_without_mounts_every_value_stays(value: str) -> None:
    assert map_value(value, ()) == value


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="/;,\0"), min_size=1), max_size=4))
def test_what_lies_below_the_mount_keeps_its_name(parts: list[str]) -> None:
    parts = [part for part in parts if part not in (".", "..")]
    below = "/".join(["", *parts])
    assert map_value("/video" + below, (Bind("/host", "/video"),)) == "/host" + below
