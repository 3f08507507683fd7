"""What is forgotten of rounds and events, and what must not be."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sedna_gm.controllers.decisions import Happening
from sedna_gm.controllers.forgetting import Histories
from sedna_gm.controllers.telling import Events
from sedna_gm.store.interface import Key, Store
from sedna_gm.store.memory import MemoryStore
from sedna_gm.store.sql.store import SqlStore
from tests.bounded.sites import used_bytes
from tests.gm.controllers.world import JOB, Clock, job_manifest

MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
KEY = Key(JOB, "default", "helmets")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "sql"])
def store(request: pytest.FixtureRequest, clock: Clock, tmp_path: Path) -> Iterator[Store]:
    made: Store = MemoryStore(clock) if request.param == "memory" else SqlStore(f"sqlite:///{tmp_path}/gm.db", clock)
    yield made
    made.close()


def with_rounds(store: Store, count: int) -> str:
    uid = str(store.create(job_manifest())["metadata"]["uid"])
    for number in range(1, count + 1):
        store.append_round(KEY, uid, {"round": number})
    return uid


def numbers(store: Store, uid: str) -> list[int]:
    return [record["round"] for record in store.rounds(KEY, uid).items]


def model(store: Store, *versions: dict[str, Any]) -> None:
    spec = {"url": "/m", "format": "pb"}
    metadata = {"name": "deploy-model", "namespace": "default"}
    made = store.create({"apiVersion": "sedna.io/v1alpha1", "kind": "Model", "metadata": metadata, "spec": spec})
    store.update_status({**made, "status": {"versions": list(versions)}})


def event(store: Store, name: str, **fields: Any) -> None:
    metadata = {"name": name, "namespace": "default"}
    about = fields.pop("about", {"kind": "Worker", "name": name, "namespace": "default"})
    store.create({"apiVersion": "v1", "kind": "Event", "metadata": metadata, "involvedObject": about, **fields})


def events(store: Store) -> set[str]:
    return {each["metadata"]["name"] for each in store.list("Event").items}


def test_the_newest_rounds_of_a_job_stay(store: Store) -> None:
    uid = with_rounds(store, 12)
    assert Histories(store, keep=5).sweep() == 7
    assert numbers(store, uid) == [8, 9, 10, 11, 12]
    assert Histories(store, keep=5).sweep() == 0


def test_the_lineage_of_a_version_that_can_be_served_again_stays(store: Store) -> None:
    uid = with_rounds(store, 12)
    model(store, {"round": 3, "job": "helmets"}, {"round": 4, "job": "another"}, {"round": 0, "job": "helmets"})
    job = store.get(KEY)
    store.update_status({**job, "status": {"deployedModel": {"url": "/m", "round": 2}}})
    Histories(store, keep=5).sweep()
    assert numbers(store, uid) == [2, 3, 8, 9, 10, 11, 12]
    Histories(store, keep=5).sweep()
    assert numbers(store, uid) == [2, 3, 8, 9, 10, 11, 12]


def test_a_round_that_was_forgotten_is_not_counted_again(store: Store) -> None:
    """The job's status says which round is next, not the history."""
    uid = with_rounds(store, 3)
    Histories(store, keep=1).sweep()
    assert store.append_round(KEY, uid, {"round": 4})
    assert not store.append_round(KEY, uid, {"round": 3})


def test_of_a_deleted_job_no_round_stays_and_its_namesake_begins_anew(store: Store) -> None:
    uid = with_rounds(store, 3)
    store.delete(KEY)
    again = with_rounds(store, 2)
    assert Histories(store, keep=5).sweep() == 3
    assert numbers(store, uid) == []
    assert numbers(store, again) == [1, 2]


def test_a_long_history_goes_in_pieces_so_that_nobody_waits_for_it(store: Store) -> None:
    uid = with_rounds(store, 1203)
    histories = Histories(store, keep=3)
    assert [histories.sweep() for _ in range(4)] == [500, 500, 200, 0]
    assert numbers(store, uid) == [1201, 1202, 1203]


@pytest.mark.timeout(600)
def test_after_ten_thousand_rounds_the_database_is_as_large_as_after_three_thousand(clock: Clock) -> None:
    """By the retention's defaults, with what is written once a round and a sweep every ten minutes."""
    used = {}
    with tempfile.TemporaryDirectory(prefix="sedna-bounded-", dir=MEMORY) as folder:
        store = SqlStore(f"sqlite:///{folder}/gm.db", clock)
        job = store.create(job_manifest())
        histories, events = Histories(store), Events(store, clock)
        for number in range(1, 10_001):
            clock.now += timedelta(minutes=2)
            store.append_round(KEY, job["metadata"]["uid"], {"round": number, "message": "x" * 1500})
            events.tell(job, [Happening("RoundFinished", f"Round {number} is finished.")])
            if number % 5 == 0:
                histories.sweep()
                events.sweep()
            if number in (3000, 10_000):
                used[number] = used_bytes(Path(folder) / "gm.db")
        counts = [history.count for history in store.histories()], len(store.list("Event").items)
        store.close()
    assert counts == ([1000], 100)
    assert used[10_000] < used[3000] * 1.05


def test_events_of_others_are_swept_too(store: Store, clock: Clock) -> None:
    event(store, "of-a-node", source={"component": "sedna-lc"})
    event(store, "of-nobody", source=None)
    clock.now += timedelta(hours=25)
    event(store, "new")
    assert Events(store, clock).sweep() == 2
    assert events(store) == {"new"}


def test_an_event_from_the_future_is_as_old_as_its_arrival(store: Store, clock: Clock) -> None:
    event(store, "immortal", lastTimestamp="9999-01-01T00:00:00Z")
    clock.now += timedelta(hours=25)
    assert Events(store, clock).sweep() == 1


def test_a_stolen_node_cannot_fill_the_store_with_events_about_ever_new_things(store: Store, clock: Clock) -> None:
    for number in range(30):
        clock.now += timedelta(seconds=1)
        event(store, f"e{number:02}", about={"kind": "Worker", "uid": f"u{number}"})
    Events(store, clock, most_of_all=10).sweep()
    assert events(store) == {f"e{number}" for number in range(20, 30)}
