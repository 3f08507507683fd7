"""Precision, recall and average precision against cases worked out by hand, and the rules that always hold."""

from __future__ import annotations

import numpy as np
import pytest
from helmets.boxes import overlaps, suppress
from helmets.metrics import average_precision, score
from hypothesis import given
from hypothesis import strategies as st

NOTHING_FOUND = np.zeros((0, 6), np.float32)
NOTHING_THERE = np.zeros((0, 5), np.float32)


def found(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 6)


def there(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 5)


def test_overlap_of_two_squares_that_share_half_a_side() -> None:
    # 10 x 10 each, shifted by 5: 50 shared of 150.
    assert overlaps(np.array([[0, 0, 10, 10]]), np.array([[5, 0, 15, 10]]))[0, 0] == pytest.approx(1 / 3)


def test_boxes_that_only_touch_do_not_overlap() -> None:
    assert overlaps(np.array([[0, 0, 10, 10]]), np.array([[10, 0, 20, 10]]))[0, 0] == 0


def test_average_precision_worked_out_by_hand() -> None:
    # Right, wrong, right of three true boxes: precision 1, 1/2, 2/3 at recall 1/3, 1/3, 2/3.
    # Made falling: 1 until 1/3, then 2/3 until 2/3, nothing after: 1/3 * 1 + 1/3 * 2/3 = 5/9.
    assert average_precision(np.array([1, 0, 1], np.float32), 3) == pytest.approx(5 / 9)


@pytest.mark.parametrize(
    ("right", "there_are", "area"),
    [([], 4, 0.0), ([0, 0], 1, 0.0), ([1], 1, 1.0), ([0, 1], 1, 0.5), ([1, 1], 4, 0.5)],
)
def test_average_precision_of_plain_cases(right: list[int], there_are: int, area: float) -> None:
    assert average_precision(np.array(right, np.float32), there_are) == pytest.approx(area)


def test_precision_and_recall_count_only_findings_above_the_threshold() -> None:
    truth = [there((0, 0, 10, 10, 0), (20, 0, 30, 10, 0))]
    findings = [found((0, 0, 10, 10, 0.9, 0), (50, 50, 60, 60, 0.8, 0), (20, 0, 30, 10, 0.2, 0))]

    scores = score(findings, truth, classes=1, threshold=0.3)

    assert scores.precision == pytest.approx(1 / 2)
    assert scores.recall == pytest.approx(1 / 2)
    # Right, wrong, right of two: 1/2 * 1 + 1/2 * 2/3.
    assert scores.mean_average_precision == pytest.approx(5 / 6)


def test_a_second_finding_on_the_same_object_is_wrong() -> None:
    truth = [there((0, 0, 10, 10, 0))]
    scores = score([found((0, 0, 10, 10, 0.9, 0), (0, 0, 10, 11, 0.8, 0))], truth, classes=1, threshold=0.3)

    assert (scores.precision, scores.recall) == (0.5, 1.0)


def test_a_finding_of_another_class_is_wrong_there_and_missing_here() -> None:
    scores = score([found((0, 0, 10, 10, 0.9, 1))], [there((0, 0, 10, 10, 0))], classes=2, threshold=0.3)

    assert (scores.precision, scores.recall, scores.mean_average_precision) == (0.0, 0.0, 0.0)


def test_a_box_counts_from_half_of_the_union_on() -> None:
    # 10 x 10 against 10 x 20: 100 of 200 is just enough; 10 x 21 is not.
    enough = score([found((0, 0, 10, 10, 0.9, 0))], [there((0, 0, 10, 20, 0))], classes=1, threshold=0.3)
    short = score([found((0, 0, 10, 10, 0.9, 0))], [there((0, 0, 10, 21, 0))], classes=1, threshold=0.3)

    assert (enough.recall, short.recall) == (1.0, 0.0)


def test_a_class_that_is_nowhere_does_not_lower_the_mean() -> None:
    scores = score([found((0, 0, 10, 10, 0.9, 0))], [there((0, 0, 10, 10, 0))], classes=3, threshold=0.3)

    assert scores.mean_average_precision == 1.0
    assert scores.average_precision == [1.0, 0.0, 0.0]


def test_nothing_found_and_nothing_there_is_zero_not_an_error() -> None:
    scores = score([NOTHING_FOUND], [NOTHING_THERE], classes=2, threshold=0.3)

    assert (scores.precision, scores.recall, scores.mean_average_precision) == (0.0, 0.0, 0.0)


box = st.tuples(st.integers(0, 80), st.integers(0, 80), st.integers(4, 40), st.integers(4, 40)).map(
    lambda b: (float(b[0]), float(b[1]), float(b[0] + b[2]), float(b[1] + b[3]))
)
finding = st.tuples(box, st.floats(0.0625, 1, width=32), st.integers(0, 2)).map(lambda f: (*f[0], f[1], float(f[2])))
truth_box = st.tuples(box, st.integers(0, 2)).map(lambda t: (*t[0], float(t[1])))
pictures = st.lists(st.tuples(st.lists(finding, max_size=6), st.lists(truth_box, max_size=6)), min_size=1, max_size=4)


@given(pictures)
def test_every_score_is_between_nothing_and_all(
    data: list[tuple[list[tuple[float, ...]], list[tuple[float, ...]]]],
) -> None:
    scores = score([found(*f) for f, _ in data], [there(*t) for _, t in data], classes=3, threshold=0.3)

    for value in (scores.precision, scores.recall, scores.mean_average_precision, *scores.average_precision):
        assert 0.0 <= value <= 1.0 + 1e-6


@given(st.lists(st.lists(truth_box, min_size=1, max_size=3, unique_by=lambda t: t[4]), min_size=1, max_size=4))
def test_the_truth_itself_scores_one(data: list[list[tuple[float, ...]]]) -> None:
    findings = [found(*((*t[:4], 0.9, t[4]) for t in boxes)) for boxes in data]
    scores = score(findings, [there(*boxes) for boxes in data], classes=3, threshold=0.3)

    assert scores.precision == scores.recall == 1.0
    assert scores.mean_average_precision == pytest.approx(1.0)


@given(pictures)
def test_one_more_wrong_finding_of_low_score_changes_no_average_precision(
    data: list[tuple[list[tuple[float, ...]], list[tuple[float, ...]]]],
) -> None:
    truth = [there(*t) for _, t in data]
    before = score([found(*f) for f, _ in data], truth, classes=3, threshold=0.3)
    far = (900.0, 900.0, 910.0, 910.0, 0.001, 0.0)
    after = score([found(*f, far) for f, _ in data], truth, classes=3, threshold=0.3)

    assert after.average_precision == pytest.approx(before.average_precision)


@given(st.lists(st.tuples(box, st.floats(0, 1, width=32)), max_size=12))
def test_what_survives_suppression_hardly_overlaps_and_is_the_best(
    found_boxes: list[tuple[tuple[float, ...], float]],
) -> None:
    boxes = np.array([b for b, _ in found_boxes], np.float32).reshape(-1, 4)
    scores = np.array([s for _, s in found_boxes], np.float32)
    kept = suppress(boxes, scores, 0.4)

    table = overlaps(boxes, boxes)
    assert all(table[a, b] <= 0.4 for a in kept for b in kept if a != b)
    for index in range(len(boxes)):
        assert index in kept or any(table[index, other] > 0.4 and scores[other] >= scores[index] for other in kept)
