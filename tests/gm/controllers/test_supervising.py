"""All controllers in their threads, over every kind of store, with the real clock."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from sedna_gm.controllers import supervising
from sedna_gm.controllers.incremental_learning.settings import Settings as JobSettings
from sedna_gm.controllers.supervising import Controllers, Settings, start
from sedna_gm.errors import Gone, StoreUnavailable
from sedna_gm.store.heartbeats import Heartbeats
from sedna_gm.store.interface import Key, Store
from sedna_gm.store.memory import MemoryStore
from sedna_gm.store.sql.store import SqlStore
from tests.gm.controllers.edge import Edge
from tests.gm.controllers.world import JOB, World, job_manifest

DEADLINE = 30.0


def now() -> datetime:
    return datetime.now(timezone.utc)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = MemoryStore(now) if request.param == "memory" else SqlStore(f"sqlite:///{tmp_path}/gm.db", now)
    yield made
    made.close()


class Running:
    """Controllers in threads, a node that works, and a user."""

    def __init__(self, store: Store, settings: Settings | None = None) -> None:
        self.store = store
        # The world only makes resources here and plays the node; its own controllers are never asked.
        self.world = World(store)
        self.edge = Edge(self.world)
        self.controllers: Controllers = start(store, Heartbeats(now), now, settings)

    def until(self, holds: Callable[[], bool], *, work: bool = True) -> None:
        """Waits for the store to change until something holds."""
        ends = time.monotonic() + DEADLINE
        while not holds():
            assert time.monotonic() < ends, self.store.list(JOB).items
            # A new watch each time: with a log of two changes any old one has fallen behind.
            with self.store.watch() as watch, suppress(Gone):
                if work:
                    self.edge.work()
                watch.wait(0.2)


def test_two_rounds_run_through_and_stopping_ends_every_thread(store: Store) -> None:
    running = Running(store)
    try:
        running.world.node()
        running.world.models()
        running.world.dataset(seen=60)
        running.world.create(job_manifest())
        running.until(lambda: len(running.world.history()) == 1)
        running.world.samples(120)
        running.until(lambda: len(running.world.history()) == 2)
    finally:
        running.controllers.stop()
    assert [record["decision"] for record in running.world.history()] == ["Deployed", "Deployed"]
    names = {thread.name for thread in threading.enumerate()}
    assert not [name for name in names if name.startswith("controller")]


def test_a_new_process_takes_up_where_the_old_one_stopped(store: Store) -> None:
    first = Running(store)
    try:
        first.world.node()
        first.world.models()
        first.world.dataset(seen=60)
        first.world.create(job_manifest())
        first.until(lambda: first.world.has_worker("helmets-train-1"))
    finally:
        first.controllers.stop()
    second = Running(store)
    try:
        second.until(lambda: len(second.world.history()) == 1)
    finally:
        second.controllers.stop()
    assert second.world.history()[0]["decision"] == "Deployed"


def test_many_jobs_at_once_all_come_through(store: Store) -> None:
    names = [f"job-{number}" for number in range(8)]
    running = Running(store)
    try:
        running.world.node()
        running.world.models()
        running.world.dataset(seen=60)
        for name in names:
            running.world.create(job_manifest(name))
        running.until(lambda: all(len(running.world.history(name)) == 1 for name in names))
        for name in names:
            store.delete(Key(JOB, "default", name))
        running.until(lambda: not store.list(JOB).items)
    finally:
        running.controllers.stop()
    assert store.list("Worker").items == []


class Failing:
    """A store whose disk is full for a while."""

    def __init__(self, store: Store, times: int) -> None:
        self._store = store
        self._left = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def update_status(self, resource: Any, *, dry_run: bool = False) -> Any:
        self._left -= 1
        if self._left >= 0:
            raise StoreUnavailable
        return self._store.update_status(resource, dry_run=dry_run)


def test_an_outage_of_the_store_delays_and_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore(now)
    world = World(store)
    world.node()
    world.models()
    world.dataset(seen=60)
    world.create(job_manifest())
    settings = Settings(first_delay=0.01, longest_delay=0.05, jobs=JobSettings())
    with caplog.at_level(logging.ERROR):
        controllers = start(Failing(store, 5), Heartbeats(now), now, settings)  # type: ignore[arg-type]
        try:
            ends = time.monotonic() + DEADLINE
            with store.watch() as watch:
                while not world.has_worker("helmets-train-1"):
                    assert time.monotonic() < ends
                    watch.wait(0.2)
        finally:
            controllers.stop()
    told = [record for record in caplog.records if "it is tried again" in record.getMessage()]
    assert told
    # An outage names itself; a traceback would say "bug".
    assert not [record for record in told if record.exc_info]


def test_a_watch_that_fell_behind_is_made_anew() -> None:
    store = MemoryStore(now, log_capacity=2)
    running = Running(store)
    try:
        running.world.node()
        running.world.models()
        running.world.dataset(seen=60)
        for number in range(30):
            running.world.model(f"filler-{number}")
        running.world.create(job_manifest())
        running.until(lambda: len(running.world.history()) == 1)
    finally:
        running.controllers.stop()


def test_events_are_swept_from_time_to_time() -> None:
    world = World()
    world.usual()
    assert world.controllers.queue.due(supervising.SWEEP) is not None
    world.advance(25 * 3600)
    assert world.store.list("Event").items == []
