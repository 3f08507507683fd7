"""The stand-in for the person who labels: whole lines only, each frame once, and nothing half-written is touched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from helmets.keeping import Keeper
from labeller import Labeller, main

PICTURE = np.full((8, 8, 3), 90, np.uint8)


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    path = tmp_path / "truth.txt"
    path.write_text("".join(f"{frame} {frame},2,30,40,0 5,6,7,9,2\n" for frame in range(20)))
    return path


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    (tmp_path / "dataset").mkdir()
    return tmp_path / "dataset" / "train_data.txt"


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path / "he", most=100)


def saved(keeper: Keeper, *frames: int) -> None:
    for frame in frames:
        keeper.keep(frame, PICTURE, [[1, 2, 3, 4, 0.5, 0]])


def test_a_hard_example_gets_its_picture_and_one_finished_line(
    tmp_path: Path, keeper: Keeper, truth: Path, dataset: Path
) -> None:
    saved(keeper, 7)
    assert Labeller(tmp_path / "he", truth, dataset).take(5) == 1

    assert dataset.read_text() == "images/00000000_frame000007.jpg 7,2,30,40,0 5,6,7,9,2\n"
    assert (dataset.parent / "images" / "00000000_frame000007.jpg").stat().st_size > 0


def test_at_most_so_many_are_taken_oldest_first(tmp_path: Path, keeper: Keeper, truth: Path, dataset: Path) -> None:
    saved(keeper, 9, 4, 6)
    labeller = Labeller(tmp_path / "he", truth, dataset)

    assert labeller.take(2) == 2
    assert [line.split()[1].split(",")[0] for line in dataset.read_text().splitlines()] == ["9", "4"]
    assert labeller.take(2) == 1
    assert labeller.labelled == 3


def test_a_frame_is_labelled_once_although_the_film_starts_over(
    tmp_path: Path, keeper: Keeper, truth: Path, dataset: Path
) -> None:
    saved(keeper, 3, 5, 3)
    assert Labeller(tmp_path / "he", truth, dataset).take(10) == 2


def test_a_labeller_that_starts_again_goes_on_where_it_stopped(
    tmp_path: Path, keeper: Keeper, truth: Path, dataset: Path
) -> None:
    saved(keeper, 1, 2)
    Labeller(tmp_path / "he", truth, dataset).take(1)
    assert Labeller(tmp_path / "he", truth, dataset).take(10) == 1
    assert len(dataset.read_text().splitlines()) == 2


def test_what_a_person_labels_meanwhile_is_counted_and_not_labelled_again(
    tmp_path: Path, keeper: Keeper, truth: Path, dataset: Path
) -> None:
    saved(keeper, 1, 2)
    labeller = Labeller(tmp_path / "he", truth, dataset)
    dataset.write_text("images/00000001_frame000002.jpg 1,2,3,4,0\nimages/of_another_camera.jpg 1,2,3,4,0\n")

    assert labeller.take(10) == 1
    assert labeller.labelled == 3
    assert dataset.read_text().splitlines()[2].startswith("images/00000000_frame000001.jpg ")


def test_what_it_takes_away_is_only_what_it_has_labelled(
    tmp_path: Path, keeper: Keeper, truth: Path, dataset: Path
) -> None:
    saved(keeper, 1, 500, 2)
    labeller = Labeller(tmp_path / "he", truth, dataset, takes_away=True)

    assert labeller.take(1) == 1
    assert sorted(path.stem[-3:] for path in (tmp_path / "he").glob("*.jpg")) == ["002", "500"]
    assert len(list((tmp_path / "he").glob("*.json"))) == 2
    assert labeller.take(10) == 1
    assert [path.stem[-3:] for path in (tmp_path / "he").glob("*.json")] == ["500"]


def test_an_open_last_line_is_not_made_longer(tmp_path: Path, keeper: Keeper, truth: Path, dataset: Path) -> None:
    dataset.write_text("images/by_hand_frame000012.jpg 1,2,3,4,0")
    saved(keeper, 1)
    Labeller(tmp_path / "he", truth, dataset).take(1)

    lines = dataset.read_text().splitlines()
    assert lines[0] == "images/by_hand_frame000012.jpg 1,2,3,4,0"
    assert lines[1].startswith("images/00000000_frame000001.jpg ")
    assert dataset.read_text().endswith("\n")


def test_what_has_no_json_yet_or_is_gone_again_is_left_alone(
    tmp_path: Path, keeper: Keeper, truth: Path, dataset: Path
) -> None:
    saved(keeper, 1, 2)
    (tmp_path / "he" / "00000000_frame000001.json").unlink()
    (tmp_path / "he" / "00000001_frame000002.jpg").unlink()

    assert Labeller(tmp_path / "he", truth, dataset).take(10) == 0
    assert dataset.read_text() == ""


def test_frames_without_known_truth_are_skipped(tmp_path: Path, keeper: Keeper, truth: Path, dataset: Path) -> None:
    saved(keeper, 500, 3)
    assert Labeller(tmp_path / "he", truth, dataset).take(10) == 1


def test_it_is_a_command_too(tmp_path: Path, keeper: Keeper, truth: Path, dataset: Path) -> None:
    saved(keeper, 1, 2, 3)
    arguments = ["--hard-examples", str(tmp_path / "he"), "--truth", str(truth), "--dataset", str(dataset)]
    told = CliRunner().invoke(main, [*arguments, "--at-most", "2"], catch_exceptions=False)

    assert told.output == "Labelled 2 hard examples, 2 in all.\n"


def test_the_oldest_kept_frames_make_room(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "he", most=3)
    for frame in range(5):
        keeper.keep(frame, PICTURE, [])

    assert [path.name for path in sorted((tmp_path / "he").glob("*.jpg"))] == [
        f"{number:08d}_frame{number:06d}.jpg" for number in (2, 3, 4)
    ]
    assert len(list((tmp_path / "he").iterdir())) == 6


def test_names_go_on_sorting_by_time_after_a_restart(tmp_path: Path) -> None:
    Keeper(tmp_path / "he", most=10).keep(9, PICTURE)
    later = Keeper(tmp_path / "he", most=10).keep(2, PICTURE)

    assert later.name == "00000001_frame000002.jpg"
