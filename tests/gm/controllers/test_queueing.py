"""One queue per key: parallel keys, one key in order, repeats fold, errors slow down their own key only."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_gm.controllers.delays import doubling
from sedna_gm.controllers.queueing import Queue, Workers
from tests.gm.controllers.world import NOON, Clock

DEADLINE = 10.0


def queue() -> tuple[Queue[str], Clock]:
    clock = Clock()
    return Queue(clock), clock


def test_repeats_fold_into_one() -> None:
    keys, _ = queue()
    for _ in range(5):
        keys.add("a")
    assert keys.take(0) == "a"
    assert keys.take(0) is None


def test_a_key_added_while_it_is_handled_has_its_turn_afterwards() -> None:
    keys, _ = queue()
    keys.add("a")
    assert keys.take(0) == "a"
    keys.add("a")
    assert keys.take(0) is None
    keys.done("a")
    assert keys.take(0) == "a"


def test_a_key_waits_for_its_time_and_the_latest_word_counts() -> None:
    keys, clock = queue()
    keys.add_at("a", NOON + timedelta(seconds=5))
    keys.add_at("a", NOON + timedelta(seconds=9))
    clock.now = NOON + timedelta(seconds=6)
    assert keys.take(0) is None
    clock.now = NOON + timedelta(seconds=9)
    assert keys.take(0) == "a"
    assert keys.due("a") is None


@pytest.mark.parametrize("held", [False, True])
def test_a_clock_that_is_set_back_makes_nobody_wait_for_the_hours_in_between(held: bool) -> None:
    keys, clock = queue()
    (keys.hold if held else keys.add_at)("a", NOON + timedelta(seconds=5))
    clock.now = NOON - timedelta(hours=1)
    assert keys.take(0) == "a"
    keys.done("a")
    assert keys.take(0) is None


def test_a_key_that_is_added_forgets_its_appointment() -> None:
    keys, clock = queue()
    keys.add_at("a", NOON + timedelta(seconds=5))
    keys.add("a")
    assert keys.take(0) == "a"
    keys.done("a")
    clock.now = NOON + timedelta(seconds=6)
    assert keys.take(0) is None


def test_a_held_key_is_given_to_nobody_however_often_it_is_added() -> None:
    keys, clock = queue()
    keys.add("a")
    assert keys.take(0) == "a"
    keys.add("a")
    keys.hold("a", NOON + timedelta(seconds=5))
    keys.done("a")
    keys.add("a")
    keys.add_at("a", NOON + timedelta(seconds=1))
    clock.now = NOON + timedelta(seconds=4)
    assert keys.take(0) is None
    clock.now = NOON + timedelta(seconds=5)
    assert keys.take(0) == "a"
    assert keys.take(0) is None


def test_an_error_slows_down_its_own_key_with_growing_delay(caplog: pytest.LogCaptureFixture) -> None:
    keys, clock = queue()
    handled: list[str] = []

    def handle(key: str) -> datetime | None:
        handled.append(key)
        if key == "bad":
            raise RuntimeError("a bug")
        return None

    workers = Workers(keys, handle, threads=1, delay=doubling(1.0, 5.0), clock=clock)
    moments = []
    with caplog.at_level(logging.CRITICAL):
        keys.add("bad")
        for second in range(30):
            clock.now = NOON + timedelta(seconds=second)
            keys.add("good")
            keys.add("bad")
            while workers.handle_next(0):
                if handled[-1] == "bad":
                    moments.append(second)
    assert moments == [0, 1, 3, 7, 12, 17, 22, 27]
    assert handled.count("good") == 30


def test_after_a_success_the_delays_begin_anew(caplog: pytest.LogCaptureFixture) -> None:
    keys, clock = queue()
    outcomes = iter([True, True, False, True])

    def handle(_: str) -> datetime | None:
        if next(outcomes):
            raise RuntimeError("a bug")
        return None

    workers = Workers(keys, handle, threads=1, delay=doubling(1.0, 60.0), clock=clock)
    delays = []
    with caplog.at_level(logging.CRITICAL):
        for _ in range(4):
            keys.add("a")
            clock.now += timedelta(hours=1)
            workers.handle_next(0)
            due = keys.due("a")
            delays.append((due - clock.now).total_seconds() if due else None)
    assert delays == [1.0, 2.0, None, 1.0]


def test_w79_keys_are_handled_in_parallel_and_one_key_in_order() -> None:
    clock = Clock()
    keys: Queue[int] = Queue(clock)
    both = threading.Barrier(2, timeout=DEADLINE)
    running: dict[int, int] = defaultdict(int)
    done = threading.Event()
    lock = threading.Lock()
    counts: dict[int, int] = defaultdict(int)

    def handle(key: int) -> datetime | None:
        with lock:
            running[key] += 1
            assert running[key] == 1, "one key in two hands"
        if counts[key] == 0:
            both.wait()  # passes only when another key is being handled at the same time
        with lock:
            running[key] -= 1
            counts[key] += 1
            if sum(counts.values()) >= 2:
                done.set()
        return None

    workers = Workers(keys, handle, threads=4, delay=doubling(1, 1), clock=clock)
    workers.start()
    try:
        for key in (1, 2, 1, 2):
            keys.add(key)
        assert done.wait(DEADLINE)
    finally:
        workers.stop()
    assert set(counts) == {1, 2}


def test_stopping_takes_no_time_however_far_away_the_next_appointment_is() -> None:
    keys, clock = queue()
    workers = Workers(keys, lambda _: None, threads=3, delay=doubling(1, 1), clock=clock)
    keys.add_at("a", NOON + timedelta(days=365))
    workers.start()
    workers.stop(DEADLINE)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("controller-")]


def test_a_controller_that_asks_to_be_called_again_is() -> None:
    keys, clock = queue()
    calls: list[datetime] = []

    def handle(_: str) -> datetime | None:
        calls.append(clock.now)
        return clock.now + timedelta(seconds=10) if len(calls) < 3 else None

    workers = Workers(keys, handle, threads=1, delay=doubling(1, 1), clock=clock)
    keys.add("a")
    for second in range(40):
        clock.now = NOON + timedelta(seconds=second)
        while workers.handle_next(0):
            pass
    assert [(call - NOON).total_seconds() for call in calls] == [0, 10, 20]


def test_delays_double_to_their_limit() -> None:
    delay = doubling(10, 100)
    assert [delay(count) for count in (1, 2, 3, 4, 5, 1000)] == [10, 20, 40, 80, 100, 100]


operations = st.lists(
    st.tuples(st.sampled_from(["add", "later", "take", "done", "time"]), st.sampled_from("abc"), st.integers(0, 5)),
    max_size=60,
)


@given(operations)
def test_no_wish_is_lost_and_no_key_is_in_two_hands(history: list[tuple[str, str, int]]) -> None:
    keys, clock = queue()
    held: set[str] = set()
    wishes: dict[str, datetime] = {}

    def take() -> str | None:
        key = keys.take(0)
        if key is not None:
            assert key not in held
            assert wishes.pop(key) <= clock.now
            held.add(key)
        return key

    for name, key, number in history:
        if name == "add":
            keys.add(key)
            wishes[key] = clock.now
        elif name == "later":
            wanted = clock.now + timedelta(seconds=number)
            keys.add_at(key, wanted)
            # A wish for now is not given up for one for later; among later ones the last word counts.
            if key not in wishes or wishes[key] > clock.now:
                wishes[key] = wanted
        elif name == "take":
            take()
        elif name == "done" and key in held:
            held.discard(key)
            keys.done(key)
        elif name == "time":
            clock.now += timedelta(seconds=number)
    clock.now += timedelta(seconds=10)
    for key in sorted(held):
        keys.done(key)
    held.clear()
    while (key := take()) is not None:
        held.discard(key)
        keys.done(key)
    assert wishes == {}
