"""The datasets of a node are followed and told: at once, once, and only those that are wanted."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.common.watching import FileWatcher
from sedna_lc.datasets.leaving import KEPT_SECONDS, Leavers
from sedna_lc.datasets.watching import DatasetKeeper
from sedna_lc.state.memory import MemoryStore
from sedna_lc.users import WorkerUser

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=timezone.utc)
KEY = ("default", "d")


def dataset(url: object, uid: str = "u1", generation: int = 1) -> dict[str, Any]:
    return {
        "apiVersion": "sedna.io/v1alpha1",
        "kind": "Dataset",
        "metadata": {"name": "d", "namespace": "default", "uid": uid, "generation": generation},
        "spec": {"url": str(url), "format": "txt", "nodeName": "edge"},
    }


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def keeper(tmp_path: Path, store: MemoryStore, watcher: Any, bell: Any) -> Iterator[DatasetKeeper]:
    made = DatasetKeeper(tmp_path / "datasets", store, watcher, bell.ring, lambda: NOW)
    yield made
    made.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "list.txt"
    path.write_text("/a\n/b\n")
    return path


def told(store: MemoryStore, uid: str = "u1") -> dict[str, Any]:
    return next((dict(one.body["status"]) for one in store.letters() if one.key == uid), {})


def test_a_dataset_is_counted_and_told(keeper: DatasetKeeper, store: MemoryStore, bell: Any, file: Path) -> None:
    keeper.want(dataset(file))
    bell.wait_until(lambda: told(store))
    (letter,) = store.letters()
    assert letter.path == "/apis/sedna.io/v1alpha1/namespaces/default/datasets/d/status"
    assert letter.body["status"] == {
        "updateTime": "2026-11-22T14:00:00Z",
        "numberOfSamples": 2,
        "samplesSeen": 2,
        "generation": 1,
        "state": "Watching",
        "reason": None,
        "message": None,
        "observedGeneration": 1,
    }


def test_an_append_is_told_when_the_watcher_says_so(
    keeper: DatasetKeeper, store: MemoryStore, bell: Any, file: Path, watcher: Any
) -> None:
    keeper.want(dataset(file))
    bell.wait_until(lambda: told(store))
    with file.open("a") as writer:
        writer.write("/c\n")
    watcher.fire(file)
    bell.wait_until(lambda: told(store)["samplesSeen"] == 3)


def test_with_a_real_watcher_an_append_is_noticed_without_a_poll(
    tmp_path: Path, store: MemoryStore, bell: Any, file: Path
) -> None:
    watcher = FileWatcher()
    keeper = DatasetKeeper(tmp_path / "datasets", store, watcher, bell.ring, lambda: NOW, poll_seconds=3600)
    try:
        keeper.want(dataset(file))
        bell.wait_until(lambda: told(store))
        with file.open("a") as writer:
            writer.write("/c\n")
        bell.wait_until(lambda: told(store)["samplesSeen"] == 3)
    finally:
        keeper.close()
        watcher.close()


def test_what_the_gm_knows_already_is_not_told_again(
    keeper: DatasetKeeper, store: MemoryStore, bell: Any, file: Path, watcher: Any
) -> None:
    known = {"numberOfSamples": 2, "samplesSeen": 2, "generation": 1, "state": "Watching", "observedGeneration": 1}
    keeper.want({**dataset(file), "status": known})
    bell.wait_until(lambda: (found := store.progress("u1")) and found.samples == 2)
    with file.open("a") as writer:
        writer.write("/c\n")
    watcher.fire(file)
    bell.wait_until(lambda: told(store))
    assert told(store)["samplesSeen"] == 3
    assert [one.sequence for one in store.letters()] == [1]


def test_a_file_that_is_not_there_is_told_and_its_return_too(
    keeper: DatasetKeeper, store: MemoryStore, bell: Any, file: Path, watcher: Any
) -> None:
    content = file.read_text()
    file.unlink()
    keeper.want(dataset(file))
    bell.wait_until(lambda: told(store))
    assert told(store)["state"] == "Unavailable"
    assert told(store)["reason"] == "NotFound"
    assert str(file) in told(store)["message"]
    file.write_text(content)
    watcher.fire(file)
    bell.wait_until(lambda: told(store)["state"] == "Watching")
    assert told(store)["reason"] is None


def test_w12_a_changed_url_is_followed_at_once(
    keeper: DatasetKeeper, store: MemoryStore, bell: Any, file: Path, tmp_path: Path, watcher: Any
) -> None:
    keeper.want(dataset(file))
    bell.wait_until(lambda: told(store))
    other = tmp_path / "other.txt"
    other.write_text("/c\n")
    keeper.want(dataset(other, generation=2))
    bell.wait_until(lambda: told(store)["observedGeneration"] == 2)
    assert (told(store)["numberOfSamples"], told(store)["samplesSeen"]) == (1, 3)
    assert list(watcher.callbacks) == [str(other)]


def test_w80_a_dataset_that_moved_away_is_watched_no_longer(
    keeper: DatasetKeeper, store: MemoryStore, bell: Any, file: Path, watcher: Any
) -> None:
    keeper.want(dataset(file))
    bell.wait_until(lambda: told(store))
    keeper.want_exactly([])
    assert watcher.callbacks == {}
    keeper.unwant(KEY)


def test_w71_a_dataset_deleted_before_it_was_read_is_no_trouble(
    keeper: DatasetKeeper, file: Path, watcher: Any
) -> None:
    keeper.want(dataset(file))
    keeper.unwant(KEY)
    assert watcher.callbacks == {}


def test_a_dataset_made_again_under_its_name_begins_from_zero(
    keeper: DatasetKeeper, store: MemoryStore, bell: Any, file: Path
) -> None:
    keeper.want(dataset(file))
    bell.wait_until(lambda: told(store))
    file.write_text("/x\n")
    keeper.want(dataset(file, uid="u2"))
    bell.wait_until(lambda: told(store, "u2"))
    assert told(store, "u2")["samplesSeen"] == 1


def test_a_url_that_is_no_path_is_told(keeper: DatasetKeeper, store: MemoryStore, bell: Any) -> None:
    keeper.want(dataset("s3://bucket/x.txt"))
    bell.wait_until(lambda: told(store))
    assert told(store)["reason"] == "UrlNotLocal"


def test_a_relative_url_is_answered_with_what_is_wanted(keeper: DatasetKeeper, store: MemoryStore, bell: Any) -> None:
    keeper.want(dataset("data/x.txt"))
    bell.wait_until(lambda: told(store))
    wanted = "data/x.txt cannot be read: an absolute path (or file:///…) on this node is wanted."
    assert told(store)["message"] == wanted


def test_a_dataset_that_cannot_be_understood_holds_up_no_other(
    keeper: DatasetKeeper, store: MemoryStore, bell: Any, file: Path
) -> None:
    strange = dataset(file, uid="u9")
    strange = {**strange, "metadata": {**strange["metadata"], "name": "strange"}, "spec": {"url": 7}}
    keeper.want_exactly([strange, dataset(file)])
    bell.wait_until(lambda: told(store))


@pytest.fixture
def aged(tmp_path: Path, store: MemoryStore, watcher: Any, bell: Any, file: Path) -> Iterator[Aged]:
    made = Aged(tmp_path / "datasets", store, watcher, bell.ring)
    made.keeper.want_exactly(made.wanted(dataset(file)))
    bell.wait_until(lambda: told(store))
    long_ago = (NOW - timedelta(days=90)).timestamp()
    for path in (made.folder, *made.folder.iterdir()):
        os.utime(path, (long_ago, long_ago))
    yield made
    made.keeper.close()


class Aged:
    """A dataset whose samples have lain still for months, and clocks to move."""

    def __init__(self, folder: Path, store: MemoryStore, watcher: Any, posted: Any) -> None:
        self.now = NOW
        self.seconds = 1e6
        self.store = store
        self.folder = folder / "u1"
        self._make = lambda: DatasetKeeper(
            folder, store, watcher, posted, lambda: self.now, monotonic=lambda: self.seconds
        )
        self.keeper = self._make()

    def wanted(self, *datasets: dict[str, Any]) -> list[dict[str, Any]]:
        self.store.replace_wanted("datasets", datasets)
        return list(datasets)

    def wait(self, days: float, *, heard: bool = True) -> bool:
        """Let time pass, in which the GM answers or not; tell whether the samples are there."""
        for _ in range(round(days * 24)):
            self.seconds += 3600
            self.now += timedelta(hours=1)
            self.keeper.look_at_gone(heard=heard)
        return (self.folder / "samples.log").exists()

    def hear(self, *datasets: dict[str, Any], days: float = 0) -> bool:
        """Take a list, so many days later; tell whether the samples are there."""
        self.wait(days)
        self.keeper.want_exactly(self.wanted(*datasets))
        self.keeper.look_at_gone(heard=True, listed=True)
        return (self.folder / "samples.log").exists()

    def restart(self) -> None:
        """As after a boot: the steady clock begins anew."""
        self.keeper.close()
        self.seconds = 5.0
        self.keeper = self._make()


def test_the_samples_of_a_dataset_outlive_it_for_a_week(aged: Aged, store: MemoryStore) -> None:
    assert aged.hear()
    assert aged.hear(days=6)
    assert not aged.hear(days=2)
    assert not aged.folder.exists()
    assert store.progress("u1") is None


def test_samples_go_though_the_gm_never_lists_again(aged: Aged) -> None:
    aged.store.drop_wanted("datasets", ("default", "d"))
    aged.keeper.unwant(("default", "d"))
    assert aged.wait(days=7)
    assert not aged.wait(days=0.1)


def test_an_old_dataset_that_is_absent_from_one_list_keeps_its_samples(aged: Aged, file: Path) -> None:
    """As when the GM was restored from a backup that is older than the dataset."""
    assert aged.hear()
    assert aged.hear(dataset(file), days=1)
    assert aged.hear(days=30)
    assert aged.hear(days=6)


def test_a_dataset_that_came_back_between_two_lists_is_counted_anew(aged: Aged, file: Path) -> None:
    assert aged.hear()
    aged.store.put_wanted("datasets", dataset(file))
    aged.keeper.want(dataset(file))
    assert aged.hear(days=30)


def test_a_clock_that_jumps_costs_no_samples_and_keeps_none_longer(aged: Aged) -> None:
    assert aged.hear()
    aged.now += timedelta(days=3650)
    assert aged.hear(days=3)
    aged.now -= timedelta(days=7300)
    assert aged.hear(days=3)
    assert not aged.hear(days=2)


def test_a_gm_that_was_away_for_long_may_still_want_the_dataset(aged: Aged, file: Path) -> None:
    """It was restored from too old a backup, and is away until the right one is there."""
    assert aged.hear()
    assert aged.wait(days=6.5)
    assert aged.wait(days=30, heard=False)
    assert aged.hear(dataset(file))
    assert aged.hear()
    assert aged.wait(days=6.5)


def test_samples_do_not_go_before_a_gm_that_is_back_had_time_to_say_what_it_wants(aged: Aged) -> None:
    assert aged.hear()
    assert aged.wait(days=7)
    aged.keeper.look_at_gone(heard=False)
    for _ in range(60):
        aged.seconds += 30
        aged.keeper.look_at_gone(heard=True)
    assert aged.folder.exists()


def test_a_host_that_slept_has_not_missed_anything(aged: Aged) -> None:
    assert aged.hear()
    aged.seconds += 30 * 24 * 3600
    assert aged.hear()


def test_a_restart_costs_the_wait_an_hour_at_the_most(aged: Aged) -> None:
    assert aged.hear()
    for _ in range(7):
        assert aged.wait(days=1)
        aged.restart()
        assert aged.hear()
    assert not aged.wait(days=0.5)


@given(
    what=st.lists(
        st.one_of(
            st.tuples(st.just("hear"), st.floats(0, 3)),
            st.tuples(st.just("away"), st.floats(0, 30)),
            st.tuples(st.just("jump"), st.floats(-4000, 4000)),
            st.tuples(st.just("restart"), st.just(0.0)),
        ),
        max_size=12,
    )
)
def test_no_week_is_shorter_than_a_week_in_which_the_gm_was_heard(what: list[tuple[str, float]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, forgotten, seconds, observed = Path(name) / "u1", list[str](), [0.0], 0.0
        folder.mkdir()
        leavers = Leavers(Path(name), lambda: seconds[0], forgotten.append)
        for act, days in what:
            if act == "restart":
                seconds[0] = 0.0
                leavers = Leavers(Path(name), lambda: seconds[0], forgotten.append)
            elif act == "jump":
                # The clock of the wall: nobody here looks at it.
                continue
            for _ in range(round(days * 24)):
                seconds[0] += 3600
                observed += 3600 * (act == "hear")
                leavers.look((), heard=act == "hear", listed=True)
                assert folder.exists() or observed > KEPT_SECONDS


@pytest.mark.parametrize("mark", [b"", b"\xff", b"yesterday", b"2026-11-22T00:00:00Z", b"99999999999", b"-7"])
def test_a_mark_that_cannot_be_read_costs_no_samples(aged: Aged, mark: bytes) -> None:
    assert aged.hear()
    (aged.folder / ".gone-for").write_bytes(mark)
    aged.restart()
    assert aged.hear()
    assert not aged.hear(days=8)


def test_a_mark_that_cannot_be_written_costs_no_samples(aged: Aged, caplog: pytest.LogCaptureFixture) -> None:
    (aged.folder / ".gone-for").mkdir()
    assert aged.hear(days=30)
    assert aged.hear(days=30)
    assert caplog.text.count("It cannot be noted") == 1


@pytest.mark.parametrize("how", ["named", "linked"])
def test_a_list_that_only_root_may_read_is_not_read_for_workers(
    tmp_path: Path, store: MemoryStore, watcher: Any, bell: Any, how: str
) -> None:
    """`url: /etc/shadow` in a Dataset: its lines would lie open as samples, here and on other nodes."""
    worker = WorkerUser("worker", 54321, 54321, frozenset({54321}))
    path = Path("/etc/shadow")
    if how == "linked":
        path = tmp_path / "list.txt"
        path.symlink_to("/etc/shadow")
    keeper = DatasetKeeper(tmp_path / "datasets", store, watcher, bell.ring, lambda: NOW, user=lambda: worker)
    try:
        keeper.want(dataset(path))
        bell.wait_until(lambda: told(store))
    finally:
        keeper.close()
    assert (told(store)["state"], told(store)["reason"]) == ("Unavailable", "PermissionDenied")
    if os.geteuid() == 0:
        assert "user worker, as which workers run here, may not read /etc/shadow" in told(store)["message"]
    assert told(store)["samplesSeen"] == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root reads what others may not")
def test_a_list_is_read_as_soon_as_workers_may(store: MemoryStore, watcher: Any, bell: Any, tmp_path: Path) -> None:
    """In /tmp itself, as the folders of a test are closed to others."""
    worker = WorkerUser("worker", 54321, 54321, frozenset({54321}))
    path = Path(f"/tmp/sedna-test-list-{os.getpid()}")
    path.write_text("/a\n")
    path.chmod(0o600)
    keeper = DatasetKeeper(tmp_path / "datasets", store, watcher, bell.ring, lambda: NOW, user=lambda: worker)
    try:
        keeper.want(dataset(path))
        bell.wait_until(lambda: told(store))
        assert told(store)["reason"] == "PermissionDenied"
        path.chmod(0o644)
        watcher.fire(path)
        bell.wait_until(lambda: told(store)["state"] == "Watching")
        assert told(store)["samplesSeen"] == 1
    finally:
        keeper.close()
        path.unlink()
