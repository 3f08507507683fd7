"""A round has one id, wherever it is made."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from sedna.api.names import check_label_value
from sedna.api.rounds import round_id

uids = st.text(min_size=1, max_size=40)
numbers = st.integers(min_value=1, max_value=10**9)


@given(uids, numbers)
def test_an_id_is_a_short_word_that_a_label_may_hold(uid: str, number: int) -> None:
    found = round_id(uid, number)
    assert re.fullmatch(r"[0-9a-f]{12}", found)
    check_label_value(found)


@given(uids, numbers, uids, numbers)
def test_other_rounds_have_other_ids(uid: str, number: int, other: str, another: int) -> None:
    assert (round_id(uid, number) == round_id(other, another)) == ((uid, number) == (other, another))


def test_what_was_there_before_the_first_round_has_none() -> None:
    assert round_id("u", 0) == ""
    assert round_id("", 1) == ""


def test_an_id_is_for_ever() -> None:
    # It stands in records and logs: another way of making it would tear them apart.
    assert round_id("6f1c2c9e-3b0a-4f0e-9b5e-0f6f6f6f6f6f", 7) == "68747f26da76"
