"""No parser crashes or hangs, whatever comes: it accepts, or refuses in words of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attacks.parsers import PARSERS, Parser, attack

every_parser = pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS.keys())

_WORDS = st.sampled_from(
    ["", "a", "..", "/", "\0", "~", "metadata", "spec", "name", "\u2028", "\U0001f600", "\ud800", "1e999", "-0", "NaN"]
)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _WORDS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS | st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)
# What breaks parsers that were written with good input in mind.
_NASTY = (
    b"", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"[" * 100_000, b'{"a":' * 50_000, b"- " * 50_000, b"1" * 5_000,
    b"&a [*a, *a]", b"!!python/object:os.system x", b"{" * 3_000, b"'", b"1e999999", b"\xed\xa0\x80", b"!!bool maybe",
    b"!!binary x", b"? ? ? ?", b"2001-99-99", b"!!timestamp 9", b"*", b"%YAML 9.9\n---\n", b"\n" * 10_000, b"-" * 9_999,
)  # fmt: skip


def _cut(seed: bytes, begin: int, end: int, piece: bytes) -> bytes:
    low, high = sorted((begin % (len(seed) + 1), end % (len(seed) + 1)))
    return seed[:low] + piece + seed[high:]


def _replaced(document: Any, path: list[int], value: Any) -> Any:
    """The document with one part, found by numbers, replaced by something else."""
    if not path or not isinstance(document, dict | list) or not document:
        return value
    if isinstance(document, list):
        place = path[0] % len(document)
        return [_replaced(each, path[1:], value) if at == place else each for at, each in enumerate(document)]
    key = list(document)[path[0] % len(document)]
    return {**document, key: _replaced(document[key], path[1:], value)}


@every_parser
def test_what_is_right_is_accepted(parser: Parser) -> None:
    assert all(attack(parser, seed) for seed in parser.seeds)


@every_parser
def test_what_is_nasty_is_refused_or_taken_but_never_a_crash(parser: Parser) -> None:
    for data in _NASTY:
        attack(parser, data)


@every_parser
@settings(max_examples=60)
@given(data=st.data())
def test_bytes_cut_from_and_put_into_what_is_right(parser: Parser, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from(parser.seeds))
    whole = st.integers(0, 2**16)
    attack(parser, _cut(seed, data.draw(whole), data.draw(whole), data.draw(st.binary(max_size=12))))


@pytest.mark.parametrize(
    "name", ["json", "manifests", "patches", "triggers", "trees", "hot updates", "reports", "spooled reports", "lc.yml"]
)
@settings(max_examples=80)
@given(data=st.data())
def test_any_part_of_a_right_document_replaced_by_anything(name: str, data: st.DataObject) -> None:
    parser = PARSERS[name]
    documents = [json.loads(seed) for seed in parser.seeds if seed[:1] in b"[{"] or [{}]
    document = _replaced(
        data.draw(st.sampled_from(documents)),
        data.draw(st.lists(st.integers(0, 9), min_size=1, max_size=7)),
        data.draw(_VALUES),
    )
    attack(parser, json.dumps(document).encode())
