"""The reconciler among its neighbours: GM, door, runner, and nobody at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sedna.api.rounds import ROUND_ID_VARIABLE, round_id
from sedna.api.workers import WorkerNews, WorkerReport
from sedna_lc.errors import Never
from sedna_lc.reconcile.reconciling import Reconciler, UnknownWorker, UnprovenWorker, WrongWorker
from sedna_lc.runners.base import UnitSpec
from sedna_lc.runners.memory import MemoryRunner
from sedna_lc.runners.names import worker_unit
from tests.lc.reconcile.worlds import World

KEY = ("default", "j-train-1")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def reconciler(world: World) -> Iterator[Reconciler]:
    made = Reconciler(world.means(), lambda: None, lambda: iter(lambda: 0.01, None), time.monotonic)
    yield made
    made.close()


def resources(world: World) -> list[Any]:
    return list(world.store.wanted("workers").values())


def as_report(key: tuple[str, str], said: dict[str, str]) -> WorkerReport:
    return WorkerReport.model_validate({"namespace": key[0], "name": key[1], "status": "running", **said})


def wait_for(world: World, phase: str, key: tuple[str, str] = KEY) -> None:
    deadline = time.monotonic() + 20
    while world.told(key).get("phase") != phase:
        assert time.monotonic() < deadline, world.told(key)
        time.sleep(0.01)


def wait_until_forgotten(world: World, key: tuple[str, str] = KEY) -> None:
    deadline = time.monotonic() + 20
    while worker_unit(*key) in MemoryRunner(world.host).observe():
        assert time.monotonic() < deadline, "its unit is still there"
        time.sleep(0.01)


def orphan(name: str = "sedna-worker-default-old") -> UnitSpec:
    return UnitSpec(name, "left over", ("/bin/true",), "/", {})


def test_what_the_gm_lists_runs(world: World, reconciler: Reconciler) -> None:
    world.want("train")
    listed = resources(world)
    world.store.replace_wanted("workers", [])
    reconciler.start()
    reconciler.listed(listed)
    wait_for(world, "Running")


def test_a_unit_that_ends_is_noticed_by_itself(world: World, reconciler: Reconciler) -> None:
    world.want("train")
    reconciler.start()
    wait_for(world, "Running")
    world.host.finish(worker_unit(*KEY), 3)
    wait_for(world, "Failed")


def test_a_report_is_taken_in_at_once(world: World, reconciler: Reconciler) -> None:
    world.want("train")
    reconciler.start()
    wait_for(world, "Running")
    report = WorkerReport(name=KEY[1], namespace="default", kind="train", status="running", message="epoch 1")
    reconciler.report(report, proven=True)
    deadline = time.monotonic() + 20
    while (world.told(KEY).get("report") or {}).get("message") != "epoch 1":
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("role", ["train", "inference"])
def test_a_report_without_the_token_that_its_worker_was_handed_is_refused(
    world: World, reconciler: Reconciler, role: str
) -> None:
    key = world.want(role)
    world.settle(key)
    assert world.told(key)["phase"] == "Running"
    with pytest.raises(UnprovenWorker, match="reports with its token"):
        reconciler.report(as_report(key, {"kind": role}), proven=False)
    assert world.store.reports(key) == []


def test_nobody_speaks_for_a_worker_before_it_has_its_token(world: World, reconciler: Reconciler) -> None:
    world.base.rename(world.folder / "away")
    key = world.want("train")
    world.settle(key)
    assert world.told(key)["phase"] == "Pending"
    assert not world.means().tokens.was_handed(key)
    with pytest.raises(UnprovenWorker):
        reconciler.report(as_report(key, {"kind": "train"}), proven=False)


def test_a_worker_from_before_there_were_tokens_is_not_stranded(world: World, reconciler: Reconciler) -> None:
    key = world.want("inference")
    world.settle(key)
    # As the LocalController of before has left it: the unit runs, and has no token.
    world.means().tokens.take_back(key)
    reconciler.report(as_report(key, {"kind": "inference"}), proven=False)
    assert [one.body["kind"] for one in world.store.reports(key)] == ["inference"]
    # Started again, by today's LocalController, it has one and needs it.
    world.host.vanish(worker_unit(*key))
    world.settle(key)
    assert len(world.host.started) == 2
    assert "worker-token" in world.host.started[-1].credentials
    with pytest.raises(UnprovenWorker):
        reconciler.report(as_report(key, {"kind": "inference"}), proven=False)


def test_a_node_that_lost_its_memory_still_asks_for_the_tokens_that_it_handed_over(
    world: World, reconciler: Reconciler
) -> None:
    key = world.want("inference")
    world.settle(key)
    world.store.drop_worker(world.record(key), None)
    world.settle(key)
    assert world.record(key).launch == "done"
    with pytest.raises(UnprovenWorker):
        reconciler.report(as_report(key, {"kind": "inference"}), proven=False)


def test_a_worker_that_goes_takes_its_token_with_it(world: World, reconciler: Reconciler) -> None:
    key = world.want("train")
    world.settle(key)
    tokens = world.means().tokens
    token = Path(world.host.started[0].credentials["worker-token"]).read_text()
    assert tokens.owner_of(token) == key
    world.delete(key)
    world.settle(key)
    world.host.finish(worker_unit(*key), 0)
    world.settle(key)
    assert world.store.worker(key) is None
    assert tokens.owner_of(token) is None


def test_a_token_of_a_worker_that_this_node_has_forgotten_means_nothing(world: World, reconciler: Reconciler) -> None:
    key = world.want("train")
    world.settle(key)
    tokens = world.means().tokens
    token = tokens.hand_over(("default", "gone"), "u").read_text()
    assert tokens.owner_of(token) == ("default", "gone")
    reconciler.start()
    reconciler.listed(resources(world))
    assert tokens.owner_of(token) is None
    assert tokens.was_handed(key)


def test_w07_a_report_of_an_unknown_worker_is_refused(reconciler: Reconciler) -> None:
    with pytest.raises(UnknownWorker, match="no worker nobody in namespace default"):
        reconciler.report(WorkerReport(name="nobody", namespace="default", kind="train", status="running"), proven=True)


@pytest.mark.parametrize(
    ("role", "said", "told"),
    [
        ("inference", {"kind": "train"}, "kind: 'train' is not for a worker that is there for inference"),
        ("train", {"kind": "deploy"}, "kind: 'deploy'"),
        ("eval", {"kind": "train"}, "kind: 'train'"),
        ("train", {"kind": "train", "ownerName": "other"}, "ownerName: its job is 'j', not 'other'"),
        ("train", {"kind": "train", "ownerKind": "dataset"}, "ownerKind: its job is of kind 'IncrementalLearningJob'"),
    ],
)
def test_a_report_that_says_what_its_worker_is_not_is_refused(
    world: World, reconciler: Reconciler, role: str, said: dict[str, str], told: str
) -> None:
    key = world.want(role)
    world.settle(key)
    with pytest.raises(WrongWorker, match=told):
        reconciler.report(as_report(key, said), proven=True)
    assert world.store.reports(key) == []


@pytest.mark.parametrize(
    ("role", "said"),
    [
        ("inference", {"kind": "deploy", "ownerName": "j", "ownerKind": "incrementallearningjob"}),
        ("inference", {"kind": "inference"}),
        # The library's, before the class of the job has said its kind.
        ("inference", {"kind": "deploy", "ownerName": "j", "ownerKind": "default"}),
        ("train", {"kind": "train", "ownerKind": "IncrementalLearningJob"}),
        # A script that trains may try what it has trained.
        ("train", {"kind": "inference"}),
    ],
)
def test_what_the_library_says_of_its_worker_is_taken(
    world: World, reconciler: Reconciler, role: str, said: dict[str, str]
) -> None:
    key = world.want(role)
    world.settle(key)
    reconciler.report(as_report(key, said), proven=True)
    assert len(world.store.reports(key)) == 1


def test_a_report_after_the_end_is_taken_and_changes_nothing(world: World, reconciler: Reconciler) -> None:
    key = world.want("train")
    world.settle(key)
    world.host.finish(worker_unit(*key), 3)
    world.settle(key)
    before = world.record(key)
    reconciler.report(as_report(key, {"kind": "train", "status": "completed"}), proven=True)
    world.settle(key)
    assert (world.record(key), world.store.reports(key)) == (before, [])


def test_a_stop_with_its_workers_ends_when_every_end_is_told(world: World, reconciler: Reconciler) -> None:
    training, serving = world.want("train"), world.want("inference")
    reconciler.start()
    wait_for(world, "Running")
    wait_for(world, "Running", serving)
    log = worker_unit(*serving)
    assert reconciler.stop_workers() == []
    assert (world.told(training)["phase"], world.told(training)["reason"]) == ("Failed", "Stopped")
    told = world.told(serving)
    assert (told["phase"], told["reason"], told.get("pid")) == ("Pending", "Stopped", None)
    assert told["message"].endswith("it runs again when the LocalController is back.")
    # Its log can be read until the next LC starts it again.
    assert log in MemoryRunner(world.host).observe()
    # Nothing begins any more, whatever the GM says.
    evaluating = world.want("eval")
    reconciler.look_at_all()
    reconciler.close()
    assert world.store.worker(evaluating) is None
    world.restart()
    world.settle(serving)
    assert (world.told(serving)["phase"], world.told(serving).get("message")) == ("Running", None)


def test_a_stop_waits_for_workers_that_take_their_time(world: World, reconciler: Reconciler) -> None:
    key = world.want("train")
    world.host.hold_stops = True
    reconciler.start()
    wait_for(world, "Running")
    stopped: list[list[str]] = []
    thread = threading.Thread(target=lambda: stopped.append(reconciler.stop_workers()))
    thread.start()
    deadline = time.monotonic() + 20
    while not world.host.stop_requests:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert stopped == []
    world.host.crash(worker_unit(*key), signal=15)
    thread.join(timeout=20)
    assert (stopped, world.told(key)["reason"]) == ([[]], "Stopped")


def test_a_stop_gives_up_on_a_worker_that_does_not_end(world: World) -> None:
    now = iter(range(0, 10_000, 10))
    made = Reconciler(world.means(), lambda: None, lambda: iter(lambda: 0.01, None), lambda: float(next(now)))
    world.host.hold_stops = True
    key = world.want("train")
    world.settle(key)
    made.start()
    assert made.stop_workers() == [worker_unit(*key)]
    made.close()


def test_a_stop_leaves_a_paused_worker_to_its_operator(world: World, reconciler: Reconciler) -> None:
    key = world.want("train")
    reconciler.start()
    wait_for(world, "Running")
    world.host.pause(worker_unit(*key))
    wait_for(world, "Paused")
    assert reconciler.stop_workers() == []
    assert (world.host.stop_requests, world.told(key)["phase"]) == ([], "Paused")


def test_a_stop_ends_units_of_nobody_too(world: World, reconciler: Reconciler) -> None:
    MemoryRunner(world.host).start(orphan())
    reconciler.start()
    assert reconciler.stop_workers() == []
    assert world.host.stop_requests == ["sedna-worker-default-old"]


def test_units_of_nobody_are_stopped_once_the_gm_was_heard(world: World, reconciler: Reconciler) -> None:
    MemoryRunner(world.host).start(orphan())
    reconciler.start()
    reconciler.look_at_all()
    assert world.host.stop_requests == []
    reconciler.listed([])
    assert world.host.stop_requests == ["sedna-worker-default-old"]
    reconciler.look_at_all()
    assert MemoryRunner(world.host).observe() == {}


def test_a_released_units_return_is_noticed(world: World, reconciler: Reconciler) -> None:
    world.want("train")
    reconciler.start()
    reconciler.listed(resources(world))
    wait_for(world, "Running")
    (unit,) = world.host.started
    reconciler.gone(resources(world)[0])
    deadline = time.monotonic() + 20
    while world.store.worker(KEY) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    MemoryRunner(world.host).start(unit)
    reconciler.look_at_all()
    while world.unit(KEY) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_gm_that_forgot_what_it_was_told_is_told_again(world: World, reconciler: Reconciler) -> None:
    world.want("train")
    reconciler.start()
    wait_for(world, "Running")
    for letter in world.store.letters():
        world.store.settle(letter)
    reconciler.listed(resources(world))
    wait_for(world, "Running")


def test_an_old_status_that_came_late_is_put_right(world: World, reconciler: Reconciler) -> None:
    """It has replaced the newest one at the GM, and nothing happens here that would be told by itself."""
    world.want("train")
    reconciler.start()
    wait_for(world, "Running")
    for letter in world.store.letters():
        world.store.settle(letter)
    reconciler.changed({**resources(world)[0], "status": {"phase": "Starting"}})
    wait_for(world, "Running")
    newest = world.record(KEY).status.dump()
    for letter in world.store.letters():
        world.store.settle(letter)
    # The echo of what is known here is no news.
    reconciler.changed({**resources(world)[0], "status": newest})
    assert world.store.letters() == []


def test_the_end_of_a_worker_is_told_again_to_a_gm_that_believes_it_runs(world: World, reconciler: Reconciler) -> None:
    world.want("train")
    reconciler.start()
    wait_for(world, "Running")
    world.host.finish(worker_unit(*KEY), 3)
    wait_for(world, "Failed")
    for letter in world.store.letters():
        world.store.settle(letter)
    reconciler.changed({**resources(world)[0], "status": {"phase": "Running"}})
    wait_for(world, "Failed")


def test_a_worker_that_went_from_the_gm_goes_from_here(world: World, reconciler: Reconciler) -> None:
    world.want("train")
    reconciler.start()
    reconciler.listed(resources(world))
    wait_for(world, "Running")
    reconciler.gone(resources(world)[0])
    deadline = time.monotonic() + 20
    while world.store.worker(KEY) is not None or world.unit(KEY) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_word_that_an_earlier_worker_is_gone_leaves_the_new_one(world: World, reconciler: Reconciler) -> None:
    world.want("train")
    old = resources(world)[0]
    world.want("train")
    reconciler.gone(old)
    assert world.store.wanted("workers")[KEY]["metadata"]["uid"] == "uid-2"


def test_w73_a_worker_is_stored_before_anybody_looks_at_it(world: World, reconciler: Reconciler) -> None:
    world.want("train")
    resource = resources(world)[0]
    world.store.replace_wanted("workers", [])
    looked: list[bool] = []
    reconciler._loop.add = lambda key, _=0.0: looked.append(key in world.store.wanted("workers"))  # type: ignore[method-assign]
    reconciler.changed(resource)
    assert looked == [True]


def test_a_log_that_is_not_there_is_said_with_the_reason(world: World, reconciler: Reconciler) -> None:
    world.base.unlink()
    world.want("train")
    reconciler.start()
    wait_for(world, "Pending")
    with pytest.raises(Never, match=r"has no log here\. Model m is not there"):
        reconciler.read_log(*KEY, None, False, threading.Event())


def test_what_a_worker_printed_is_read_after_nobody_wants_it_any_more(world: World, reconciler: Reconciler) -> None:
    world.want("train")
    reconciler.start()
    wait_for(world, "Running")
    resource = resources(world)[0]
    mine = round_id(resource["spec"]["job"]["uid"], resource["spec"]["round"])
    world.host.write_log(worker_unit(*KEY), b"epoch 1\n")
    world.host.finish(worker_unit(*KEY), 0)
    reconciler.listed([])
    wait_until_forgotten(world)
    assert b"".join(reconciler.read_ended_log(*KEY, mine, None)) == b"epoch 1\n"
    assert b"".join(reconciler.read_log(*KEY, None, True, threading.Event())) == b"epoch 1\n"
    with pytest.raises(Never, match="keeps the logs of each job's last 20 workers, and 256 MiB"):
        reconciler.read_ended_log(*KEY, "another", None)


def test_a_worker_that_waits_is_not_given_the_log_of_an_earlier_one(world: World, reconciler: Reconciler) -> None:
    earlier = UnitSpec(
        worker_unit(*KEY), "d", ("/bin/true",), "/", {ROUND_ID_VARIABLE: "of another job", "WORKER_NAME": KEY[1]}
    )
    runner = MemoryRunner(world.host)
    runner.start(earlier)
    world.host.write_log(earlier.name, b"epoch 1\n")
    world.host.finish(earlier.name)
    runner.forget(earlier.name)
    world.base.unlink()
    world.want("train")
    reconciler.start()
    wait_for(world, "Pending")
    with pytest.raises(Never, match="has no log here"):
        reconciler.read_log(*KEY, None, False, threading.Event())


def test_w72_the_status_of_others_does_not_change_what_is_known_here(world: World, reconciler: Reconciler) -> None:
    world.want("train")
    reconciler.start()
    wait_for(world, "Running")
    reconciler.changed({**resources(world)[0], "status": {"phase": "Failed"}})
    world.host.finish(worker_unit(*KEY), 3)
    wait_for(world, "Failed")
    assert world.told(KEY)["exitCode"] == 3


def news(key: tuple[str, str]) -> WorkerNews:
    counted = {"count": 3, "since": "2026-11-22T13:00:00Z"}
    told = {"namespace": key[0], "name": key[1], "progress": {"done": 1}, "inference": counted}
    return WorkerNews.model_validate(told)


@pytest.mark.parametrize(("role", "kept"), [("train", "progress"), ("eval", "progress"), ("inference", "inference")])
def test_of_news_what_fits_the_role_is_told(world: World, reconciler: Reconciler, role: str, kept: str) -> None:
    key = world.want(role)
    world.settle(key)
    uid, told = reconciler.check_news(news(key), proven=True)
    record = world.store.worker(key)
    assert record is not None
    assert uid == record.uid
    assert [name for name in ("progress", "inference") if getattr(told, name) is not None] == [kept]
    # Nothing of it is kept on this node.
    assert world.store.reports(key) == []


def test_news_are_believed_as_reports_are(world: World, reconciler: Reconciler) -> None:
    key = world.want("train")
    world.settle(key)
    with pytest.raises(UnprovenWorker, match="reports with its token"):
        reconciler.check_news(news(key), proven=False)
    with pytest.raises(UnknownWorker):
        reconciler.check_news(news(("default", "nobody")), proven=True)


def test_news_that_come_back_from_the_gm_are_neither_kept_nor_acted_on(world: World, reconciler: Reconciler) -> None:
    key = world.want("train")
    world.settle(key)
    (wanted,) = resources(world)
    reconciler.listed([{**wanted, "status": {"phase": "Running"}}])
    (known,) = resources(world)
    status = {"phase": "Running", "progress": {"done": 1, "time": "2026-11-22T14:00:00Z"}}
    told = {**known, "metadata": {**known["metadata"], "resourceVersion": "77"}, "status": status}
    reconciler.changed(told)
    assert resources(world) == [known]
    # A change that is one is taken, without the news.
    reconciler.changed({**told, "metadata": {**told["metadata"], "generation": 2}})
    (changed,) = resources(world)
    assert changed["metadata"]["generation"] == 2
    assert "progress" not in changed["status"]


def test_news_at_the_gm_do_not_have_it_told_again_what_it_knows(world: World, reconciler: Reconciler) -> None:
    key = world.want("train")
    world.settle(key)
    (wanted,) = resources(world)
    record = world.store.worker(key)
    assert record is not None
    for letter in world.store.letters():
        world.store.settle(letter)
    status = {**record.status.dump(), "progress": {"done": 1, "time": "2026-11-22T14:00:00Z"}}
    reconciler.listed([{**wanted, "status": status}])
    assert world.store.letters() == []
