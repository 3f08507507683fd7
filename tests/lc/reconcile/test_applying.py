"""Workers on a node, from wanted to gone, through every accident in between."""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sedna.api.validating import parse
from sedna.api.workers import Worker
from sedna.common.digests import digest
from sedna_lc.reconcile import last_words
from sedna_lc.reconcile.observing import observed
from sedna_lc.runners.base import Activity, Reason, UnitState
from sedna_lc.runners.errors import UnitRefused
from sedna_lc.runners.names import worker_unit
from sedna_lc.settings import PathRule
from sedna_lc.state.memory import MemoryStore
from sedna_lc.users import WorkerUser
from tests.lc.reconcile.worlds import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_wanted_worker_starts_with_everything_in_its_place(world: World) -> None:
    key = world.want("train")
    world.settle(key)
    (unit,) = world.host.started
    assert unit.environment["TRAIN_DATASET_URL"] == str(world.folder / "out/data/train/1/data.txt")
    samples = Path(unit.environment["TRAIN_DATASET_URL"]).read_text().split()
    assert samples == [str(world.folder / f"data/{number}.jpg") for number in range(10)]
    assert world.told(key)["phase"] == "Running"
    assert world.told(key)["startTime"].startswith("2026-11-22T14:00")
    world.settle(key)
    assert len(world.host.started) == 1


def test_a_training_that_reports_its_model_has_succeeded(world: World) -> None:
    key = world.want("train")
    world.settle(key)
    model = world.trained(key)
    world.settle(key)
    world.host.finish(worker_unit(*key))
    world.settle(key)
    told = world.told(key)
    assert (told["phase"], told["exitCode"], told["report"]["status"]) == ("Succeeded", 0, "completed")
    assert told["results"] == [
        {"format": "pb", "url": str(model), "metrics": {}, "sha256": digest(model), "sizeBytes": 13,
         "device_soc_versions": []}
    ]  # fmt: skip


def test_a_training_that_also_evaluates_is_judged_by_its_model(world: World) -> None:
    key = world.want("train")
    world.settle(key)
    model = world.trained(key)
    world.report(key, "eval", "completed", results=[{"url": "/elsewhere", "metrics": {"precision": 0.9}}])
    world.host.finish(worker_unit(*key))
    world.settle(key)
    told = world.told(key)
    assert (told["phase"], [result["url"] for result in told["results"]]) == ("Succeeded", [str(model)])


def test_an_evaluation_that_reports_metrics_has_succeeded(world: World) -> None:
    key = world.want("eval")
    world.settle(key)
    results = [{"url": "/new", "metrics": {"precision": 0.9}}, {"url": "/old", "metrics": {"precision": [0.1, 0.2]}}]
    world.report(key, "eval", "completed", results=results)
    world.host.finish(worker_unit(*key))
    world.settle(key)
    assert world.told(key)["phase"] == "Succeeded"
    assert [one["metrics"]["precision"] for one in world.told(key)["results"]] == [0.9, [0.1, 0.2]]


@pytest.mark.parametrize(
    ("role", "report", "reason"),
    [
        ("train", None, "NoModelReported"),
        ("train", {"status": "running"}, "NoModelReported"),
        ("train", {"status": "completed", "results": []}, "NoModelReported"),
        ("train", {"status": "completed", "results": [{"url": "/nowhere/model.pb"}]}, "NoModelReported"),
        ("train", {"status": "failed", "message": "ValueError: no"}, "UserCodeFailed"),
        ("eval", None, "NoMetricsReported"),
        ("eval", {"status": "completed", "results": [{"url": "/m"}]}, "NoMetricsReported"),
        ("eval", {"status": "completed", "results": [{"url": "/m", "metrics": {"p": "high"}}]}, "BadResults"),
        ("eval", {"status": "completed", "results": [{"url": "/m", "metrics": {"p": True}}]}, "BadResults"),
    ],
)
def test_w39_exit_0_without_its_report_is_a_failure_with_a_reason(
    world: World, role: str, report: dict[str, Any] | None, reason: str
) -> None:
    key = world.want(role)
    world.settle(key)
    if report is not None:
        world.report(key, role, **report)
    world.host.finish(worker_unit(*key))
    world.settle(key)
    assert (world.told(key)["phase"], world.told(key)["reason"]) == ("Failed", reason)
    assert world.told(key)["message"]


