"""A copy of a prediction is as deep as `copy.deepcopy`'s, whatever the estimator answers."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.core.copying import deep_copy

numbers = st.floats(allow_nan=False) | st.integers() | st.text(max_size=3) | st.booleans() | st.none()
answers = st.recursive(
    numbers,
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=20,
)


def shared(one: Any, other: Any) -> list[Any]:
    """What can be changed in both at once."""
    if not isinstance(one, (list, tuple, dict)):
        return []
    pairs = zip(one.values(), other.values(), strict=True) if isinstance(one, dict) else zip(one, other, strict=True)
    inside = [found for pair in pairs for found in shared(*pair)]
    return [one, *inside] if one is other and not isinstance(one, tuple) else inside


@given(answers | st.lists(st.lists(numbers, max_size=6), max_size=5))
def test_a_copy_is_equal_and_shares_nothing_that_can_be_changed(answer: Any) -> None:
    copied = deep_copy(answer)
    assert copied == copy.deepcopy(answer)
    assert type(copied) is type(answer)
    assert shared(answer, copied) == []


@pytest.mark.parametrize("answer", [np.ones((2, 6)), [np.ones(6), np.zeros(6)], [[0.1, np.float32(0.5)], [0.2]]])
def test_what_numpy_holds_is_copied_as_well(answer: Any) -> None:
    copied = deep_copy(answer)
    assert copied is not answer
    copied[0][1] = 7
    assert answer[0][1] != 7
