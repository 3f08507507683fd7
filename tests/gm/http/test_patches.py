"""The laws of RFC 7386 and RFC 6902."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_gm.errors import BadRequest, GMError, Refused
from sedna_gm.http.patches import apply_operations, merge
from sedna_gm.store.revising import same

KEYS = st.sampled_from(["a", "b", "c~/d", ""])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(entry) for key, entry in value.items() if entry is not None}
    return value


# The examples of RFC 7386, appendix A.
@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patches_do_what_the_rfc_shows(target: Any, patch: Any, result: Any) -> None:
    assert merge(target, patch) == result


@given(VALUES, VALUES)
def test_a_merge_patch_twice_is_a_merge_patch_once(target: Any, patch: Any) -> None:
    once = merge(target, patch)
    assert same(merge(once, patch), once)


@given(VALUES, VALUES)
def test_a_merge_changes_neither_of_its_arguments(target: Any, patch: Any) -> None:
    before = copy.deepcopy((target, patch))
    result = merge(target, patch)
    if isinstance(result, dict):
        result["spoilt"] = True
    assert (target, patch) == before


@given(VALUES)
def test_an_empty_merge_patch_changes_no_mapping(target: Any) -> None:
    assert merge(target, {}) == (target if isinstance(target, dict) else {})


# Most of the examples of RFC 6902, appendix A.
@pytest.mark.parametrize(
    ("target", "operation", "result"),
    [
        ({"foo": "bar"}, {"op": "add", "path": "/baz", "value": "qux"}, {"foo": "bar", "baz": "qux"}),
        ({"foo": [1, 2]}, {"op": "add", "path": "/foo/1", "value": 9}, {"foo": [1, 9, 2]}),
        ({"foo": [1]}, {"op": "add", "path": "/foo/-", "value": [2]}, {"foo": [1, [2]]}),
        ({"foo": [1]}, {"op": "add", "path": "/foo/1", "value": 2}, {"foo": [1, 2]}),
        ({"foo": 1}, {"op": "add", "path": "/foo", "value": None}, {"foo": None}),
        ({"foo": 1}, {"op": "add", "path": "", "value": {}}, {}),
        ({"a": 1, "b": 2}, {"op": "remove", "path": "/a"}, {"b": 2}),
        ({"a": [1, 2, 3]}, {"op": "remove", "path": "/a/1"}, {"a": [1, 3]}),
        ({"a": 1}, {"op": "replace", "path": "/a", "value": 2}, {"a": 2}),
        ({"a": {"b": 1}, "c": {}}, {"op": "move", "from": "/a/b", "path": "/c/d"}, {"a": {}, "c": {"d": 1}}),
        ({"a": [1, 2, 3]}, {"op": "move", "from": "/a/0", "path": "/a/2"}, {"a": [2, 3, 1]}),
        ({"a": {"b": 1}}, {"op": "copy", "from": "/a", "path": "/c"}, {"a": {"b": 1}, "c": {"b": 1}}),
        ({"a": 1}, {"op": "test", "path": "/a", "value": 1}, {"a": 1}),
        ({"/": 9, "~1": 10}, {"op": "test", "path": "/~01", "value": 10}, {"/": 9, "~1": 10}),
        ({"/": 9}, {"op": "replace", "path": "/~1", "value": 8}, {"/": 8}),
        ({"": 1}, {"op": "remove", "path": "/"}, {}),
        ({"a": 1}, {"op": "move", "from": "/a", "path": "/a"}, {"a": 1}),
    ],
)
def test_operations_do_what_the_rfc_shows(target: Any, operation: Any, result: Any) -> None:
    assert apply_operations(target, [operation]) == result


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add", "path": "/a/b/c", "value": 1},
        {"op": "add", "path": "/list/3", "value": 1},
        {"op": "add", "path": "/list/01", "value": 1},
        {"op": "add", "path": "/list/x", "value": 1},
        {"op": "remove", "path": "/missing"},
        {"op": "remove", "path": "/list/-"},
        {"op": "replace", "path": "/missing", "value": 1},
        {"op": "test", "path": "/list", "value": [True, 2]},
        {"op": "test", "path": "/missing", "value": None},
        {"op": "copy", "from": "/missing", "path": "/a"},
        {"op": "move", "from": "/list", "path": "/list/0"},
    ],
)
def test_what_cannot_be_done_is_refused_and_does_nothing(operation: Any) -> None:
    target = {"a": 1, "list": [1, 2]}
    with pytest.raises(Refused, match="Operation 1"):
        apply_operations(target, [{"op": "add", "path": "/b", "value": 1}, operation])
    assert target == {"a": 1, "list": [1, 2]}


@pytest.mark.parametrize(
    "patch",
    [
        {},
        "text",
        [7],
        [{}],
        [{"op": "grow", "path": "/a"}],
        [{"op": "add", "path": "/a"}],
        [{"op": "add", "path": "a", "value": 1}],
        [{"op": "add", "path": 7, "value": 1}],
        [{"op": "copy", "path": "/a"}],
        [{"op": "test", "path": "", "value": {}}] * 10_001,
        [{"op": "copy", "from": "", "path": "/a"}] * 101,
    ],
    ids=range(11),
)
def test_a_malformed_patch_is_a_bad_request(patch: Any) -> None:
    with pytest.raises(BadRequest):
        apply_operations({}, patch)


def pointers(value: Any, here: str = "") -> list[str]:
    found = [here]
    if isinstance(value, dict):
        for key, entry in value.items():
            found += pointers(entry, f"{here}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            found += pointers(entry, f"{here}/{index}")
    return found


@given(VALUES, VALUES, st.data())
def test_replacing_and_replacing_back_changes_nothing(target: Any, value: Any, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(pointers(target)))
    copied = apply_operations({"t": target, "v": None}, [{"op": "copy", "from": f"/t{path}", "path": "/v"}])["v"]
    there = [{"op": "replace", "path": path, "value": value}, {"op": "test", "path": path, "value": value}]
    back = [{"op": "replace", "path": path, "value": copied}]
    assert same(apply_operations(target, there + back), target)


@given(VALUES, st.lists(st.fixed_dictionaries({
    "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]),
    "path": st.sampled_from(["", "/a", "/b/0", "/a/b", "/-", "/0", "/c~0~1d"]),
    "from": st.sampled_from(["", "/a", "/b", "/0"]),
    "value": VALUES,
}), max_size=4))  # fmt: skip
def test_no_patch_whatever_breaks_anything(target: Any, patch: Any) -> None:
    before = copy.deepcopy(target)
    try:
        apply_operations(target, patch)
    except GMError as error:
        assert error.code in (400, 422)
    assert same(target, before)