def test_an_exception_in_user_code_is_told_with_its_text(world: World) -> None:
    key = world.want("train")
    world.settle(key)
    world.report(key, "train", "failed", message="ValueError: bad labels\n  File …")
    world.host.finish(worker_unit(*key), exit_code=1)
    world.settle(key)
    told = world.told(key)
    assert (told["reason"], told["exitCode"]) == ("UserCodeFailed", 1)
    assert told["message"].startswith("ValueError: bad labels")


def test_the_line_about_an_end_ends_with_its_last_word(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    key = world.want("train")
    world.settle(key)
    world.trained(key)
    world.host.finish(worker_unit(*key))
    world.settle(key)
    assert caplog.messages[-1] == "Worker default/j-train-1 has ended: Succeeded."


def test_an_end_before_the_library_was_there_is_told_with_the_logs_last_line(world: World) -> None:
    key = world.want("train")
    world.settle(key)
    trace = b"Traceback (most recent call last):\n  import nosuch\nModuleNotFoundError: No module named 'nosuch'\n\n"
    world.host.write_log(worker_unit(*key), trace)
    world.host.finish(worker_unit(*key), exit_code=1)
    world.settle(key)
    told = world.told(key)
    words = "It ended with exit code 1: ModuleNotFoundError: No module named 'nosuch'"
    assert (told["reason"], told["message"]) == ("ExitCode", words)


def test_an_end_without_a_word_is_told_by_its_exit_code(world: World) -> None:
    key = world.want("train")
    world.settle(key)
    world.host.write_log(worker_unit(*key), b" \n\n")
    world.host.finish(worker_unit(*key), exit_code=3)
    world.settle(key)
    assert world.told(key)["message"] == "It ended with exit code 3."


def test_last_words_are_one_bounded_line() -> None:
    assert last_words.find([b"x" * 100_000, b"x" * 100_000]) == "x" * 300 + "…"
    assert last_words.find([b"10 %\r99 %\r\x1b[31mOSer", b"ror: disk\x1b[0m\r\n"]) == "[31mOSerror: disk[0m"
    assert last_words.find([]) is None


def test_a_worker_that_waits_for_its_restart_says_why(world: World) -> None:
    key = world.want("inference")
    world.settle(key)
    wanted = parse(Worker, world.store.wanted("workers")[key])
    unit = UnitState(worker_unit(*key), Activity.STARTING, exit_code=1, restarts=2)
    status = observed(wanted, world.record(key), unit, "KeyError: 'camera'").status
    assert (status.phase, status.reason) == ("Starting", "ExitCode")
    assert status.message == "It is started again. It ended with exit code 1: KeyError: 'camera'"
    running = replace(unit, activity=Activity.RUNNING, exit_code=None)
    assert observed(wanted, world.record(key), running, None).status.message is None


@pytest.mark.parametrize("reason", [Reason.OUT_OF_MEMORY, Reason.DEADLINE_EXCEEDED])
def test_when_the_host_ended_it_the_host_is_the_reason(world: World, reason: str) -> None:
    key = world.want("train")
    world.settle(key)
    world.report(key, "train", "failed", message="SystemExit: 143")
    world.host.crash(worker_unit(*key), signal=9, reason=reason)
    world.settle(key)
    assert (world.told(key)["reason"], world.told(key)["signal"]) == (reason, 9)


def test_a_report_that_only_the_spool_holds_is_read_at_the_end(world: World) -> None:
    key = world.want("train")
    world.settle(key)
    model = world.folder / "out/train/1/model.pb"
    model.write_text("x")
    spool = Path(world.host.started[0].environment["SEDNA_SPOOL_DIR"])
    body = {"name": key[1], "namespace": "default", "kind": "train"}
    results = [{"format": "pb", "url": str(model), "metrics": {}}]
    (spool / "00000002.json").write_text(json.dumps({**body, "status": "completed", "results": results}))
    (spool / "00000001.json").write_text(json.dumps({**body, "status": "running"}))
    (spool / "00000003.json").write_text("{torn")
    world.host.finish(worker_unit(*key))
    world.settle(key)
    assert world.told(key)["phase"] == "Succeeded"
    assert list(spool.iterdir()) == []


def test_w30_a_unit_that_vanished_is_a_failure_and_not_a_run_for_ever(world: World) -> None:
    key = world.want("train")
    world.settle(key)
    world.host.vanish(worker_unit(*key))
    world.settle(key)
    assert (world.told(key)["phase"], world.told(key)["reason"]) == ("Failed", "UnitVanished")


def test_an_inference_worker_whose_unit_vanished_runs_again(world: World) -> None:
    key = world.want("inference")
    world.settle(key)
    world.host.vanish(worker_unit(*key))
    world.settle(key)
    assert world.told(key)["phase"] == "Running"
    assert len(world.host.started) == 2


def test_a_final_phase_stays(world: World) -> None:
    key = world.want("train")
    world.settle(key)
    world.host.finish(worker_unit(*key), exit_code=3)
    world.settle(key)
    before = world.record(key)
    world.trained(key)
    world.settle(key)
    world.restart()
    world.settle(key)
    assert world.record(key) == before
    assert len(world.host.started) == 1
    assert world.store.reports(key) == []


def test_a_video_that_has_ended_is_a_success(world: World) -> None:
    key = world.want("inference", restartPolicy="Never")
    world.settle(key)
    world.host.finish(worker_unit(*key))
    world.settle(key)
    assert world.told(key)["phase"] == "Succeeded"


@pytest.mark.parametrize("missing", ["model", "image", "volume"])
def test_w26_w59_what_is_missing_is_waited_for_and_said(world: World, missing: str) -> None:
    spec: dict[str, Any] = {}
    image = world.places.images_dir / "app"
    if missing == "model":
        world.base.rename(world.folder / "away")
    elif missing == "image":
        image.rename(world.folder / "away")
    else:
        volume = {"name": "v", "hostPath": {"path": str(world.folder / "vol"), "type": "Directory"}}
        container = {"name": "c", "image": "app:v1", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
        spec = {"template": {"containers": [container], "volumes": [volume]}}
    key = world.want("train", **spec)
    assert world.settle(key) == 1.0
    assert world.told(key)["phase"] == "Pending"
    assert world.told(key)["reason"] == f"{missing.capitalize()}NotFound"
    assert world.told(key)["message"]
    if missing == "model":
        (world.folder / "away").rename(world.base)
    elif missing == "image":
        (world.folder / "away").rename(image)
    else:
        (world.folder / "vol").mkdir()
    assert world.settle(key) is None
    assert world.told(key)["phase"] == "Running"
    assert world.told(key)["reason"] is None


@pytest.mark.parametrize("outside", ["model", "dataset", "outputDir"])
def test_what_no_rule_of_the_host_opens_is_refused_before_anything_is_touched(world: World, outside: str) -> None:
    rules = {"model": "models", "dataset": "data", "outputDir": "out"}
    opened = [PathRule(name.lower(), str(world.folder / folder)) for name, folder in rules.items() if name != outside]
    world.places = replace(world.places, host_paths=tuple(opened))
    world.restart()
    key = world.want("train")
    assert world.settle(key) == 1.0
    assert world.told(key)["reason"] == "PathNotAllowed"
    assert "hostPaths" in world.told(key)["message"]
    assert not (world.folder / "out").exists()
    world.places = replace(world.places, host_paths=(PathRule("test", str(world.folder)),))
    world.restart()
    world.settle(key)
    assert world.told(key)["phase"] == "Running"


def test_a_model_that_no_rule_opens_is_not_served(world: World) -> None:
    key = world.want("inference")
    world.settle(key)
    world.places = replace(world.places, host_paths=(PathRule("models", str(world.folder / "models")),))
    world.restart()
    secret = world.folder / "secret"
    secret.write_text("hunter2")
    world.change(key, models=[world.reference(secret, 1)])
    world.settle(key)
    assert world.told(key)["model"]["state"] == "Refused"
    assert world.told(key)["model"]["reason"] == "PathNotAllowed"
    assert world.told(key)["phase"] != "Failed"


def test_samples_not_seen_yet_are_waited_for(world: World) -> None:
    key = world.want("train", samples=[{"dataset": "d", "start": 0, "end": 11}])
    world.settle(key)
    assert world.told(key)["reason"] == "SamplesNotSeen"
    with world.dataset.open("a") as writer:
        writer.write("10.jpg\n")
    world.follow_dataset()
    world.settle(key)
    assert world.told(key)["phase"] == "Running"


def test_a_unit_that_cannot_be_started_as_described_is_a_failure(world: World) -> None:
    key = world.want("train")
    world.host.refuse = UnitRefused("its working directory is no path")
    world.settle(key)
    assert (world.told(key)["phase"], world.told(key)["reason"]) == ("Failed", "StartFailed")


def test_w05_a_restarted_lc_without_a_gm_goes_on_with_what_was_wanted(world: World) -> None:
    running, waiting = world.want("inference"), world.want("train")
    world.settle(running)
    world.synced = False
    world.restart()
    world.settle(running)
    world.settle(waiting)
    assert [unit.name for unit in world.host.started] == [worker_unit(*running), worker_unit(*waiting)]


def test_w01_a_restarted_lc_learns_what_happened_meanwhile(world: World) -> None:
    key = world.want("train")
    world.settle(key)
    world.trained(key)
    world.host.finish(worker_unit(*key))
    world.restart()
    world.settle(key)
    assert world.told(key)["phase"] == "Succeeded"
    assert len(world.host.started) == 1


def test_a_crash_between_asking_and_knowing_starts_nothing_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    key = world.want("train")
    put = world.store.put_worker

    def crash_after_start(record: Any, *rest: Any) -> None:
        if record.launch == "done":
            raise OSError("power cut")
        put(record, *rest)

    monkeypatch.setattr(world.store, "put_worker", crash_after_start)
    with pytest.raises(OSError, match="power cut"):
        world.settle(key)
    monkeypatch.undo()
    world.restart()
    world.settle(key)
    assert len(world.host.started) == 1
    assert world.record(key).launch == "done"


def test_a_lost_memory_runs_nothing_again_that_has_ended(world: World) -> None:
    done, running = world.want("train"), world.want("inference")
    for key in (done, running):
        world.settle(key)
    world.trained(done)
    world.host.finish(worker_unit(*done))
    world.settle(done)
    wanted = world.store.wanted("workers")
    statuses = {key: world.told(key) for key in (done, running)}
    world.store = MemoryStore()
    for key in (done, running):
        status = {name: value for name, value in statuses[key].items() if value is not None}
        world.store.put_wanted("workers", {**wanted[key], "status": status})
    world.restart()
    world.settle(done)
    world.settle(running)
    assert len(world.host.started) == 2
    assert world.record(done).status.phase == "Succeeded"
    assert world.record(running).status.phase == "Running"


def test_a_lost_memory_and_a_restored_gm_agree_on_a_model_that_is_not_served(world: World) -> None:
    """Both remember an earlier deployment; the worker goes on with the later one until it is told otherwise."""
    key = world.want("inference")
    world.settle(key)
    earlier = copy.deepcopy(dict(world.store.wanted("workers")[key]))
    earlier["status"] = {name: value for name, value in world.told(key).items() if value is not None}
    later = world.serve(key, world.model("later", "later model"), 1)
    world.settle(key)
    assert world.hot_file()["sha256"] == later
    world.store = MemoryStore()
    earlier["metadata"]["generation"] = next(world.generations)
    world.store.put_wanted("workers", earlier)
    world.restart()
    world.settle(key)
    assert world.hot_file()["sha256"] == digest(world.deployed) == world.told(key)["model"]["sha256"]
    assert len(world.host.started) == 1


def forget_all(world: World, **metadata: str) -> None:
    """The node loses its database and meets a GM that wants a training of this name, perhaps another one."""
    key = ("default", "j-train-1")
    wanted, dataset = world.store.wanted("workers")[key], world.store.wanted("datasets")["default", "d"]
    progress = world.store.progress("du")
    assert progress is not None
    world.store = MemoryStore()
    world.store.put_wanted("datasets", dataset)
    world.store.put_progress(progress)
    told = {"phase": "Running"} if "uid" not in metadata else {}
    world.store.put_wanted("workers", {**wanted, "metadata": {**wanted["metadata"], **metadata}, "status": told})
    world.restart()


def test_a_unit_of_an_earlier_worker_is_not_taken_for_the_new_ones_whatever_the_clocks_say(world: World) -> None:
    """As after a restore, when rounds are made again under their names; the GM's clock is an hour behind."""
    key = world.want("train")
    world.settle(key)
    world.trained(key, "of other samples")
    forget_all(world, uid="uid-of-the-second", creationTimestamp="2026-11-22T13:00:00Z")
    for _ in range(3):
        world.settle(key)
    assert len(world.host.started) == 2
    assert world.record(key).uid == "uid-of-the-second"
    assert world.record(key).status.results == []
    assert not (world.folder / "out" / "train" / "1" / "model.pb").exists()
    assert (world.folder / "out" / "train" / "1.old-1" / "model.pb").read_text() == "of other samples"


def test_a_forgotten_training_is_kept_though_the_gms_clock_is_ahead(world: World) -> None:
    key = world.want("train")
    world.settle(key)
    forget_all(world, creationTimestamp="2026-11-22T15:00:00Z")
    world.settle(key)
    world.trained(key)
    world.host.finish(worker_unit(*key))
    world.settle(key)
    assert world.record(key).status.phase == "Succeeded"
    assert len(world.host.started) == 1


def test_an_operators_pause_is_told_and_respected(world: World) -> None:
    key = world.want("inference")
    world.settle(key)
    world.host.pause(worker_unit(*key))
    world.settle(key)
    assert world.told(key)["phase"] == "Paused"
    world.restart()
    world.settle(key)
    assert len(world.host.started) == 1
    world.host.resume(worker_unit(*key))
    world.settle(key)
    assert world.told(key)["phase"] == "Running"


def test_a_deleted_worker_is_stopped_forgotten_and_released(world: World) -> None:
    key = world.want("train")
    world.settle(key)
    world.host.hold_stops = True
    world.delete(key)
    world.settle(key)
    world.settle(key)
    assert world.host.stop_requests == [worker_unit(*key)]
    assert not [one for one in world.store.letters() if "finalizers" in str(one.body)]
    world.host.finish(worker_unit(*key), exit_code=143)
    world.settle(key)
    assert world.unit(key) is None
    assert world.store.worker(key) is None
    (letter,) = world.store.letters()
    assert letter.path.endswith("/workers/j-train-1")
    assert letter.body["metadata"] == {"uid": "uid-1", "finalizers": None}
    assert not (world.places.state_dir / "spool/default/j-train-1").exists()


def test_w71_a_worker_deleted_before_it_began_is_released(world: World) -> None:
    key = world.want("train")
    world.delete(key)
    world.settle(key)
    assert world.host.started == []
    (letter,) = world.store.letters()
    assert letter.body["metadata"]["finalizers"] is None


def test_the_finalizers_of_others_stay(world: World) -> None:
    key = world.want("train")
    resource = dict(world.store.wanted("workers")[key])
    resource["metadata"] = {**resource["metadata"], "finalizers": ["sedna.io/node", "x/y"]}
    world.store.put_wanted("workers", resource)
    world.delete(key)
    world.settle(key)
    (letter,) = world.store.letters()
    assert letter.body["metadata"]["finalizers"] == ["x/y"]


def test_a_worker_that_the_gm_no_longer_lists_is_stopped_but_not_before_it_was_heard(world: World) -> None:
    key = world.want("train")
    world.settle(key)
    world.store.drop_wanted("workers", key)
    world.synced = False
    world.settle(key)
    assert world.host.stop_requests == []
    world.synced = True
    world.settle(key)
    world.settle(key)
    assert world.unit(key) is None
    assert world.store.worker(key) is None


def test_a_worker_made_again_under_its_name_is_another_one(world: World) -> None:
    key = world.want("train")
    world.settle(key)
    world.host.finish(worker_unit(*key), exit_code=1)
    world.settle(key)
    world.want("train")
    world.settle(key)
    assert world.record(key).uid == "uid-2"
    assert len(world.host.started) == 2
    assert world.told(key)["phase"] == "Running"
    assert {letter.key for letter in world.store.letters()} == {"uid-2"}


class TestHotUpdate:
    @pytest.fixture
    def key(self, world: World) -> tuple[str, str]:
        key = world.want("inference")
        world.settle(key)
        self.confirm(world, key)
        return key

    def confirm(self, world: World, key: tuple[str, str], status: str = "completed", message: str = "") -> None:
        file = world.hot_file()
        result = {"url": file["model_path"], "format": "pb", "sha256": file["sha256"]}
        world.report(key, "deploy", status, results=[result], message=message)
        world.settle(key)

    def test_the_first_model_is_served_from_the_slot_and_confirmed(self, world: World, key: tuple[str, str]) -> None:
        (unit,) = world.host.started
        assert Path(unit.environment["MODEL_URL"]).read_text() == "deployed model"
        assert Path(unit.environment["MODEL_URL"]).is_relative_to(world.places.state_dir / "models/default/j")
        told = world.told(key)["model"]
        assert (told["state"], told["url"], told["sha256"]) == (
            "Loaded",
            str(world.deployed),
            digest(world.deployed),
        )

    def test_a_new_model_is_put_beside_the_old_one_and_no_unit_stops(self, world: World, key: tuple[str, str]) -> None:
        old = world.hot_file()["model_path"]
        # What appears here later is visible inside the sandbox of a unit that already runs.
        slot = str(world.places.state_dir / "models/default/j")
        assert slot in {bind.source for bind in world.host.started[0].binds}
        sha256 = world.serve(key, world.model("r1", "better"), 1)
        world.settle(key)
        assert world.told(key)["model"]["state"] == "Loading"
        assert Path(world.hot_file()["model_path"]).read_text() == "better"
        assert Path(old).read_text() == "deployed model"
        self.confirm(world, key)
        told = world.told(key)
        assert (told["model"]["state"], told["model"]["sha256"], told["model"]["round"]) == ("Loaded", sha256, 1)
        assert told["observedGeneration"] == 2
        assert len(world.host.started) == 1
        assert world.host.stop_requests == []

    def test_w53b_old_versions_go_but_the_last_good_one(self, world: World, key: tuple[str, str]) -> None:
        for number in range(1, 5):
            world.serve(key, world.model(f"r{number}", f"model {number}"), number)
            world.settle(key)
            self.confirm(world, key)
        slot = world.places.state_dir / "models/default/j"
        assert sorted(file.read_text() for file in slot.rglob("model.pb")) == ["model 3", "model 4"]

    def test_a_refused_model_gives_way_to_the_last_good_one_with_or_without_a_gm(
        self, world: World, key: tuple[str, str]
    ) -> None:
        good = digest(world.deployed)
        world.serve(key, world.model("r1", "broken"), 1)
        world.settle(key)
        self.confirm(world, key, "failed", "ValueError: bad magic number")
        refused = ("Refused", "ModelRefused", "ValueError: bad magic number")
        assert tuple(world.told(key)["model"][name] for name in ("state", "reason", "message")) == refused
        assert world.hot_file()["sha256"] == good, "a worker that is started again must not meet the broken one"
        self.confirm(world, key)
        assert world.told(key)["model"]["state"] == "Refused", "what the GM wants is still refused"
        world.serve(key, world.deployed, 0)
        world.settle(key)
        assert world.hot_file()["sha256"] == good
        self.confirm(world, key)
        assert world.told(key)["model"]["state"] == "Loaded"
        assert world.record(key).status.phase == "Running"

    def test_a_model_under_which_the_program_ends_again_and_again_is_refused(
        self, world: World, key: tuple[str, str]
    ) -> None:
        world.host.crash(worker_unit(*key))
        world.settle(key)
        world.serve(key, world.model("r1", "poison"), 1)
        world.settle(key)
        world.host.crash(worker_unit(*key))
        world.settle(key)
        assert world.told(key)["model"]["state"] == "Loading", "one end may be chance"
        world.host.crash(worker_unit(*key))
        world.settle(key)
        told = world.told(key)["model"]
        assert (told["state"], told["reason"], told["round"]) == ("Refused", "WorkerCrashed", 1)
        assert told["message"].startswith("The worker ended 2 times before it served it.")
        world.serve(key, world.deployed, 0)
        world.settle(key)
        for _ in range(3):
            world.host.crash(worker_unit(*key))
            world.settle(key)
        assert world.told(key)["model"]["state"] == "Loading", "there is nothing better to go back to"
        self.confirm(world, key)
        assert world.told(key)["model"]["state"] == "Loaded"

    def test_a_model_that_is_not_there_is_refused_and_the_old_one_goes_on(
        self, world: World, key: tuple[str, str]
    ) -> None:
        before = world.hot_file()
        model = world.model("r1", "x")
        world.serve(key, model, 1)
        model.unlink()
        world.settle(key)
        assert (world.told(key)["model"]["state"], world.told(key)["model"]["reason"]) == ("Refused", "ModelNotFound")
        assert world.hot_file() == before

    def test_a_model_that_its_worker_may_not_read_is_not_laid_open_for_it(
        self, world: World, key: tuple[str, str]
    ) -> None:
        before = world.hot_file()
        model = world.model("r1", "secret")
        model.chmod(0o600)
        world.user = WorkerUser("worker", 54321, 54321, frozenset({54321}))
        world.restart()
        world.serve(key, model, 1)
        world.settle(key)
        told = world.told(key)["model"]
        assert (told["state"], told["reason"]) == ("Refused", "ModelUnreadable")
        assert "user worker, as which workers run here, may not" in told["message"]
        assert world.hot_file() == before

    def test_word_about_an_older_model_is_late(self, world: World, key: tuple[str, str]) -> None:
        old = world.hot_file()
        world.serve(key, world.model("r1", "better"), 1)
        world.settle(key)
        result = {"url": old["model_path"], "format": "pb", "sha256": old["sha256"]}
        world.report(key, "deploy", "completed", results=[result])
        world.settle(key)
        assert world.told(key)["model"]["state"] == "Loading"

    def test_a_deleted_original_does_not_end_the_service(self, world: World, key: tuple[str, str]) -> None:
        shutil.rmtree(world.deployed.parent)
        world.host.vanish(worker_unit(*key))
        world.settle(key)
        assert world.told(key)["phase"] == "Running"


class TestColdUpdate:
    @pytest.fixture
    def key(self, world: World) -> tuple[str, str]:
        key = world.want("inference", hotUpdate={"enabled": False, "pollPeriodSeconds": 60})
        world.settle(key)
        return key

    def loaded(self, world: World, key: tuple[str, str], status: str = "running", message: str = "") -> None:
        url = world.host.started[-1].environment["MODEL_URL"]
        results = [{"url": url, "format": "pb", "sha256": digest(url)}] if status == "running" else None
        world.report(key, "inference", status, results=results, message=message)
        world.settle(key)

    def test_w52_a_new_model_restarts_the_unit_with_it(self, world: World, key: tuple[str, str]) -> None:
        self.loaded(world, key)
        assert world.told(key)["model"]["state"] == "Loaded"
        sha256 = world.serve(key, world.model("r1", "better"), 1)
        world.settle(key)
        world.settle(key)
        assert [Path(unit.environment["MODEL_URL"]).read_text() for unit in world.host.started] == [
            "deployed model",
            "better",
        ]
        assert world.told(key)["model"]["state"] == "Loading"
        self.loaded(world, key)
        assert (world.told(key)["model"]["state"], world.told(key)["model"]["sha256"]) == ("Loaded", sha256)

    def test_a_model_that_does_not_load_is_refused_and_the_old_one_comes_back(
        self, world: World, key: tuple[str, str]
    ) -> None:
        self.loaded(world, key)
        world.serve(key, world.model("r1", "broken"), 1)
        world.settle(key)
        world.settle(key)
        self.loaded(world, key, "failed", "ValueError: bad magic number")
        assert world.told(key)["model"]["state"] == "Refused"
        world.serve(key, world.deployed, 0)
        world.settle(key)
        world.settle(key)
        self.loaded(world, key)
        assert world.told(key)["model"]["state"] == "Loaded"
        assert Path(world.host.started[-1].environment["MODEL_URL"]).read_text() == "deployed model"

    def test_a_paused_worker_is_not_restarted_behind_the_operators_back(
        self, world: World, key: tuple[str, str]
    ) -> None:
        world.host.pause(worker_unit(*key))
        world.serve(key, world.model("r1", "better"), 1)
        world.settle(key)
        assert len(world.host.started) == 1
        unit = world.unit(key)
        assert unit is not None
        assert unit.activity is Activity.PAUSED
        world.host.resume(worker_unit(*key))
        world.settle(key)
        world.settle(key)
        assert Path(world.host.started[-1].environment["MODEL_URL"]).read_text() == "better"


def test_the_file_that_a_hot_worker_finds_at_its_start_names_its_model(world: World) -> None:
    file = world.places.state_dir / "model-hot-update/default/incrementallearningjob/j/model_config.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"model_config": {"model_path": "/of/an/earlier/job"}}')
    key = world.want("inference")
    world.settle(key)
    assert world.hot_file()["model_path"] == world.host.started[0].environment["MODEL_URL"]
