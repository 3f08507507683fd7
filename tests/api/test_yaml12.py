"""YAML is read by the 1.2 rules, and every refusal names its place."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sedna.api.yaml12 import YamlError, load_documents


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("20:00", "20:00"),  # YAML 1.1: 1200
        ("02:00", "02:00"),
        ("no", "no"),  # YAML 1.1: false
        ("on", "on"),
        ("0o17", 15),
        ("017", 17),  # YAML 1.1: 15
        ("1_000", "1_000"),  # YAML 1.1: 1000
        ("2026-11-22", "2026-11-22"),  # YAML 1.1: a date
        ("true", True),
        ("~", None),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("0x1F", 31),
        ("-7", -7),
    ],
)
def test_plain_scalars_follow_the_core_schema(text: str, value: object) -> None:
    assert load_documents(f"a: {text}") == [{"a": value}]


@pytest.mark.parametrize(
    ("text", "line", "column", "part"),
    [
        ("a: [1, 2", 1, 9, "expected"),
        ("a: 1\nb:\n\t- 2", 3, 1, "cannot start any token"),
        ("a: 1\nb: 2\na: 3", 3, 1, "'a' is given twice"),
        ("a: &x 1\nb: *x", 2, 4, "aliases are not accepted"),
        ("a: 1\n? [b]\n: 2", 2, 3, "is not a text"),
        ("a: 1\n2: 3", 2, 1, "is not a text"),
        ("a: \x00", 1, 4, "may not stand in YAML"),
        ("a: !!timestamp 2026-11-22", 1, 4, "could not determine a constructor"),
        ('a: "\\ud800"', 1, 4, "half a surrogate pair"),
        ("a: !!bool maybe", 1, 1, "does not fit its tag"),
        ("a: !!python/object:os.system 1", 1, 4, "could not determine a constructor"),
    ],
)
def test_what_is_not_yaml_is_refused_with_line_and_column(text: str, line: int, column: int, part: str) -> None:
    with pytest.raises(YamlError, match=part) as caught:
        load_documents(text)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_bytes_that_are_not_utf8_are_refused_with_their_place() -> None:
    with pytest.raises(YamlError, match="0xff is not UTF-8") as caught:
        load_documents("a: 1\nä: ".encode() + b"\xff")
    assert (caught.value.line, caught.value.column) == (2, 4)


def test_a_bomb_of_nested_lists_is_refused_not_a_crash() -> None:
    with pytest.raises(YamlError, match="levels deep"):
        load_documents("[" * 100_000)


def test_a_number_of_ten_thousand_digits_is_refused_not_a_crash() -> None:
    with pytest.raises(YamlError, match="too many digits"):
        load_documents("a: " + "9" * 10_000)


def test_several_documents_come_in_order_and_empty_ones_are_left_out() -> None:
    assert load_documents("a: 1\n---\n---\nb: 2\n...\n") == [{"a": 1}, {"b": 2}]


# YAML holds a key on one line to 1,024 characters, written as escapes.
_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(_text, _json, min_size=1, max_size=4))
def test_all_json_is_yaml_and_keeps_its_values(value: dict[str, object]) -> None:
    assert load_documents(json.dumps(value)) == [value]


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.integers() | st.booleans()))
def test_what_pyyaml_writes_is_read_back(value: dict[str, object]) -> None:
    assert load_documents(yaml.safe_dump(value)) == [value]


@given(st.text())
def test_any_text_is_read_or_refused_by_yaml_error(text: str) -> None:
    try:
        load_documents(text)
    except YamlError as error:
        assert error.line >= 1
        assert error.column >= 1
