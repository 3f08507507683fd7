"""What only the systemd runner has to prove, against a systemd with the true interface: operators, reboots, losses."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sedna_lc.runners.base import Activity, Bind, Reason, UnitState
from sedna_lc.runners.errors import NoSuchUnit, RunnerUnavailable, UnitRefused
from sedna_lc.runners.systemd import SystemdRunner, SystemdSettings
from tests.lc.runners.fake_systemd.world import SystemdWorld
from tests.lc.runners.test_contract import ended, running
from tests.lc.runners.worlds import Bell, make_spec

NAME = "sedna-worker-default-demo-train-1"
OTHER = "sedna-worker-default-demo-inference"
UNIT = NAME + ".service"
TARGET = "sedna-job-default-demo.target"


@pytest.fixture(params=[False, True], ids=["transient", "installed"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SystemdWorld]:
    made = SystemdWorld(tmp_path, persistent=request.param)
    yield made
    made.close()


@pytest.fixture
def transient(tmp_path: Path) -> Iterator[SystemdWorld]:
    made = SystemdWorld(tmp_path)
    yield made
    made.close()


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[SystemdWorld]:
    made = SystemdWorld(tmp_path, persistent=True)
    yield made
    made.close()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def paused(state: UnitState) -> bool:
    return state.activity is Activity.PAUSED


def start(world: SystemdWorld, name: str = NAME, **changes: object) -> Bell:
    bell = Bell(world.runner)
    world.runner.start(world.spec(name, **changes))
    bell.wait_for(name, running)
    return bell


class TestOperator:
    def test_stopping_the_jobs_target_pauses_its_units_and_starting_it_goes_on(self, world: SystemdWorld) -> None:
        bell = start(world)
        world.systemd.systemctl("stop", TARGET)
        state = bell.wait_for(NAME, paused)
        assert state.reason == Reason.STOPPED_BY_OPERATOR
        assert TARGET in state.message
        world.systemd.systemctl("start", TARGET)
        bell.wait_for(NAME, running)

    def test_stopping_one_unit_pauses_it_alone(self, world: SystemdWorld) -> None:
        bell = start(world)
        start(world, OTHER)
        world.systemd.systemctl("stop", UNIT)
        bell.wait_for(NAME, paused)
        assert world.runner.observe()[OTHER].activity is Activity.RUNNING

    def test_a_unit_stopped_alone_may_be_started_alone(self, world: SystemdWorld) -> None:
        bell = start(world)
        world.systemd.systemctl("stop", UNIT)
        bell.wait_for(NAME, paused)
        world.systemd.systemctl("start", UNIT)
        bell.wait_for(NAME, running)

    def test_a_pause_is_seen_by_the_next_controller(self, world: SystemdWorld) -> None:
        start(world)
        world.runner.close()
        world.systemd.systemctl("stop", TARGET)
        world.runner = world.open()
        assert paused(world.runner.observe()[NAME])

    def test_a_job_started_again_while_no_controller_was_there_goes_on(self, world: SystemdWorld) -> None:
        start(world)
        world.runner.close()
        world.systemd.systemctl("stop", TARGET)
        world.systemd.run(lambda: None)
        world.systemd.systemctl("start", TARGET)
        world.runner = world.open()
        Bell(world.runner).wait_for(NAME, running)

    def test_nothing_of_a_paused_job_is_started_behind_the_operators_back(self, world: SystemdWorld) -> None:
        bell = start(world, OTHER)
        world.systemd.systemctl("stop", TARGET)
        bell.wait_for(OTHER, paused)
        world.runner.start(world.spec(NAME))
        assert paused(world.runner.observe()[NAME])
        assert not world.systemd.heard("StartTransientUnit")[1:]
        world.systemd.systemctl("start", TARGET)
        bell.wait_for(NAME, running)
        bell.wait_for(OTHER, running)

    def test_a_paused_unit_ends_when_it_is_stopped(self, world: SystemdWorld) -> None:
        bell = start(world)
        world.systemd.systemctl("stop", TARGET)
        bell.wait_for(NAME, paused)
        world.runner.stop(NAME)
        assert bell.wait_for(NAME, ended).reason == Reason.STOPPED
        world.systemd.systemctl("start", TARGET)
        world.systemd.run(lambda: None)
        assert world.runner.observe()[NAME].activity.ended or world.persistent

    def test_a_worker_that_the_operator_kills_has_failed(self, world: SystemdWorld) -> None:
        bell = start(world)
        world.systemd.kill(UNIT, 15)
        state = bell.wait_for(NAME, ended)
        assert (state.activity, state.signal, state.reason) == (Activity.FAILED, 15, Reason.SIGNAL)

    def test_a_failed_unit_that_the_operator_starts_again_runs(self, installed: SystemdWorld) -> None:
        bell = start(installed)
        installed.finish(NAME, 3)
        bell.wait_for(NAME, ended)
        installed.systemd.systemctl("start", UNIT)
        bell.wait_for(NAME, running)


class TestEnds:
    @pytest.mark.parametrize(
        ("result", "number", "reason"),
        [
            ("oom-kill", 9, Reason.OUT_OF_MEMORY),
            ("timeout", 15, Reason.DEADLINE_EXCEEDED),
            ("watchdog", 6, Reason.WATCHDOG),
            ("core-dump", 11, Reason.SIGNAL),
            ("eaten-by-a-whale", 9, Reason.SIGNAL),
        ],
    )
    def test_systemds_word_becomes_a_reason(self, world: SystemdWorld, result: str, number: int, reason: str) -> None:
        bell = start(world)
        world.systemd.kill(UNIT, number, result)
        state = bell.wait_for(NAME, ended)
        assert (state.activity, state.reason) == (Activity.FAILED, reason)

    def test_who_took_too_much_memory_is_told_the_limit(self, transient: SystemdWorld) -> None:
        bell = Bell(transient.runner)
        transient.runner.start(transient.spec(NAME, memory_max=128 << 20))
        bell.wait_for(NAME, running)
        transient.systemd.kill(UNIT, 9, "oom-kill")
        assert "its limit of 128 MiB" in bell.wait_for(NAME, ended).message

    def test_restarts_do_not_begin_the_workers_time_anew(self, transient: SystemdWorld) -> None:
        bell = Bell(transient.runner)
        transient.runner.start(transient.spec(NAME, restart="OnFailure", runtime_max_seconds=1))
        bell.wait_for(NAME, running)
        # systemd has counted none of it: to it, this is the first second of the second run.
        transient.systemd.change(UNIT, restarts=1)
        state = bell.wait_for(NAME, ended)
        assert (state.activity, state.reason) == (Activity.FAILED, Reason.DEADLINE_EXCEEDED)
        transient.reopen()
        assert transient.runner.observe()[NAME].reason == Reason.DEADLINE_EXCEEDED

    def test_a_worker_whose_time_is_over_while_no_controller_is_there_ends_with_the_next(
        self, transient: SystemdWorld
    ) -> None:
        bell = Bell(transient.runner)
        transient.runner.start(transient.spec(NAME, restart="OnFailure", runtime_max_seconds=1))
        bell.wait_for(NAME, running)
        transient.runner.close()
        transient.reopen()
        assert Bell(transient.runner).wait_for(NAME, ended).reason == Reason.DEADLINE_EXCEEDED

    def test_a_program_that_is_not_there_has_failed_to_start(self, world: SystemdWorld) -> None:
        bell = Bell(world.runner)
        world.runner.start(make_spec(NAME, ("/nowhere/python",), persistent=world.persistent))
        state = bell.wait_for(NAME, ended)
        assert (state.reason, state.exit_code) == (Reason.START_FAILED, 203)
        assert "its program" in state.message

    def test_a_unit_that_takes_its_time_to_end_is_seen_stopping(self, world: SystemdWorld) -> None:
        bell = start(world)
        world.systemd.run(lambda: setattr(world.systemd.model, "hold_stops", True))
        world.runner.stop(NAME)
        bell.wait_for(NAME, lambda state: state.activity is Activity.STOPPING)
        world.systemd.exit(UNIT, 0)
        state = bell.wait_for(NAME, ended)
        assert (state.activity, state.reason) == (Activity.EXITED, Reason.STOPPED)

    def test_a_state_of_tomorrows_systemd_is_taken_for_life(self, world: SystemdWorld) -> None:
        start(world)
        world.systemd.change(UNIT, active="refreshing")
        assert world.runner.observe()[NAME].activity is Activity.RUNNING


def test_units_of_the_host_are_out_of_reach(transient: SystemdWorld) -> None:
    manager = transient.runner._systemd  # type: ignore[attr-defined]
    for act in (manager.start, manager.stop, manager.clear, manager.enable, manager.disable, manager.hold):
        for name in ("ssh.service", "sedna-lc.service", "sedna-worker-a/../../ssh.service"):
            with pytest.raises(UnitRefused, match="touches no other"):
                act(name)
    with pytest.raises(UnitRefused, match="touches no other"):
        manager.start_transient("cron.service", [])


class TestStarting:
    @pytest.mark.parametrize("result", ["timeout", "dependency", "skipped", "canceled", "tomorrow"])
    def test_a_start_that_comes_to_nothing_is_tried_again(self, world: SystemdWorld, result: str) -> None:
        world.systemd.doom(UNIT, result)
        with pytest.raises(RunnerUnavailable, match=result):
            world.runner.start(world.spec(NAME))
        world.runner.start(world.spec(NAME))
        assert running(world.runner.observe()[NAME])

    def test_a_start_that_fails_is_a_failed_unit(self, world: SystemdWorld) -> None:
        world.systemd.doom(UNIT, "failed")
        world.runner.start(world.spec(NAME))
        assert world.runner.observe()[NAME].reason == Reason.START_FAILED

    def test_a_job_that_does_not_end_does_not_hold_the_controller(self, tmp_path: Path) -> None:
        world = SystemdWorld(tmp_path)
        world.runner.close()
        settings = SystemdSettings(
            tmp_path / "state", world.units_dir, world.bus.address, job_timeout=0.1, boot_id=world.boot_id
        )
        world.runner = SystemdRunner(settings)
        world.systemd.doom(UNIT, "never")
        world.runner.start(world.spec(NAME))
        assert world.runner.observe()[NAME].activity is Activity.STARTING
        world.close()

    def test_a_unit_that_systemd_refuses_leaves_nothing(self, world: SystemdWorld) -> None:
        method = "StartUnit" if world.persistent else "StartTransientUnit"
        start(world, OTHER)
        world.systemd.fail(method, "org.freedesktop.DBus.Error.InvalidArgs", "no such setting")
        with pytest.raises(UnitRefused, match="no such setting"):
            world.runner.start(world.spec(NAME))
        assert set(world.runner.observe()) == {OTHER}
        assert not (world.units_dir / UNIT).exists()

    def test_the_target_is_started_before_its_first_unit(self, transient: SystemdWorld) -> None:
        start(transient)
        target = transient.systemd.unit(TARGET)
        assert target is not None
        assert target.active == "active"

    def test_a_unit_is_subscribed_before_it_is_started(self, transient: SystemdWorld) -> None:
        start(transient)
        order = [entry[0] for entry in transient.systemd.manager.heard]
        assert order.index("Subscribe") < order.index("StartTransientUnit")

    def test_what_was_asked_for_and_never_launched_is_launched_by_the_next_controller(
        self, world: SystemdWorld
    ) -> None:
        world.systemd.doom(UNIT, "canceled")
        with pytest.raises(RunnerUnavailable):
            world.runner.start(world.spec(NAME))
        world.reopen()
        assert running(world.runner.observe()[NAME])

    def test_volumes_limits_and_sandbox_reach_systemd(self, transient: SystemdWorld) -> None:
        start(transient, binds=(Bind("/srv/video", "/video", True),), memory_max=2 << 30, cpu_quota=0.5)
        (name, properties), *_ = transient.systemd.heard("StartTransientUnit")
        assert name == UNIT
        seen = {key: value for key, _, value in properties}
        assert seen["BindReadOnlyPaths"] == [("/srv/video", "/video", False, 0x4000)]
        assert seen["MemoryMax"] == 2 << 30
        assert seen["CPUQuotaPerSecUSec"] == 500_000
        assert seen["PartOf"] == [TARGET]
        assert seen["Slice"] == "sedna.slice"
        assert seen["ProtectSystem"] == "strict"

    def test_secrets_are_systemds_to_hand_over(self, world: SystemdWorld, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        secret = world.folder / "minio"
        secret.write_text("hunter6")
        start(world, credentials={"minio": str(secret)})
        unit = world.systemd.unit(UNIT)
        assert unit is not None
        told = [f"minio:{secret}"] if world.persistent else [("minio", str(secret))]
        assert unit.settings["LoadCredential"] == told
        written = [path.read_bytes() for path in world.folder.rglob("*") if path.is_file() and path != secret]
        assert not any(b"hunter6" in content for content in written)
        assert "hunter6" not in caplog.text

    def test_a_secret_that_systemd_could_not_read_is_named_as_the_reason(self, world: SystemdWorld) -> None:
        bell = start(world)
        world.finish(NAME, 243)
        state = bell.wait_for(NAME, ended)
        assert state.reason == Reason.START_FAILED
        assert "its credentials" in state.message


class TestReboot:
    def test_inference_comes_back_without_any_controller(self, installed: SystemdWorld) -> None:
        start(installed, restart="Always")
        installed.runner.close()
        installed.systemd.reboot()
        installed.systemd.run(lambda: None)
        unit = installed.systemd.unit(UNIT)
        assert unit is not None
        installed.runner = installed.open()
        Bell(installed.runner).wait_for(NAME, running)

    @pytest.mark.parametrize("names", [[NAME], [OTHER, NAME]], ids=["target", "service"])
    def test_inference_comes_back_after_a_start_that_could_not_enable_it_at_first(
        self, installed: SystemdWorld, names: list[str]
    ) -> None:
        *before, name = names
        for other in before:
            start(installed, other, restart="Always")
        spec = installed.spec(name, restart="Always")
        installed.systemd.fail("EnableUnitFiles", "org.freedesktop.DBus.Error.NoReply", "busy")
        with pytest.raises(RunnerUnavailable, match="busy"):
            installed.runner.start(spec)
        installed.runner.start(spec)
        installed.reboot()
        Bell(installed.runner).wait_for(name, running)

    def test_inference_comes_back_after_a_controller_that_ended_before_it_could_enable_it(
        self, installed: SystemdWorld
    ) -> None:
        installed.systemd.fail("EnableUnitFiles", "org.freedesktop.DBus.Error.NoReply", "busy")
        with pytest.raises(RunnerUnavailable, match="busy"):
            installed.runner.start(installed.spec(NAME, restart="Always"))
        installed.reopen()
        Bell(installed.runner).wait_for(NAME, running)
        installed.reboot()
        Bell(installed.runner).wait_for(NAME, running)

    def test_a_target_that_the_operator_disabled_stays_disabled(self, installed: SystemdWorld) -> None:
        start(installed, restart="Always")
        installed.systemd.run(lambda: installed.systemd.model.disable(TARGET))
        start(installed, OTHER, restart="Always")
        assert TARGET not in installed.systemd.run(lambda: installed.systemd.model.wants("multi-user.target"))

    def test_training_has_vanished_and_says_so(self, transient: SystemdWorld) -> None:
        start(transient)
        transient.reboot()
        state = transient.runner.observe()[NAME]
        assert (state.activity, state.reason) == (Activity.FAILED, Reason.UNIT_VANISHED)
        assert len(transient.systemd.heard("StartTransientUnit")) == 1

    def test_what_had_ended_before_is_still_known(self, transient: SystemdWorld) -> None:
        bell = start(transient)
        transient.finish(NAME, 3)
        before = bell.wait_for(NAME, ended)
        transient.reboot()
        assert transient.runner.observe()[NAME] == before

    def test_a_stop_that_the_reboot_interrupted_is_finished(self, installed: SystemdWorld) -> None:
        start(installed)
        installed.systemd.run(lambda: setattr(installed.systemd.model, "hold_stops", True))
        installed.runner.stop(NAME)
        installed.systemd.run(lambda: setattr(installed.systemd.model, "hold_stops", False))
        installed.reboot()
        assert Bell(installed.runner).wait_for(NAME, ended).reason == Reason.STOPPED


class TestLosses:
    def test_the_runner_outlives_the_bus(self, world: SystemdWorld) -> None:
        bell = start(world)
        before = world.runner.observe()[NAME]
        world.bus.kill()
        world.bus.start()
        world.systemd.connect()
        bell.wait_to_hear("")
        assert world.runner.observe()[NAME] == before
        world.finish(NAME, 3)
        assert bell.wait_for(NAME, ended).exit_code == 3

    def test_without_a_bus_everything_says_later(self, world: SystemdWorld) -> None:
        start(world)
        world.bus.kill()
        for ask in (
            world.runner.observe,
            lambda: world.runner.stop(NAME),
            lambda: world.runner.start(world.spec(OTHER)),
        ):
            with pytest.raises(RunnerUnavailable):
                ask()
        world.runner.close()
        world.bus.start()
        world.systemd.connect()
        world.runner = world.open()

    def test_without_a_bus_there_is_no_runner(self, tmp_path: Path) -> None:
        with pytest.raises(RunnerUnavailable, match="no message bus"):
            SystemdRunner(SystemdSettings(tmp_path, bus=f"unix:path={tmp_path}/nothing"))

    def test_a_unit_nobody_knows_is_taken_over_and_can_be_ended(self, world: SystemdWorld) -> None:
        start(world)
        world.runner.close()
        (world.folder / "state/systemd" / f"{NAME}.json").unlink()
        world.runner = world.open()
        bell = Bell(world.runner)
        assert bell.wait_for(NAME, running).fingerprint == ""
        world.runner.stop(NAME)
        bell.wait_for(NAME, ended)
        world.runner.forget(NAME)
        assert world.runner.observe() == {}

    def test_a_look_at_one_unit_that_nobody_knows_takes_it_over_too(self, world: SystemdWorld) -> None:
        start(world)
        world.runner.close()
        (world.folder / "state/systemd" / f"{NAME}.json").unlink()
        world.runner = world.open()
        state = world.runner.look(NAME)
        assert state is not None
        assert (state.fingerprint, state.activity.runs) == ("", True)

    def test_a_damaged_record_is_no_record(self, world: SystemdWorld) -> None:
        start(world)
        world.runner.close()
        (world.folder / "state/systemd" / f"{NAME}.json").write_text("{")
        world.runner = world.open()
        assert world.runner.observe()[NAME].fingerprint == ""

    def test_looking_does_not_make_changes_to_look_at(self, world: SystemdWorld) -> None:
        bell = start(world)
        world.systemd.systemctl("stop", TARGET)
        bell.wait_for(NAME, paused)
        # What is told of another unit comes after all that is told of the first one's pause.
        world.runner.start(world.spec(OTHER, target="sedna-job-default-other.target"))
        for _ in range(3):
            world.runner.observe()
        world.finish(OTHER, 0)
        bell.wait_to_hear(OTHER)
        assert NAME not in bell.names[bell.names.index(OTHER) :]


class TestTidiness:
    def test_forgetting_the_last_unit_of_a_job_leaves_no_file(self, world: SystemdWorld) -> None:
        for name in (NAME, OTHER):
            bell = start(world, name)
            world.runner.stop(name)
            bell.wait_for(name, ended)
        world.runner.forget(NAME)
        assert (world.units_dir / TARGET).exists()
        world.runner.forget(OTHER)
        assert list(world.units_dir.rglob("*")) == []
        assert list((world.folder / "state/systemd").iterdir()) == []
        assert world.systemd.unit(TARGET) is None

    def test_a_unit_started_right_after_the_last_one_keeps_its_target(self, world: SystemdWorld) -> None:
        for _ in range(3):
            bell = start(world)
            world.finish(NAME, 0)
            bell.wait_for(NAME, ended)
            world.runner.forget(NAME)
        start(world)
        world.systemd.run(lambda: None)
        assert running(world.runner.observe()[NAME])

    def test_records_are_nobody_elses_business(self, world: SystemdWorld) -> None:
        start(world, environment={"ACCESS": "hunter2"})
        path = world.folder / "state/systemd" / f"{NAME}.json"
        assert path.stat().st_mode & 0o077 == 0

    def test_arguments_and_environment_are_not_logged(
        self, world: SystemdWorld, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        spec = make_spec(NAME, ("/bin/true", "hunter3"), environment={"ACCESS": "hunter2"}, persistent=world.persistent)
        world.runner.start(spec)
        Bell(world.runner).wait_for(NAME, running)
        assert "hunter" not in caplog.text

    def test_no_descriptor_is_left_open(self, world: SystemdWorld) -> None:
        world.reopen()
        before = open_files()
        for _ in range(3):
            world.reopen()
        assert open_files() <= before


def test_a_log_of_nobody_is_refused(transient: SystemdWorld) -> None:
    with pytest.raises(NoSuchUnit):
        transient.runner.read_log(NAME, None, True, threading.Event())


def test_a_journal_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    world = SystemdWorld(tmp_path)
    world.runner.close()
    settings = SystemdSettings(
        tmp_path / "state", world.units_dir, world.bus.address, journalctl=("/nowhere",), boot_id=world.boot_id
    )
    world.runner = SystemdRunner(settings)
    start(world)
    with pytest.raises(RunnerUnavailable, match="journal"):
        world.runner.read_log(NAME, None, False, threading.Event())
    world.close()
