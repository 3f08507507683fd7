"""A dataset on this node, and the hands that write to its file."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest


class FakeWatcher:
    """A file watcher whose events the test makes."""

    def __init__(self) -> None:
        self.callbacks: dict[str, Callable[[], None]] = {}

    def watch(self, path: str, callback: Callable[[], None]) -> FakeHandle:
        self.callbacks[path] = callback
        return FakeHandle(self, path)

    def fire(self, path: object) -> None:
        self.callbacks[str(path)]()


class FakeHandle:
    def __init__(self, watcher: FakeWatcher, path: str) -> None:
        self.watcher = watcher
        self.path = path

    def close(self) -> None:
        self.watcher.callbacks.pop(self.path, None)


class Bell:
    """Rung by the code under test; the test waits until what it expects holds, with a deadline."""

    def __init__(self) -> None:
        self._condition = threading.Condition()

    def ring(self) -> None:
        with self._condition:
            self._condition.notify_all()

    def wait_until(self, holds: Callable[[], Any], seconds: float = 20) -> None:
        with self._condition:
            # A quarter of a second: not everything that can make it hold rings.
            for _ in range(int(seconds * 4)):
                if holds():
                    return
                self._condition.wait(timeout=0.25)
        raise AssertionError("it did not happen in time")


@pytest.fixture
def watcher() -> FakeWatcher:
    return FakeWatcher()


@pytest.fixture
def bell() -> Bell:
    return Bell()
