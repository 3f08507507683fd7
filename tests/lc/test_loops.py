"""One worker's acts in order, different workers' at the same time, errors slowing down their own worker only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from sedna_lc.loops import KeyedLoop
from sedna_lc.state.stores import Key

A, B = ("n", "a"), ("n", "b")


class Steps:
    """What the loop calls; the test holds it up or lets it fail."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.done: list[Key] = []
        self.running: list[Key] = []
        self.most: dict[Key, int] = {}
        self.held: set[Key] = set()
        self.failing: dict[Key, int] = {}
        self.answer: dict[Key, list[float]] = {}

    def step(self, key: Key) -> float | None:
        with self.changed:
            self.running.append(key)
            self.most[key] = max(self.most.get(key, 0), self.running.count(key))
            self.changed.notify_all()
            self.changed.wait_for(lambda: key not in self.held, timeout=30)
            self.running.remove(key)
            self.done.append(key)
            self.changed.notify_all()
            if self.failing.get(key):
                self.failing[key] -= 1
                raise ValueError("a bug")
            return self.answer.get(key, []).pop() if self.answer.get(key) else None

    def wait(self, holds: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(holds, timeout=30)

    def release(self, key: Key) -> None:
        with self.changed:
            self.held.discard(key)
            self.changed.notify_all()


@pytest.fixture
def steps() -> Steps:
    return Steps()


@pytest.fixture
def loop(steps: Steps) -> Iterator[KeyedLoop]:
    made = KeyedLoop(steps.step, lambda: iter(lambda: 0.01, None), time.monotonic)
    made.start()
    yield made
    steps.held.clear()
    with steps.changed:
        steps.changed.notify_all()
    made.close()


def test_a_slow_worker_holds_up_no_other(loop: KeyedLoop, steps: Steps) -> None:
    steps.held.add(A)
    loop.add(A)
    steps.wait(lambda: A in steps.running)
    loop.add(B)
    steps.wait(lambda: B in steps.done)
    assert A not in steps.done


def test_w70_one_worker_is_never_looked_at_twice_at_once(loop: KeyedLoop, steps: Steps) -> None:
    steps.held.add(A)
    loop.add(A)
    steps.wait(lambda: A in steps.running)
    for _ in range(50):
        loop.add(A)
    steps.release(A)
    steps.wait(lambda: len(steps.done) == 2)
    loop.add(B)
    steps.wait(lambda: B in steps.done)
    assert steps.done.count(A) == 2
    assert steps.most[A] == 1


def test_repeats_fold_into_one(steps: Steps) -> None:
    loop = KeyedLoop(steps.step, lambda: iter(lambda: 0.01, None), time.monotonic)
    for _ in range(100):
        loop.add(A)
    loop.start()
    loop.add(B)
    steps.wait(lambda: {A, B} <= set(steps.done))
    loop.close()
    assert steps.done.count(A) == 1


def test_an_error_slows_down_its_own_worker_and_ends_nothing(
    loop: KeyedLoop, steps: Steps, caplog: pytest.LogCaptureFixture
) -> None:
    steps.failing[A] = 3
    loop.add(A)
    steps.wait(lambda: steps.done.count(A) == 4)
    assert caplog.text.count("Worker n/a could not be looked after") == 3


def test_what_asks_to_be_looked_at_again_is(loop: KeyedLoop, steps: Steps) -> None:
    steps.answer[A] = [0.01, 0.01]
    loop.add(A)
    steps.wait(lambda: steps.done.count(A) == 3)


def test_an_earlier_wish_replaces_a_later_one(loop: KeyedLoop, steps: Steps) -> None:
    loop.add(A, after_seconds=3600)
    loop.add(A)
    steps.wait(lambda: A in steps.done)
    loop.add(A, after_seconds=0.01)
    steps.wait(lambda: steps.done.count(A) == 2)


def test_closing_waits_for_no_wish(steps: Steps) -> None:
    loop = KeyedLoop(steps.step, lambda: iter(lambda: 0.01, None), time.monotonic)
    loop.start()
    loop.add(A, after_seconds=3600)
    loop.close()
    assert steps.done == []
