"""The generator: the same seed draws the same site, labels lie on what was drawn, and nothing is drawn twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helmets.samples import parse
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes.domains import DAY, DUSK, Domain
from scenes.labelling import CLASSES, HEIGHT, PERSON, WIDTH, Label, visible
from scenes.recording import Stills, Video, line_of, record, still
from scenes.staging import Shot

both_domains = pytest.mark.parametrize("domain", [DAY, DUSK], ids=lambda domain: domain.name)


@both_domains
def test_the_same_seed_draws_the_same_picture(domain: Domain) -> None:
    first, labels = Shot(domain, (1, 2)).picture(3.0)
    again, labels_again = Shot(domain, (1, 2)).picture(3.0)

    assert np.array_equal(first, again)
    assert labels == labels_again


def test_a_picture_does_not_depend_on_what_was_drawn_before_it() -> None:
    shot = Shot(DUSK, (4,))
    shot.picture(0.0)
    after_another, _ = shot.picture(1.0)
    alone, _ = Shot(DUSK, (4,)).picture(1.0)

    assert np.array_equal(after_another, alone)


def test_another_seed_draws_another_picture() -> None:
    assert not np.array_equal(Shot(DAY, (1,)).picture(0.0)[0], Shot(DAY, (2,)).picture(0.0)[0])


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), moment=st.floats(0, 60), dusk=st.booleans())
def test_every_label_lies_inside_the_picture(seed: int, moment: float, dusk: bool) -> None:
    picture, labels = Shot(DUSK if dusk else DAY, (seed,)).picture(moment)

    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert picture.dtype == np.uint8
    for label in labels:
        left, top, right, bottom = label.box
        assert 0 <= left < right <= WIDTH
        assert 0 <= top < bottom <= HEIGHT
        assert 0 <= label.kind < len(CLASSES)


def test_people_of_domain_b_are_smaller_and_its_light_is_less() -> None:
    def facts(name: str) -> tuple[float, float]:
        drawn = [still(Stills(name, 5, 30), index)[:2] for index in range(30)]
        tall = [label.box[3] - label.box[1] for _, labels in drawn for label in labels if label.kind == PERSON]
        return float(np.median(tall)), float(np.mean([picture.mean() for picture, _ in drawn]))

    (tall_a, light_a), (tall_b, light_b) = facts("A"), facts("B")
    assert tall_b < 0.85 * tall_a
    assert light_b < 0.8 * light_a


def test_tracks_are_coherent_over_frames() -> None:
    def people(moment: float) -> np.ndarray:
        _, labels = Shot(DUSK, (11,)).picture(moment)
        return np.array([label.box for label in labels if label.kind == PERSON], float)

    before, after = people(1.0), people(1.0 + 1 / 6)
    assert len(before) > 0
    for box in before:
        middle = (box[:2] + box[2:]) / 2
        distances = np.linalg.norm((after[:, :2] + after[:, 2:]) / 2 - middle, axis=1)
        assert distances.min() < 20


def test_what_stands_behind_something_is_not_labelled() -> None:
    head = (3, [100.0, 100.0, 120.0, 120.0])

    assert visible([head], [(0, [100.0, 100.0, 110.0, 120.0])]) != []
    assert visible([head], [(1, [90.0, 90.0, 130.0, 130.0])]) == []
    # What was painted before it, or is the figure itself, hides nothing.
    assert visible([head], [(0, [90.0, 90.0, 130.0, 130.0])]) != []


boxes = st.tuples(st.integers(0, 300), st.integers(0, 150), st.integers(301, 639), st.integers(151, 351))


@given(st.lists(st.builds(Label, boxes, st.integers(0, 3)), max_size=20))
def test_a_line_of_a_list_is_read_as_it_was_written(labels: list[Label]) -> None:
    name, read = parse(line_of("images/00001.jpg", labels), len(CLASSES))

    assert name == "images/00001.jpg"
    assert [Label(tuple(int(v) for v in row[:4]), int(row[4])) for row in read] == labels


def test_a_second_run_draws_nothing(tmp_path: Path) -> None:
    recipe, told = Stills("A", 1, 3), []
    record(tmp_path / "a", recipe, told.append)
    pictures = sorted((tmp_path / "a" / "images").iterdir())
    times = [path.stat().st_mtime_ns for path in pictures]

    record(tmp_path / "a", recipe, told.append)

    assert told == [1, 1, 1, 3]
    assert [path.stat().st_mtime_ns for path in pictures] == times
    assert len((tmp_path / "a" / "list.txt").read_text().splitlines()) == 3


def test_a_folder_that_was_left_half_made_or_has_another_recipe_is_made_again(tmp_path: Path) -> None:
    record(tmp_path, Stills("A", 1, 2), lambda _: None)
    first = (tmp_path / "list.txt").read_text()
    (tmp_path / "recipe.json").unlink()
    (tmp_path / "list.txt").unlink()

    record(tmp_path, Stills("A", 1, 2), lambda _: None)
    assert (tmp_path / "list.txt").read_text() == first

    record(tmp_path, Stills("A", 2, 2), lambda _: None)
    assert (tmp_path / "list.txt").read_text() != first


def test_a_video_has_one_line_of_truth_per_frame(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    record(tmp_path, Video("B", 1, shots=2, frames=3, fps=6), lambda _: None)
    film = cv2.VideoCapture(str(tmp_path / "video.mp4"))
    count = 0
    while film.grab():
        count += 1
    film.release()

    truth = (tmp_path / "truth.txt").read_text().splitlines()
    assert count == len(truth) == 6
    assert [line.split()[0] for line in truth] == [str(number) for number in range(6)]
