"""A GM that may vanish, a client of it, and threads that end with the test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from sedna_lc.gm.clients import GmClient
from tests.lc.fakes.gm import FakeGm

Runner = Callable[[Callable[[threading.Event], None]], threading.Event]


def no_pauses() -> Iterator[float]:
    """Waits too short to notice, and never none at all."""
    while True:
        yield 0.01


@pytest.fixture
def gm() -> Iterator[FakeGm]:
    made = FakeGm()
    yield made
    made.stop()


@pytest.fixture
def client(gm: FakeGm) -> Iterator[GmClient]:
    made = GmClient(gm.address)
    yield made
    made.close()


@pytest.fixture
def run(gm: FakeGm, client: GmClient) -> Iterator[Runner]:
    running: list[tuple[threading.Thread, threading.Event]] = []

    def start(routine: Callable[[threading.Event], None]) -> threading.Event:
        stop = threading.Event()
        thread = threading.Thread(target=routine, args=(stop,))
        thread.start()
        running.append((thread, stop))
        return stop

    yield start
    for _, stop in running:
        stop.set()
    client.close()
    for thread, _ in running:
        thread.join(timeout=20)
        assert not thread.is_alive()
