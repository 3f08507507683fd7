"""The three-way merge: for any three documents the patch leads where it should, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.api.merging import covers, merge_patch
from tests.cli.fake_gm import merged

scalars = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "a", "b"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


def without_nulls(value: Any) -> Any:
    """What a mapping says when a null key stands for no key; lists travel as they are."""
    if not isinstance(value, dict):
        return value
    return {key: without_nulls(part) for key, part in value.items() if part is not None}


documents = st.dictionaries(st.sampled_from("abcd"), values, max_size=4)


@given(documents, documents, documents)
def test_after_the_patch_the_server_says_all_that_is_wanted(last: Any, wanted: Any, live: Any) -> None:
    assert covers(merged(live, merge_patch(last, wanted, live)), without_nulls(wanted))


@given(documents, documents, documents)
def test_a_second_apply_has_nothing_to_do(last: Any, wanted: Any, live: Any) -> None:
    after = merged(live, merge_patch(last, wanted, live))
    assert merge_patch(wanted, wanted, after) == {}


@given(documents, documents)
def test_what_nobody_applied_is_never_removed(wanted: Any, live: Any) -> None:
    after = merged(live, merge_patch({}, wanted, live))
    assert set(live) - {key for key, value in wanted.items() if value is None} <= set(after)


@given(documents, documents)
def test_what_was_applied_and_is_wanted_no_more_goes(last: Any, live: Any) -> None:
    after = merged(live, merge_patch(last, {}, live))
    assert not set(last) & set(after)


@pytest.mark.parametrize(
    ("live", "wanted", "same"),
    [
        ([{"name": "a", "defaulted": 1}], [{"name": "a"}], True),
        ([{"name": "a"}, {"name": "b"}], [{"name": "a"}], False),
        (True, 1, False),
        (1, 1.0, True),
    ],
    ids=["a default in a list", "one too many", "true is no number", "one is one"],
)
def test_saying_the_same(live: Any, wanted: Any, same: bool) -> None:
    assert covers(live, wanted) is same
