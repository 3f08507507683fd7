"""The contract of every store, run on each implementation, and what only the durable one must do."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from sedna.api.workers import WorkerStatus
from sedna_lc.errors import StateDamaged
from sedna_lc.state.memory import MemoryStore
from sedna_lc.state.opening import open_store
from sedna_lc.state.records import FileDigest, Letter, Placed, Progress, StoredLabel, WorkerRecord
from sedna_lc.state.sqlite import SqliteStore
from sedna_lc.state.stores import Store

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=timezone.utc)
KEY = ("default", "w")


def resource(name: str, namespace: str = "default", **fields: Any) -> dict[str, Any]:
    return {"kind": "Worker", "metadata": {"name": name, "namespace": namespace}, **fields}


def record(uid: str = "u1", **fields: Any) -> WorkerRecord:
    return WorkerRecord(uid, *KEY, **fields)


class StoreContract:
    """What holds for every store; a subclass says how to make one."""

    @pytest.fixture
    def store(self) -> Iterator[Store]:
        raise NotImplementedError

    def test_digests_of_files_are_kept_until_nobody_has_asked_for_long(self, store: Store) -> None:
        first, second = FileDigest("/a", 1, 2, 3, "0" * 64), FileDigest("/b é", 4, 5, 6, "1" * 64)
        store.put_digests([first, second], day=10)
        assert [store.digest("/a"), store.digest("/b é"), store.digest("/c")] == [first, second, None]
        changed = replace(first, size=7)
        store.put_digests([changed], day=12)
        store.drop_digests(before=11)
        assert [store.digest("/a"), store.digest("/b é")] == [changed, None]

    def test_one_label_of_an_example_is_kept_and_an_open_one_is_not_told(self, store: Store) -> None:
        first, second, other = (
            StoredLabel(dataset, example, f"images/{example}.jpg é", "ab", "ada", "now", "v", 7, 8)
            for dataset, example in (("d1", "a"), ("d1", "b"), ("d2", "a"))
        )
        for label in (first, second, other):
            store.put_label(label)
        assert store.open_labels() == [first, second, other]
        assert store.labels("d1", 10) == []
        done = replace(first, done=True)
        store.put_label(replace(second, done=True))
        store.put_label(done)
        assert [store.label("d1", "a"), store.label("d2", "a"), store.label("d2", "b")] == [done, other, None]
        assert store.labels("d1", 10) == [replace(second, done=True), done]
        assert store.labels("d1", 1) == [replace(second, done=True)]
        assert store.open_labels() == [other]
        store.drop_label(other)
        store.drop_label(other)
        assert store.open_labels() == []
        store.drop_progress("d2")
        assert len(store.labels("d1", 10)) == 2
        store.drop_progress("d1")
        assert store.labels("d1", 10) == []

    def test_a_list_replaces_what_was_wanted(self, store: Store) -> None:
        store.put_wanted("workers", resource("a"))
        store.put_wanted("workers", resource("a", namespace="other"))
        store.put_wanted("datasets", resource("d"))
        store.replace_wanted("workers", [resource("b"), resource("c", spec={"x": ["é"]})])
        assert set(store.wanted("workers")) == {("default", "b"), ("default", "c")}
        assert store.wanted("workers")["default", "c"]["spec"] == {"x": ["é"]}
        assert set(store.wanted("datasets")) == {("default", "d")}

    def test_wanted_resources_come_change_and_go(self, store: Store) -> None:
        store.put_wanted("workers", resource("a"))
        store.put_wanted("workers", resource("a", spec=2))
        assert store.wanted("workers")["default", "a"]["spec"] == 2
        store.drop_wanted("workers", ("default", "a"))
        store.drop_wanted("workers", ("default", "a"))
        assert store.wanted("workers") == {}

    def test_a_record_comes_back_as_it_was(self, store: Store) -> None:
        status = WorkerStatus.model_validate(
            {"phase": "Running", "report": {"status": "completed"}, "results": [{"url": "/m", "metrics": {"p": 1}}]}
        )
        placed = Placed("/m", "ab", 3, "/var/m")
        kept = record(launch="done", serving=placed, last_good=placed, status=status)
        store.put_worker(kept)
        assert store.worker(KEY) == kept
        assert store.workers() == [kept]
        assert store.worker(("default", "nobody")) is None

    def test_a_worker_made_again_replaces_the_one_of_its_name(self, store: Store) -> None:
        store.put_worker(record("old"))
        store.put_worker(record("new"))
        assert [one.uid for one in store.workers()] == ["new"]

    def test_reports_stay_until_a_record_includes_them(self, store: Store) -> None:
        store.add_report(KEY, {"n": 1})
        store.add_report(("default", "other"), {"n": 9})
        store.add_report(KEY, {"n": 2})
        first, second = store.reports(KEY)
        assert (first.body, second.body) == ({"n": 1}, {"n": 2})
        store.put_worker(record(), read_up_to=first.sequence)
        assert store.reports(KEY) == [second]
        assert len(store.reports(("default", "other"))) == 1

    def test_a_record_and_its_letter_are_kept_together(self, store: Store) -> None:
        store.put_worker(record(), Letter("u1", "/p", {"status": {"phase": "Running"}}))
        (letter,) = store.letters()
        assert (letter.key, letter.path, letter.body) == ("u1", "/p", {"status": {"phase": "Running"}})

    def test_dropping_a_worker_drops_what_it_said_and_what_was_to_be_said_of_it(self, store: Store) -> None:
        store.add_report(KEY, {"n": 1})
        store.put_worker(record(), Letter("u1", "/p", {"a": 1}))
        store.drop_worker(record(), Letter("u1/finalizers", "/q", {"b": 1}))
        assert store.worker(KEY) is None
        assert store.reports(KEY) == []
        assert [one.path for one in store.letters()] == ["/q"]

    def test_the_newest_letter_of_a_key_is_the_only_one(self, store: Store) -> None:
        store.post(Letter("a", "/a", {"n": 1}))
        store.post(Letter("b", "/b", {"n": 1}))
        store.post(Letter("a", "/a", {"n": 2}))
        assert [(one.key, one.body) for one in store.letters()] == [("b", {"n": 1}), ("a", {"n": 2})]

    def test_settling_a_letter_leaves_the_one_that_replaced_it(self, store: Store) -> None:
        store.post(Letter("a", "/a", {"n": 1}))
        (on_its_way,) = store.letters()
        store.post(Letter("a", "/a", {"n": 2}))
        assert not store.settle(on_its_way)
        (newer,) = store.letters()
        assert newer.body == {"n": 2}
        assert store.settle(newer)
        assert not store.settle(newer)
        assert store.letters() == []

    def test_a_number_is_never_given_to_two_letters(self, store: Store) -> None:
        store.post(Letter("a", "/a", {"n": 1}))
        (on_its_way,) = store.letters()
        store.settle(on_its_way)
        store.post(Letter("a", "/a", {"n": 2}))
        assert not store.settle(on_its_way)
        assert len(store.letters()) == 1

    def test_progress_of_datasets(self, store: Store) -> None:
        assert store.progress("d") is None
        kept = Progress("d", "txt /data/x.txt", generation=2, offset=10, samples=3, header="a,ü")
        store.put_progress(kept)
        store.put_progress(replace(kept, offset=20))
        assert store.progress("d") == replace(kept, offset=20)
        store.drop_progress("d")
        assert store.progress("d") is None

    def test_many_threads_lose_nothing(self, store: Store) -> None:
        def write(thread: int) -> None:
            for number in range(20):
                store.post(Letter(f"{thread}/{number}", "/p", {"n": number}))
                store.add_report(KEY, {"n": number})

        threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert len(store.letters()) == len(store.reports(KEY)) == 80


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:  # type: ignore[override]
        return MemoryStore()

    def test_what_is_kept_does_not_change_with_what_was_handed_in(self) -> None:
        store = MemoryStore()
        body = {"n": [1]}
        store.post(Letter("a", "/a", body))
        body["n"].append(2)
        assert store.letters()[0].body == {"n": [1]}


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        opened = open_store(tmp_path, NOW)
        yield opened
        opened.close()

    def test_w01_w02_what_was_reached_is_there_after_a_restart(self, tmp_path: Path) -> None:
        store = open_store(tmp_path, NOW)
        store.put_progress(Progress("d", "/x", samples=5000))
        store.put_worker(record(launch="done"))
        store.put_wanted("workers", resource("w"))
        store.close()
        again = open_store(tmp_path, NOW)
        assert again.progress("d") == Progress("d", "/x", samples=5000)
        assert again.workers() == [record(launch="done")]
        assert list(again.wanted("workers")) == [KEY]
        again.close()

    def test_w06_an_accepted_report_and_an_unsent_letter_survive_a_crash(self, tmp_path: Path) -> None:
        store = open_store(tmp_path, NOW)
        store.add_report(KEY, {"status": "completed"})
        store.post(Letter("u", "/p", {"n": 1}))
        # The process dies here: nothing is closed.
        again = open_store(tmp_path, NOW)
        assert [one.body for one in again.reports(KEY)] == [{"status": "completed"}]
        assert [one.key for one in again.letters()] == ["u"]
        again.close()
        store.close()

    def test_it_is_synced_at_every_commit(self, tmp_path: Path) -> None:
        store = open_store(tmp_path, NOW)
        assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert store._connection.execute("PRAGMA synchronous").fetchone() == (2,)
        store.close()

    @pytest.mark.parametrize(
        "damage",
        [lambda path: path.write_bytes(b"no database at all" * 500), lambda path: path.write_bytes(_half(path))],
        ids=["other-content", "cut-off"],
    )
    def test_w03_w81_a_damaged_database_is_set_aside_by_name_and_state_begins_afresh(
        self, tmp_path: Path, damage: Callable[[Path], object], caplog: pytest.LogCaptureFixture
    ) -> None:
        store = open_store(tmp_path, NOW)
        for number in range(300):
            store.put_wanted("workers", resource(f"w{number}", spec="x" * 300))
        store.close()
        damage(tmp_path / "state.db")
        content = (tmp_path / "state.db").read_bytes()
        fresh = open_store(tmp_path, NOW)
        assert fresh.wanted("workers") == {}
        fresh.close()
        aside = tmp_path / "state.db.damaged-20261122T140000"
        assert aside.read_bytes() == content
        assert str(aside) in caplog.text

    def test_a_long_text_whose_middle_was_lost_is_damage_although_every_page_is_in_order(self, tmp_path: Path) -> None:
        store = open_store(tmp_path, NOW)
        store.put_wanted("artifacts", resource("a", spec="x" * 40_000))
        store.close()
        content = (tmp_path / "state.db").read_bytes()
        inside = content.index(b"x" * 4_000) + 4096
        page = inside - inside % 4096
        # Behind the four bytes that lead to the next page.
        (tmp_path / "state.db").write_bytes(content[: page + 4] + b"\0" * 4092 + content[page + 4096 :])
        fresh = open_store(tmp_path, NOW)
        assert fresh.wanted("artifacts") == {}
        fresh.close()
        assert len(list(tmp_path.glob("state.db.damaged-*"))) == 1

    def test_a_second_damaged_database_does_not_overwrite_the_first(self, tmp_path: Path) -> None:
        for _ in range(2):
            (tmp_path / "state.db").write_bytes(b"no database at all" * 100)
            open_store(tmp_path, NOW).close()
        assert len(list(tmp_path.glob("state.db.damaged-*"))) == 2

    def test_the_state_of_a_newer_version_is_refused_and_left_alone(self, tmp_path: Path) -> None:
        open_store(tmp_path, NOW).close()
        connection = sqlite3.connect(tmp_path / "state.db")
        connection.execute("PRAGMA user_version=99")
        connection.close()
        with pytest.raises(StateDamaged, match=r"newer version.*schema is number 99"):
            open_store(tmp_path, NOW)
        assert not list(tmp_path.glob("*.damaged-*"))

    @pytest.mark.parametrize("mode", [None, 0o644], ids=["new", "of-before"])
    def test_no_worker_reads_what_the_manifests_of_others_say(self, tmp_path: Path, mode: int | None) -> None:
        if mode is not None:
            open_store(tmp_path, NOW).close()
            (tmp_path / "state.db").chmod(mode)
        store = open_store(tmp_path, NOW)
        store.put_wanted("workers", resource("w"))
        assert {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.glob("state.db*")} == {
            "state.db": "0o600", "state.db-wal": "0o600", "state.db-shm": "0o600",
        }  # fmt: skip
        store.close()

    def test_a_folder_in_the_way_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "state.db").mkdir()
        with pytest.raises(StateDamaged, match="cannot be opened"):
            open_store(tmp_path, NOW)


def _half(path: Path) -> bytes:
    content = path.read_bytes()
    return content[: len(content) // 2 - 100]


class OutboxMachine(RuleBasedStateMachine):
    """Random posts, sends and answers against a dictionary: per key the last word arrives, and arrives last."""

    @initialize()
    def begin(self) -> None:
        self.sqlite = SqliteStore(Path(":memory:"))
        self.latest: dict[str, int] = {}
        self.arrived: dict[str, list[int]] = {}
        self.number = 0

    @rule(key=st.sampled_from("abc"))
    def post(self, key: str) -> None:
        self.number += 1
        self.latest[key] = self.number
        self.sqlite.post(Letter(key, "/p", {"n": self.number}))

    @rule(interrupt=st.none() | st.sampled_from("abc"), answered=st.booleans())
    def send_the_oldest(self, interrupt: str | None, answered: bool) -> None:
        letters = self.sqlite.letters()
        if not letters:
            return
        letter = letters[0]
        self.arrived.setdefault(letter.key, []).append(letter.body["n"])
        if interrupt is not None:
            self.post(interrupt)
        if answered:
            self.sqlite.settle(letter)

    def teardown(self) -> None:
        if not hasattr(self, "sqlite"):
            return
        while letters := self.sqlite.letters():
            self.arrived.setdefault(letters[0].key, []).append(letters[0].body["n"])
            self.sqlite.settle(letters[0])
        self.sqlite.close()
        for key, numbers in self.arrived.items():
            assert numbers == sorted(numbers)
            assert numbers[-1] == self.latest[key]
        assert set(self.arrived) == set(self.latest)


TestOutbox = OutboxMachine.TestCase
TestOutbox.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
