"""Selectors mean what Kubernetes means by them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_gm.errors import BadRequest
from sedna_gm.store.selecting import field_value, selector


def resource(**labels: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "d", "namespace": "ns", "labels": labels},
        "spec": {"nodeName": "edge", "hot": True, "list": [1]},
        "status": {"phase": "Running", "count": 3},
    }


def holds(labels: str = "", fields: str = "", **present: str) -> bool:
    matches = selector(labels, fields)
    return matches is None or matches(resource(**present))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("a=b", True), ("a==b", True), ("a=c", False), ("a!=b", False), ("a!=c", True), ("z!=b", True), ("z=b", False),
        ("a in (b,c)", True), ("a in (c)", False), ("a in( b )", True), ("a notin (b)", False), ("a notin (c)", True),
        ("z notin (b)", True), ("a", True), ("z", False), ("!a", False), ("!z", True), ("! z", True),
        ("a=b,c=d", True), ("a=b,c=x", False), ("a in (b,x),c notin (y,z),!q", True), ("e=", True), ("a=", False),
        (" a = b , c = d ", True), ("a in (b,),e in ()", True),
    ],
)  # fmt: skip
def test_labels(labels: str, expected: bool) -> None:
    assert holds(labels, a="b", c="d", e="") is expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("metadata.name=d", True), ("metadata.name=x", False), ("metadata.namespace!=ns", False),
        ("spec.nodeName=edge,status.phase==Running", True), ("spec.nodeName=edge,status.phase=Failed", False),
        ("spec.hot=true", True), ("status.count=3", True), ("spec.missing=", True), ("spec.missing!=x", True),
        ("spec.list=1", False), ("spec.nodeName.deeper=x", False), ("metadata.name!=d", False),
    ],
)  # fmt: skip
def test_fields(fields: str, expected: bool) -> None:
    assert holds(fields=fields) is expected


def test_nothing_asked_is_nothing_to_check() -> None:
    assert selector("", "") is None
    assert selector(" ", " ") is None


@pytest.mark.parametrize(
    "labels",
    ["a b", "=b", "a in b", "a in (b", "a,,b", "!", "a=b=c", "a<3", "a/=b", "UP/er/x=y", "a=" + "x" * 64, "a in (_)"],
)
def test_label_selectors_that_say_nothing_are_refused(labels: str) -> None:
    with pytest.raises(BadRequest):
        selector(labels)


@pytest.mark.parametrize("fields", ["a", "a b", "=x", "a in (b)", "a=b=c", ","])
def test_field_selectors_that_say_nothing_are_refused(fields: str) -> None:
    with pytest.raises(BadRequest):
        selector(fields=fields)


NAMES = st.sampled_from(["a", "b", "c"])
LABELS = st.dictionaries(NAMES, NAMES)


@given(LABELS, NAMES, NAMES)
def test_each_requirement_and_its_contrary_exclude_each_other(present: dict[str, str], key: str, value: str) -> None:
    for one, other in [
        (f"{key}={value}", f"{key}!={value}"),
        (f"{key} in ({value})", f"{key} notin ({value})"),
        (key, f"!{key}"),
    ]:
        assert holds(one, **present) != holds(other, **present)
        assert not holds(f"{one},{other}", **present)


@given(LABELS, st.lists(NAMES, min_size=1), NAMES)
def test_a_set_is_the_sum_of_its_members(present: dict[str, str], values: list[str], key: str) -> None:
    together = holds(f"{key} in ({','.join(values)})", **present)
    assert together == any(holds(f"{key}={value}", **present) for value in values)


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_text_whatever_breaks_the_parser(labels: str, fields: str) -> None:
    try:
        holds(labels, fields)
    except BadRequest:
        pass


def test_a_path_into_nothing_is_empty() -> None:
    assert field_value({}, "a.b") == ""
    assert field_value({"a": None}, "a") == ""
    assert field_value({"a": {"b": {}}}, "a.b") == ""
