"""What only a store with a file can get wrong."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from sedna_gm.errors import Gone, StoreUnavailable
from sedna_gm.store.interface import Key, key_of
from sedna_gm.store.sql.engines import DatabaseUnusable
from sedna_gm.store.sql.queries import load_queries, load_steps
from sedna_gm.store.sql.store import SqlStore

MODEL = {"apiVersion": "sedna.io/v1alpha1", "kind": "Model", "metadata": {"name": "m", "namespace": "default"}}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'gm.db'}"


def test_w05_everything_is_there_after_a_restart(url: str, clock: Any) -> None:
    store = SqlStore(url, clock)
    made = store.create({**MODEL, "spec": {"url": "/m"}})
    job = Key("IncrementalLearningJob", "default", "j")
    store.append_round(job, "u", {"round": 1})
    store.delete(key_of(store.create({**MODEL, "metadata": {"name": "x", "namespace": "default"}})))
    store.close()

    store = SqlStore(url, clock)
    assert list(store.list("Model").items) == [made]
    assert store.rounds(job, "u").items == [{"round": 1}]
    assert store.revision() == 3
    store.close()


def test_a_watcher_that_was_up_to_date_goes_on_after_a_restart(url: str, clock: Any) -> None:
    store = SqlStore(url, clock)
    store.create(MODEL)
    store.close()
    store = SqlStore(url, clock)
    with store.watch("Model", since=1) as watch:
        store.delete(key_of(MODEL))
        assert len(watch.wait(0)) == 1
    with pytest.raises(Gone):
        store.watch("Model", since=0)
    store.close()


def test_a_database_of_a_newer_version_is_left_alone(url: str, clock: Any, tmp_path: Path) -> None:
    SqlStore(url, clock).close()
    connection = sqlite3.connect(tmp_path / "gm.db")
    connection.execute("INSERT INTO migrations VALUES (99, '0099_future.sql')")
    connection.commit()
    connection.close()
    with pytest.raises(DatabaseUnusable, match=r"0099_future\.sql"):
        SqlStore(url, clock)


@pytest.mark.parametrize("damage", ["folder", "no folder", "not a database", "no such driver"])
def test_an_unusable_database_says_which_and_why(damage: str, tmp_path: Path, clock: Any) -> None:
    path = tmp_path / "gm.db"
    if damage == "folder":
        path.mkdir()
    elif damage == "no folder":
        path = tmp_path / "missing" / "gm.db"
    elif damage == "not a database":
        path.write_text("hello " * 1000)
    scheme = "nosuch" if damage == "no such driver" else "sqlite"
    with pytest.raises(DatabaseUnusable, match=r"gm\.db"):
        SqlStore(f"{scheme}:///{path}", clock)


def test_w81_a_disk_that_fails_is_not_the_clients_fault_and_leaves_nothing_half_done(
    url: str, clock: Any, tmp_path: Path
) -> None:
    store = SqlStore(url, clock)
    store.create(MODEL)
    connection = sqlite3.connect(tmp_path / "gm.db")
    connection.execute(
        "CREATE TRIGGER full_disk BEFORE INSERT ON resources BEGIN SELECT RAISE(FAIL, 'disk is full'); END"
    )
    connection.commit()
    connection.close()
    with store.watch() as watch:
        with pytest.raises(StoreUnavailable):
            store.create({**MODEL, "metadata": {"name": "x", "namespace": "default"}})
        assert watch.wait(0) == []
    assert store.revision() == 1
    store.close()


def test_a_second_one_on_the_same_database_is_refused(url: str, clock: Any) -> None:
    store = SqlStore(url, clock)
    with pytest.raises(DatabaseUnusable, match="in use by another sedna-gm"):
        SqlStore(url, clock)
    store.close()
    store.close()
    SqlStore(url, clock).close()


def test_every_query_and_step_has_a_name_of_its_own() -> None:
    assert len(load_queries()) >= 10
    steps = load_steps()
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
