"""A client that takes too much hurts itself only, and costs bounded memory."""

from __future__ import annotations

import pytest

from sedna_gm.errors import TooMany
from sedna_gm.identity.identities import ANYONE, Identity
from sedna_gm.identity.limiting import WATCHES, Failures, Places


class Standing:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_places_are_counted_by_name_and_given_back_once() -> None:
    places = Places(2, 1, WATCHES)
    ann, again, edge = Identity("person", "ann", "a"), Identity("person", "ann", "b"), Identity("node", "ann", "c")
    first, _ = places.take(ann), places.take(again)
    with pytest.raises(TooMany):
        places.take(ann)
    places.take(edge)
    with pytest.raises(TooMany, match="node ann has 1 watches open"):
        places.take(edge)
    first()
    first()
    places.take(ann)
    with pytest.raises(TooMany):
        places.take(ann)


def test_who_is_not_known_by_name_is_not_counted() -> None:
    places = Places(1, 1, WATCHES)
    for _ in range(100):
        places.take(ANYONE)


def failed(failures: Failures, address: str) -> bool:
    """Whether one more failure was one too many."""
    try:
        failures.note(address)
    except TooMany:
        return True
    return False


def test_a_burst_of_failures_is_slowed_down_and_forgiven_with_time() -> None:
    clock = Standing()
    failures = Failures(clock)
    assert [failed(failures, "a") for _ in range(31)] == [False] * 30 + [True]
    assert not failed(failures, "b")
    clock.now = 2.0
    assert [failed(failures, "a") for _ in range(2)] == [False, True]
    clock.now = 1000.0
    assert [failed(failures, "a") for _ in range(31)] == [False] * 30 + [True]


def test_addresses_without_end_cost_bounded_memory() -> None:
    failures = Failures(Standing())
    for number in range(10_050):
        failures.note(str(number))
    assert len(failures._levels) == 10_000
