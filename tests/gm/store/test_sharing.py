"""Writers that share a transaction of the database, and the versions that are remembered of it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_gm.errors import AlreadyExists, Conflict, StoreUnavailable
from sedna_gm.store.interface import Key, key_of, revision_of
from sedna_gm.store.sql.present import Present, Version
from sedna_gm.store.sql.store import SqlStore


def model(name: str, **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "sedna.io/v1alpha1", "kind": "Model", "metadata": metadata, "spec": {"url": "/m"}, **more}


class Crowd:
    """A store whose writers all come at the same time, when told to."""

    def __init__(self, path: Path, clock: Any) -> None:
        self._everybody: threading.Barrier | None = None
        self.path = path
        self.store = SqlStore(f"sqlite:///{path}", clock, pause=self._pause)

    def _pause(self) -> None:
        if self._everybody is not None:
            self._everybody.wait(30)

    def together(self, *works: Callable[[], Any]) -> list[Any]:
        """What each of them returned or raised."""
        outcomes: list[Any] = [None] * len(works)
        self._everybody = threading.Barrier(len(works))

        def write(number: int) -> None:
            try:
                outcomes[number] = works[number]()
            except Exception as error:
                outcomes[number] = error

        threads = [threading.Thread(target=write, args=(number,)) for number in range(len(works))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self._everybody = None
        return outcomes

    def break_disk(self, name: str) -> None:
        """From now on whoever writes a resource of that name finds the disk full."""
        connection = sqlite3.connect(self.path)
        connection.execute(
            f"CREATE TRIGGER full BEFORE INSERT ON resources WHEN new.name = '{name}' "
            "BEGIN SELECT RAISE(FAIL, 'disk is full'); END"
        )
        connection.commit()
        connection.close()


@pytest.fixture
def crowd(tmp_path: Path, clock: Any) -> Iterator[Crowd]:
    made = Crowd(tmp_path / "gm.db", clock)
    yield made
    made.store.close()


def kinds(outcomes: list[Any]) -> list[str]:
    return sorted(type(outcome).__name__ for outcome in outcomes)


def test_two_who_make_the_same_thing_at_once_cannot_both_have_made_it(crowd: Crowd) -> None:
    outcomes = crowd.together(*[lambda: crowd.store.create(model("m"))] * 3)
    assert kinds(outcomes) == ["AlreadyExists", "AlreadyExists", "dict"]
    assert crowd.store.revision() == 1


def test_who_is_refused_takes_nothing_from_those_beside_it_and_no_version(crowd: Crowd) -> None:
    stale = crowd.store.create(model("m"))
    crowd.store.update({**stale, "spec": {"url": "/newer"}})
    with crowd.store.watch() as watch:
        outcomes = crowd.together(
            lambda: crowd.store.create(model("a")),
            lambda: crowd.store.update({**stale, "spec": {"url": "/stale"}}),
            lambda: crowd.store.create(model("b")),
        )
        told = [change.revision for change in watch.wait(0)]
    assert isinstance(outcomes[1], Conflict)
    assert sorted(revision_of(made) for made in (outcomes[0], outcomes[2])) == told == [3, 4]
    assert crowd.store.revision() == 4


def test_a_step_that_fails_after_it_wrote_is_taken_back_alone(crowd: Crowd) -> None:
    crowd.store.create(model("m"))

    def half(rows: Any) -> Any:
        rows.advance()
        rows.remove(Key("Model", "default", "m"))
        raise AlreadyExists

    outcomes = crowd.together(
        lambda: crowd.store._gathering.do(half),
        lambda: crowd.store.create(model("a")),
        lambda: crowd.store.create(model("b")),
    )
    assert isinstance(outcomes[0], AlreadyExists)
    assert [item["metadata"]["name"] for item in crowd.store.list("Model").items] == ["a", "b", "m"]
    assert crowd.store.get(Key("Model", "default", "m"))
    assert crowd.store.revision() == 3


def test_of_a_commit_that_fails_nothing_is_kept_told_or_remembered(crowd: Crowd) -> None:
    made = crowd.store.create(model("m"))
    crowd.break_disk("bad")
    with crowd.store.watch() as watch:
        outcomes = crowd.together(
            lambda: crowd.store.update({**made, "spec": {"url": "/lost"}}),
            lambda: crowd.store.create(model("bad")),
            lambda: crowd.store.create(model("m")),
        )
        assert watch.wait(0) == []
    # Also who would have been refused: what stood in its way may be part of what was not kept.
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 3
    assert crowd.store.get(key_of(made)) == made
    assert crowd.store.list("Model").items == [made]
    assert crowd.store.revision() == 1
    assert revision_of(crowd.store.update({**made, "spec": {"url": "/kept"}})) == 2


def test_what_was_committed_is_there_whoever_reads_the_file(crowd: Crowd) -> None:
    made = crowd.together(*[lambda name=f"m{number}": crowd.store.create(model(name)) for number in range(5)])
    connection = sqlite3.connect(crowd.path)
    found = {name for (name,) in connection.execute("SELECT name FROM resources")}
    (revision,) = connection.execute("SELECT value FROM revisions").fetchone()
    connection.close()
    assert found == {each["metadata"]["name"] for each in made}
    assert revision == 5


def test_a_request_under_way_may_still_write_when_the_store_was_closed(crowd: Crowd) -> None:
    made = crowd.store.create(model("m"))
    crowd.store.close()
    late = crowd.store.update({**made, "spec": {"url": "/late"}})
    assert revision_of(late) == crowd.store.revision() == 2
    # Another process may have the lock by now, and its writes are seen.
    connection = sqlite3.connect(crowd.path)
    connection.execute("UPDATE resources SET body = replace(body, '/late', '/other')")
    connection.commit()
    connection.close()
    assert crowd.store.get(key_of(made))["spec"] == {"url": "/other"}


def test_a_rollback_that_failed_does_not_stop_the_writes_after_it(crowd: Crowd) -> None:
    crowd.store.create(model("m"))
    driver: Any = crowd.store._writer_connection()
    driver.execute("BEGIN IMMEDIATE")
    driver.execute("DELETE FROM resources")
    crowd.store.create(model("n"))
    assert len(crowd.store.list("Model").items) == 2


KEYS = [Key("Model", "default", name) for name in "abc"]


@given(st.lists(st.dictionaries(st.sampled_from(KEYS), st.one_of(st.none(), st.integers(1, 9)))))
def test_what_is_remembered_is_what_was_written_last_and_never_too_much(history: list[dict[Key, int | None]]) -> None:
    present, last = Present(most=2, most_characters=10), {}
    for number, written in enumerate(history):
        versions: dict[Key, Version | None] = {
            key: None if size is None else ({"number": number}, size) for key, size in written.items()
        }
        present.forget(versions)
        assert all(present.get(key) is None for key in versions)
        present.take(versions)
        last |= versions
        held = {key: found for key in KEYS if (found := present.get(key)) is not None}
        assert len(held) <= 2
        kept = {key: version for key in held if (version := last[key]) is not None}
        assert {key: version[0] for key, version in kept.items()} == held
        assert sum(size for _, size in kept.values()) <= 10
    present.close()
    assert all(present.get(key) is None for key in KEYS)
