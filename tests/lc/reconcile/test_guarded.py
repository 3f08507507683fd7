"""A new model on trial: what the node decides alone, with or without a GM, after whatever restart."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.api.workers import ServedModel, WorkerStatus
from sedna.common.digests import digest
from sedna_lc.reconcile import trials
from sedna_lc.runners.base import Activity, UnitState
from sedna_lc.runners.names import worker_unit
from sedna_lc.state.memory import MemoryStore
from sedna_lc.state.records import Placed, WorkerRecord
from tests.lc.reconcile.worlds import NOW, World

GUARD = {"windowSeconds": 600, "maxExceptions": 0}
KEY = ("default", "j-inference")


class Node:
    """An inference worker that serves its first model under a guard."""

    def __init__(self, folder: Path, *, hot: bool, guard: dict[str, Any] | None = None) -> None:
        self.world = World(folder)
        self.hot = hot
        self.later = timedelta()
        begun = self.world.clock
        self.world.clock = lambda: begun() + self.later  # type: ignore[method-assign]
        self.world.restart()
        update = {"enabled": hot, "pollPeriodSeconds": 60}
        self.world.want("inference", hotUpdate=update, guard=guard or GUARD)
        self.look()
        self.says("running")
        assert self.model()["state"] == "Loaded", "the first model has nothing to go back to"

    def look(self) -> float | None:
        self.world.settle(KEY)
        return self.world.settle(KEY)

    def advance(self, seconds: float) -> float | None:
        self.later += timedelta(seconds=seconds)
        return self.look()

    def model(self) -> dict[str, Any]:
        return dict(self.world.told(KEY)["model"])

    def served(self) -> Path:
        """What the worker is told to serve."""
        if self.hot:
            return Path(self.world.hot_file()["model_path"])
        return Path(self.world.host.started[-1].environment["MODEL_URL"])

    def says(self, status: str, state: str | None = None, message: str = "", *, of: Path | None = None) -> None:
        """The library reports about a model: the one that the worker is told to serve, if none is named."""
        path = of or self.served()
        result = {"url": str(path), "format": "pb", "sha256": digest(path), **({"state": state} if state else {})}
        kind = "deploy" if state or self.hot else "inference"
        self.world.report(KEY, kind, status, results=[result], message=message)
        self.look()

    def deploy(self, content: str = "new", number: int = 1) -> Path:
        """The GM wants a new model; returns its place in the slot."""
        self.world.serve(KEY, self.world.model(f"r{number}", content), number)
        self.look()
        return self.served()

    def watched(self, content: str = "new", number: int = 1) -> Path:
        path = self.deploy(content, number)
        self.says("running", "Watching")
        assert self.model()["state"] == "Watching"
        return path

    def gm_gives_up(self) -> None:
        """The GM has heard of the refusal and wants the deployed model again."""
        self.world.change(KEY, models=[self.world.reference(self.world.deployed, 0)], round=0)
        self.look()

    def crash(self, code: int | None = None) -> None:
        if code is None:
            self.world.host.crash(worker_unit(*KEY))
        else:
            self.world.host.finish(worker_unit(*KEY), code)
        self.look()


@pytest.fixture(params=[True, False], ids=["hot", "cold"])
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Node:
    return Node(tmp_path, hot=request.param)


def test_a_new_model_is_watched_until_its_worker_says_that_it_has_passed(node: Node) -> None:
    node.watched()
    assert node.world.record(KEY).last_good is not None
    assert node.model()["message"] == "It is watched for 600 s."
    node.says("completed", "Passed", "It was watched for 600 s and has broken no limit.")
    assert (node.model()["state"], node.model()["round"]) == ("Loaded", 1)
    assert node.model()["message"].startswith("It was watched")


def test_a_model_that_breaks_a_limit_gives_way_to_the_last_good_one_without_a_gm(node: Node) -> None:
    bad = node.watched("bad")
    node.says("failed", "RolledBack", "3 of 9 inferences raised an exception.", of=bad)
    refused = node.model()
    assert (refused["state"], refused["reason"], refused["round"]) == ("Refused", "RolledBack", 1)
    assert refused["message"] == "3 of 9 inferences raised an exception."
    assert node.served().read_text() == "deployed model"
    # The old one says that it serves; what the GM wants is refused all the same, however often anybody looks.
    node.says("completed" if node.hot else "running")
    for _ in range(3):
        node.world.restart()
        node.look()
    assert node.model() == refused
    assert node.served().read_text() == "deployed model"
    assert len(node.world.host.started) == (1 if node.hot else 3)


def test_when_the_gm_wants_the_last_good_one_again_nothing_is_started_anew(node: Node) -> None:
    bad = node.watched("bad")
    node.says("failed", "RolledBack", "It is slow.", of=bad)
    node.says("completed" if node.hot else "running")
    started = len(node.world.host.started)
    node.gm_gives_up()
    if node.hot:
        # The file was replaced once more, and the library answers that it serves it already.
        node.says("completed")
    assert (node.model()["state"], node.model()["round"]) == ("Loaded", 0)
    assert len(node.world.host.started) == started


def test_the_way_back_does_not_need_the_users_file(node: Node) -> None:
    bad = node.watched("bad")
    node.world.deployed.unlink()
    node.says("failed", "RolledBack", "It is slow.", of=bad)
    assert node.served().read_text() == "deployed model"
    node.says("completed" if node.hot else "running")
    node.gm_gives_up()
    if node.hot:
        node.says("completed")
    assert (node.model()["state"], node.model()["round"]) == ("Loaded", 0)


@pytest.mark.parametrize("code", [None, 1], ids=["a signal", "an exit code"])
def test_one_end_of_the_program_while_it_is_watched_takes_the_model_back(node: Node, code: int | None) -> None:
    node.watched("bad")
    node.crash(code)
    told = node.model()
    assert (told["state"], told["reason"]) == ("Refused", "RolledBack")
    how = "signal 9" if code is None else "exit code 1"
    assert told["message"] == f"The worker ended ({how}) while the model was watched; no end is allowed."
    assert node.served().read_text() == "deployed model"


def test_a_script_that_comes_to_its_own_end_has_not_failed(node: Node) -> None:
    node.watched()
    node.crash(0)
    assert node.model()["state"] == "Watching"
    node.crash(1)
    assert node.model()["reason"] == "RolledBack"


def test_a_host_that_starts_its_units_after_a_power_cut_has_not_failed(node: Node) -> None:
    node.watched()
    record = node.world.record(KEY)
    for activity in (Activity.STARTING, Activity.RUNNING):
        assert trials.crashed(record, UnitState(worker_unit(*KEY), activity), None) == record


def test_ends_before_the_watch_are_not_counted_and_ends_after_it_neither(node: Node) -> None:
    node.crash()
    node.says("completed" if node.hot else "running")
    node.watched()
    assert node.model()["state"] == "Watching"
    node.says("completed", "Passed")
    node.crash()
    assert node.model()["state"] == "Loaded"


def test_a_worker_that_never_says_more_is_believed_when_the_window_is_over(node: Node) -> None:
    node.deploy()
    # Code without the library reports that it serves, and knows nothing of guards.
    node.says("completed" if node.hot else "running")
    assert node.model()["state"] == "Watching"
    pause = node.look()
    assert pause is not None
    assert 500 < pause < 640
    node.advance(500)
    assert node.model()["state"] == "Watching"
    node.advance(200)
    assert node.model()["state"] == "Loaded"
    assert node.model()["message"].startswith("Its worker ran until its window was over")


def test_a_verdict_that_comes_after_the_node_stopped_waiting_is_still_followed(node: Node) -> None:
    bad = node.watched("bad")
    node.advance(1000)
    assert node.model()["state"] == "Loaded"
    node.says("failed", "RolledBack", "It was slow, and the line to here was cut.", of=bad)
    assert node.model()["reason"] == "RolledBack"
    assert node.served().read_text() == "deployed model"


def test_a_verdict_about_a_model_that_has_passed_changes_nothing(node: Node) -> None:
    good = node.watched()
    node.says("completed", "Passed")
    node.says("failed", "RolledBack", "A process that was started again judges once more.", of=good)
    assert (node.model()["state"], node.served()) == ("Loaded", good)


def test_words_in_the_wrong_order_change_nothing(node: Node) -> None:
    bad = node.deploy("bad")
    node.says("failed", "RolledBack", "It is slow.", of=bad)
    refused = node.model()
    node.says("running", "Watching", of=bad)
    node.says("completed", "Passed", of=bad)
    assert node.model() == refused
    assert node.served().read_text() == "deployed model"


def test_a_paused_worker_is_watched_on_when_it_goes_on(node: Node) -> None:
    node.watched()
    node.world.host.pause(worker_unit(*KEY))
    node.advance(1000)
    assert node.model()["state"] == "Watching"
    assert node.look() is None, "nobody looks every second at what an operator has stopped"
    node.world.host.resume(worker_unit(*KEY))
    node.look()
    assert node.model()["state"] == "Loaded"


def test_a_host_that_comes_back_while_the_gm_is_away_starts_with_the_last_good_model(node: Node) -> None:
    bad = node.watched("bad")
    node.says("failed", "RolledBack", "It is slow.", of=bad)
    node.world.synced = False
    node.world.host.vanish(worker_unit(*KEY))
    node.world.restart()
    node.look()
    assert Path(node.world.host.started[-1].environment["MODEL_URL"]).read_text() == "deployed model"
    assert node.served().read_text() == "deployed model"
    assert node.model()["reason"] == "RolledBack"


def test_a_unit_that_vanished_in_the_window_is_no_fault_of_the_model(node: Node) -> None:
    node.watched()
    node.world.host.vanish(worker_unit(*KEY))
    node.look()
    node.says("running", "Watching")
    assert node.model()["state"] == "Watching"
    node.says("completed", "Passed")
    assert node.model()["state"] == "Loaded"


def test_a_third_model_is_compared_with_the_last_good_one(node: Node) -> None:
    node.watched("second", 1)
    third = node.watched("third", 2)
    node.says("failed", "RolledBack", "It is slow.", of=third)
    assert node.served().read_text() == "deployed model", "the second has never passed"


def test_a_record_of_the_watch_survives_its_storage(node: Node) -> None:
    node.watched()
    record = node.world.record(KEY)
    assert record.watch_until
    with_before = replace(record, before=record.last_good)
    assert WorkerRecord.decode(with_before.encode()) == with_before


def test_a_node_that_lost_its_memory_takes_what_serves_for_good(node: Node) -> None:
    node.watched()
    status = {name: value for name, value in node.world.told(KEY).items() if value is not None}
    wanted = node.world.store.wanted("workers")[KEY]
    node.world.store = MemoryStore()
    node.world.store.put_wanted("workers", {**wanted, "status": status})
    node.world.restart()
    for _ in range(3):
        node.look()
    assert node.model()["state"] != "Watching", "there is nothing to go back to, and nobody waits for ever"


def test_an_edited_guard_counts_from_the_next_model_on(node: Node) -> None:
    node.world.change(KEY, guard={"windowSeconds": 0})
    node.deploy()
    node.says("completed" if node.hot else "running")
    assert node.model()["state"] == "Loaded"


class TestWhatTheWorkerIsTold:
    def test_hot_the_file_holds_the_guard_only_while_there_is_a_way_back(self, tmp_path: Path) -> None:
        node = Node(tmp_path, hot=True)
        assert "guard" not in node.world.hot_file()
        bad = node.watched("bad")
        assert node.world.hot_file()["guard"] == GUARD
        node.says("failed", "RolledBack", of=bad)
        assert "guard" not in node.world.hot_file()
        assert "SEDNA_GUARD" not in node.world.host.started[0].environment

    def test_cold_the_unit_is_told_limits_and_the_model_to_compare_with(self, tmp_path: Path) -> None:
        node = Node(tmp_path, hot=False)
        good = digest(node.world.deployed)
        node.deploy("bad")
        first, second = (json.loads(unit.environment["SEDNA_GUARD"]) for unit in node.world.host.started)
        assert (first["guard"], first["previous"]) == (GUARD, "")
        assert (second["guard"], second["previous"]) == (GUARD, good)
        assert second["since"].startswith("2026-11-22T14:0")

    def test_the_moment_of_a_start_makes_no_other_unit(self, tmp_path: Path) -> None:
        node = Node(tmp_path, hot=False)
        unit = node.world.host.started[0]
        other = replace(unit, environment={**unit.environment, "SEDNA_GUARD": "{}"})
        assert unit.fingerprint == other.fingerprint


def test_a_clock_that_is_set_back_leaves_no_silent_worker_watched_for_years(tmp_path: Path) -> None:
    node = Node(tmp_path, hot=False)
    node.deploy()
    node.says("running")
    assert node.model()["state"] == "Watching"
    node.advance(-86400 * 365)
    assert node.model()["state"] == "Loaded"


def test_a_clock_that_is_put_right_after_a_boot_ends_no_watch(tmp_path: Path) -> None:
    node = Node(tmp_path, hot=False)
    node.deploy("bad")
    node.says("running")
    node.advance(-300)
    assert node.model()["state"] == "Watching"
    node.advance(300 + 631)
    assert node.model()["state"] == "Loaded"


PLACED = [Placed(f"/m/{number}", f"{number:064x}", number, f"/slot/{number}") for number in range(3)]
STATES = st.sampled_from(["Loading", "Watching", "Loaded", "Refused"])
RECORDS = st.builds(
    lambda serving, good, before, told, state, seconds, until: WorkerRecord(
        "u", "default", "w", launch="done", serving=serving, last_good=good, before=before, watch_seconds=seconds,
        watch_until=until if state == "Watching" else "",
        status=WorkerStatus(model=ServedModel(url=told.url, sha256=told.sha256, round=told.round, state=state)),
    ),
    st.sampled_from(PLACED), st.none() | st.sampled_from(PLACED), st.none() | st.sampled_from(PLACED),
    st.sampled_from(PLACED), STATES, st.integers(0, 100), st.sampled_from(["", "2026-11-22T14:00:10Z"]),
)  # fmt: skip


@given(RECORDS, st.booleans())
def test_a_confirmation_never_makes_a_refused_model_good_while_there_is_a_way_back(
    record: WorkerRecord, passed: bool
) -> None:
    assert record.serving is not None
    after = trials.confirmed(record, record.serving, "2026-11-22T14:00:00Z", passed=passed, message=None)
    told, now = record.status.model, after.status.model
    assert told is not None
    assert now is not None
    if told.state == "Refused" and trials.way_back(record) is not None:
        assert now == told
    if now.state == "Loaded":
        assert after.last_good == record.serving or told == now
        assert trials.seconds_left(after, NOW) is None
    if now.state == "Watching" and told.state != "Watching":
        assert trials.way_back(after) is not None


@given(RECORDS)
def test_a_verdict_always_leaves_a_way_back_or_changes_nothing(record: WorkerRecord) -> None:
    assert record.serving is not None
    after = trials.taken_back(record, record.serving, "2026-11-22T14:00:00Z", "It is slow.")
    if after != record:
        assert after.last_good is not None
        assert after.status.model is not None
        assert (after.status.model.state, after.status.model.reason) == ("Refused", "RolledBack")


@given(RECORDS, st.sampled_from(Activity), st.integers(0, 3), st.none() | st.integers(0, 2), st.none() | st.just(9))
def test_an_end_is_held_against_a_watched_model_only(
    record: WorkerRecord, activity: Activity, restarts: int, code: int | None, signal: int | None
) -> None:
    unit = UnitState("u", activity, restarts=restarts, exit_code=code, signal=signal)
    after = trials.crashed(record, unit, "It said so.")
    if after != record:
        assert record.status.model is not None
        assert record.status.model.state == "Watching"
        assert trials.way_back(after) is not None
        assert restarts > 0 or activity is Activity.STARTING
