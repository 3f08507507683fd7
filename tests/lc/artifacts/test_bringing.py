"""What is common to all that is brought to a node: who is told of it, and when it is given up."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator

import pytest

from sedna_lc.artifacts.bringing import Bringer, Fetch
from sedna_lc.artifacts.moving import Stopped
from sedna_lc.state.stores import Key

A, B = ("a", ""), ("b", "")


class Things(Bringer[Fetch]):
    """Takes turns and brings nothing."""

    def __init__(self) -> None:
        super().__init__("Thing", lambda: iter(lambda: 0.01, None), time.monotonic)
        self.wanted = {"a", "b"}
        self.pruned = threading.Event()
        self.turns: list[Key] = []

    def ask(self, key: Key, *waiters: Key) -> Fetch:
        fetch = self._fetches[key] = Fetch(pauses=iter(()), waiters=set(waiters))
        return fetch

    def _named(self) -> Collection[str]:
        return self.wanted

    def _prune(self) -> None:
        self.pruned.set()

    def _step(self, key: Key) -> float | None:
        self.turns.append(key)
        return None


@pytest.fixture
def things() -> Iterator[Things]:
    made = Things()
    yield made
    made.close()


def test_a_step_forward_wakes_exactly_those_who_wait_for_it(things: Things) -> None:
    woken: list[Key] = []
    things.subscribe(woken.append)
    fetch = things.ask(A, ("default", "one"), ("default", "two"))
    things.ask(B, ("default", "three"))
    things._tell(fetch)
    assert sorted(woken) == [("default", "one"), ("default", "two")]


def test_what_nobody_names_any_more_is_given_up_at_once_and_the_rest_goes_on(things: Things) -> None:
    given_up, kept = things._going(A, things.ask(A)), things._going(B, things.ask(B))
    given_up()
    things.wanted = {"b"}
    things.tidy()
    with pytest.raises(Stopped):
        given_up()
    kept()


def test_one_that_was_asked_for_anew_does_not_carry_the_old_one_on(things: Things) -> None:
    old = things._going(A, things.ask(A))
    new = things._going(A, things.ask(A))
    with pytest.raises(Stopped):
        old()
    new()


def test_all_stop_when_the_node_stops(things: Things) -> None:
    going = things._going(A, things.ask(A))
    things.close()
    with pytest.raises(Stopped):
        going()


def test_the_first_act_is_to_throw_away_what_nobody_needs_and_it_is_no_fetch(things: Things) -> None:
    things.start()
    assert things.pruned.wait(20)
    assert things.turns == []
