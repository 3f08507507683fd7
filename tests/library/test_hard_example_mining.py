"""The six rules, over lists and arrays, over text parameters, and over results nobody expected."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.algorithms import hard_example_mining
from sedna.common.class_factory import ClassFactory, ClassType

shares = st.floats(0, 1, allow_nan=False)
boxes = st.lists(st.tuples(*[st.floats(0, 640)] * 4, shares, st.integers(0, 3)).map(list), min_size=1, max_size=20)

NAMES = ["Threshold", "CrossEntropy", "IBT", "Random", "CloudOnly", "EdgeOnly"]
LOOKING = ["Threshold", "CrossEntropy", "IBT"]


def rule(name: str, **parameters: Any) -> Any:
    return ClassFactory.get_cls(ClassType.HEM, name)(**parameters)


def test_all_names_of_the_manifests_are_registered() -> None:
    assert all(ClassFactory.is_exists(ClassType.HEM, name) for name in NAMES)
    assert {f"{name}Filter" for name in NAMES} <= set(hard_example_mining.__all__)


@given(boxes, shares)
def test_threshold_is_the_mean_score_below_it(found: list[list[float]], threshold: float) -> None:
    expected = sum(box[4] for box in found) / len(found) < threshold
    assert rule("Threshold", threshold=threshold)(found) is expected


@given(boxes, shares, shares)
def test_ibt_counts_uncertain_boxes(found: list[list[float]], image: float, box: float) -> None:
    uncertain = [one for one in found if one[4] <= box]
    expected = len(uncertain) / len(found) >= 1 - image
    assert rule("IBT", threshold_img=image, threshold_box=box)(found) is expected


@given(st.lists(st.floats(0.001, 1), min_size=2, max_size=10), shares)
def test_cross_entropy_is_the_formula(weights: list[float], threshold: float) -> None:
    chances = [weight / sum(weights) for weight in weights]
    score = 1 + sum(p * math.log(p) for p in chances) / math.log(len(chances))
    assert rule("CrossEntropy", threshold_cross_entropy=threshold)(chances) is (score < threshold)


@given(boxes, shares, shares)
def test_w49g_arrays_mean_the_same_as_lists(found: list[list[float]], one: float, other: float) -> None:
    for mining in (rule("Threshold", threshold=one), rule("IBT", threshold_img=one, threshold_box=other)):
        assert mining(np.array(found)) is mining(found)
    chances = [box[4] for box in found]
    mining = rule("CrossEntropy", threshold_cross_entropy=one)
    assert mining(np.array(chances)) is mining(chances)


@given(shares)
def test_w49g_text_parameters_mean_the_same_as_numbers(value: float) -> None:
    assert rule("Threshold", threshold=repr(value)).threshold == value
    assert rule("CrossEntropy", threshold_cross_entropy=repr(value)).threshold_cross_entropy == value
    assert rule("IBT", threshold_img=repr(value)).threshold_img == value
    assert rule("Random", random_ratio=repr(value)).random_ratio == value


def test_w49g_random_takes_its_ratio_from_a_manifest() -> None:
    assert not any(rule("Random", random_ratio="0")() for _ in range(100))
    assert all(rule("Random", random_ratio="1")() for _ in range(100))


def test_w49g_certainty_and_a_single_class_are_read() -> None:
    mining = rule("CrossEntropy", threshold_cross_entropy="0.5")
    assert mining([1.0, 0.0, 0.0]) is False
    assert mining([0.34, 0.33, 0.33]) is True
    assert mining([0.99]) is False
    assert mining([0.5]) is True
    # What a softmax in single precision gives.
    assert mining(np.array([1.0000001, 0.0], dtype=np.float32)) is False


@pytest.mark.parametrize("name", LOOKING)
@pytest.mark.parametrize("nothing", [None, [], (), np.empty((0, 6))], ids=["None", "list", "tuple", "array"])
def test_w49x_where_nothing_was_found_is_hard_unless_told_otherwise(name: str, nothing: Any) -> None:
    assert rule(name)(nothing) is True
    assert rule(name, hard_if_empty="false")(nothing) is False


@pytest.mark.parametrize("name", LOOKING)
@pytest.mark.parametrize("result", [7, "text", [[1, 2]], [object()], {"a": 1}, np.array(3.0), [[0, 0, 1, 1, 9, 0]]])
def test_a_result_of_another_shape_is_not_hard_and_says_so_once(
    name: str, result: Any, caplog: pytest.LogCaptureFixture
) -> None:
    mining = rule(name)
    assert mining(result) is False
    assert mining(result) is False
    assert caplog.text.count("are never hard examples") == 1


def test_cloud_only_and_edge_only_do_not_look() -> None:
    assert rule("CloudOnly")(object()) is True
    assert rule("EdgeOnly")() is False


@pytest.mark.parametrize("value", ["high", "", "1.5", "-0.1", "nan", None])
def test_a_parameter_that_is_no_share_is_named(value: Any) -> None:
    with pytest.raises(ValueError, match="threshold_box must be a number from 0 to 1"):
        rule("IBT", threshold_box=value)


def test_an_unknown_parameter_is_named_and_ignored(caplog: pytest.LogCaptureFixture) -> None:
    assert rule("IBT", treshold_box="0.9").threshold_box == 0.5
    assert "IBTFilter has no parameter treshold_box" in caplog.text


@given(st.lists(st.sampled_from([0.0, 0.3, 0.9, 1.0, 1.000001, -0.2, 1.5, math.nan, math.inf]), min_size=1, max_size=6))
def test_boxes_of_floats_mean_the_same_as_boxes_of_numbers_read_one_by_one(scores: list[float]) -> None:
    plain = [[0, 0, 1, 1, score, 0] for score in scores]
    # Text is read one by one, and 0.3 is 0.3 in both.
    read = [[0, 0, 1, 1, str(score), 0] for score in scores]
    for rule in (hard_example_mining.IBTFilter(0.5, 0.5), hard_example_mining.ThresholdFilter(0.5)):
        assert rule(plain) is rule(read)
