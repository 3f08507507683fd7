"""What only the process runner has to prove: its supervisors outlive it, and nothing outlives them."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_lc.runners import shim
from sedna_lc.runners.base import Activity, Bind, Reason, UnitState
from sedna_lc.runners.errors import UnitRefused
from sedna_lc.runners.process import ProcessRunner
from tests.lc.runners.test_contract import ended, running
from tests.lc.runners.worlds import DEADLINE, Bell, ProcessWorld, end_all, make_spec

NAME = "sedna-worker-default-demo-train-1"


@pytest.fixture
def bell(process_world: ProcessWorld) -> Bell:
    return Bell(process_world.runner)


def python(code: str, **changes: object):  # type: ignore[no-untyped-def]
    return make_spec(NAME, (sys.executable, "-I", "-S", "-c", code), **changes)


def supervisor(world: ProcessWorld) -> int:
    return int(json.loads((world.folder / "state/units" / NAME / "state.json").read_text())["shim"])


def wait_until_dead(pid: int) -> None:
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([fd], [], [], DEADLINE)[0], f"process {pid} is still there"
    finally:
        os.close(fd)


def first_line(world: ProcessWorld) -> bytes:
    pieces = world.runner.read_log(NAME, None, True, threading.Event())
    text = b""
    while b"\n" not in text:
        text += next(pieces)
    return text.splitlines()[0]


#: A child in a session of its own: no signal to the worker's group reaches it.
LEAVES_A_CHILD = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(600) if len(sys.argv) < 2 else sys.exit(0)
"""


class TestEnding:
    def test_a_worker_that_ignores_the_request_is_killed_after_its_grace(
        self, process_world: ProcessWorld, bell: Bell
    ) -> None:
        code = "import signal; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
        process_world.runner.start(python(code, stop_seconds=0))
        assert first_line(process_world) == b"deaf"
        process_world.runner.stop(NAME)
        state = bell.wait_for(NAME, ended)
        assert (state.signal, state.reason) == (signal.SIGKILL, Reason.STOPPED)

    def test_a_worker_may_end_well_when_asked(self, process_world: ProcessWorld, bell: Bell) -> None:
        code = "import signal, sys; signal.signal(15, lambda *_: sys.exit(0)); print('on', flush=True); signal.pause()"
        process_world.runner.start(python(code))
        first_line(process_world)
        process_world.runner.stop(NAME)
        state = bell.wait_for(NAME, ended)
        assert (state.activity, state.reason) == (Activity.EXITED, Reason.STOPPED)

    def test_a_stop_right_after_the_start_is_not_lost(self, process_world: ProcessWorld, bell: Bell) -> None:
        process_world.runner.start(process_world.spec(NAME, restart="Always"))
        process_world.runner.stop(NAME)
        assert bell.wait_for(NAME, ended).reason == Reason.STOPPED

    def test_a_stop_between_two_runs_ends_the_unit(self, tmp_path: Path) -> None:
        runner = ProcessRunner(tmp_path, restart_delay=(600.0, 600.0))
        bell = Bell(runner)
        runner.start(python("raise SystemExit(3)", restart="OnFailure"))
        bell.wait_for(NAME, lambda state: state.exit_code == 3 and state.activity is Activity.STARTING)
        runner.stop(NAME)
        state = bell.wait_for(NAME, ended)
        assert (state.exit_code, state.reason) == (3, Reason.STOPPED)
        runner.close()

    def test_a_worker_over_its_time_is_ended_and_says_so(self, process_world: ProcessWorld, bell: Bell) -> None:
        process_world.runner.start(python("import time; time.sleep(600)", runtime_max_seconds=1, restart="Always"))
        state = bell.wait_for(NAME, ended)
        assert (state.activity, state.reason) == (Activity.FAILED, Reason.DEADLINE_EXCEEDED)
        assert "1 s" in state.message

    @pytest.mark.parametrize("how", ["by itself", "when stopped"])
    def test_nothing_that_the_worker_started_outlives_it(
        self, process_world: ProcessWorld, bell: Bell, how: str
    ) -> None:
        spec = python(LEAVES_A_CHILD)
        if how == "by itself":
            spec = make_spec(NAME, (*spec.argv, "leave"))
        process_world.runner.start(spec)
        child = int(first_line(process_world))
        if how == "when stopped":
            process_world.runner.stop(NAME)
        bell.wait_for(NAME, ended)
        wait_until_dead(child)

    def test_a_supervisor_told_to_end_by_somebody_else_ends_its_worker(
        self, process_world: ProcessWorld, bell: Bell
    ) -> None:
        process_world.runner.start(process_world.spec(NAME))
        pid = bell.wait_for(NAME, running).pid
        assert pid
        os.kill(supervisor(process_world), signal.SIGTERM)
        state = bell.wait_for(NAME, ended)
        assert (state.activity, state.reason) == (Activity.FAILED, Reason.SIGNAL)
        wait_until_dead(pid)


class TestLosingTheSupervisor:
    def test_a_killed_supervisor_is_noticed_and_its_worker_ended(self, process_world: ProcessWorld, bell: Bell) -> None:
        process_world.runner.start(python(LEAVES_A_CHILD, restart="Always"))
        pid = bell.wait_for(NAME, running).pid
        assert pid
        child = int(first_line(process_world))
        os.kill(supervisor(process_world), signal.SIGKILL)
        state = bell.wait_for(NAME, ended)
        assert (state.activity, state.reason) == (Activity.FAILED, Reason.UNIT_VANISHED)
        assert state.finished_at is not None
        wait_until_dead(pid)
        wait_until_dead(child)

    def test_a_supervisor_killed_while_no_controller_was_there_is_noticed_by_the_next(
        self, process_world: ProcessWorld, bell: Bell
    ) -> None:
        process_world.runner.start(python(LEAVES_A_CHILD))
        bell.wait_for(NAME, running)
        child = int(first_line(process_world))
        process_world.runner.close()
        number = supervisor(process_world)
        os.kill(number, signal.SIGKILL)
        wait_until_dead(number)
        process_world.reopen()
        assert process_world.runner.observe()[NAME].reason == Reason.UNIT_VANISHED
        wait_until_dead(child)

    def test_an_interrupted_start_leaves_nothing(self, process_world: ProcessWorld) -> None:
        process_world.runner.close()
        folder = process_world.folder / "state/units" / NAME
        folder.mkdir()
        (folder / "lock").touch()
        (folder / "spec.json").write_text(json.dumps({"name": NAME, "fingerprint": "x"}))
        process_world.reopen()
        assert process_world.runner.observe() == {}
        assert not folder.exists()

    def test_a_damaged_description_is_nothing(self, process_world: ProcessWorld) -> None:
        folder = process_world.folder / "state/units" / NAME
        folder.mkdir()
        (folder / "spec.json").write_text("{")
        assert process_world.runner.observe() == {}


#: An LC that starts a unit, says so, and is killed.
SHORT_LIVED_CONTROLLER = """
import sys
from pathlib import Path
from sedna_lc.runners.base import UnitSpec
from sedna_lc.runners.process import ProcessRunner
runner = ProcessRunner(Path(sys.argv[1]))
runner.start(UnitSpec(sys.argv[2], "orphan", (sys.executable, "-c", "import time; time.sleep(600)"), "/", {}))
print("started", flush=True)
sys.stdin.read()
"""


def test_a_worker_survives_the_death_of_its_controller_and_is_adopted(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SHORT_LIVED_CONTROLLER, str(tmp_path), NAME],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(Path(__file__).parents[3])},
    ) as controller:
        assert controller.stdout is not None
        assert controller.stdout.readline() == b"started\n"
        controller.kill()
    runner = ProcessRunner(tmp_path)
    try:
        bell = Bell(runner)
        assert bell.wait_for(NAME, running).pid
        runner.stop(NAME)
        assert bell.wait_for(NAME, ended).reason == Reason.STOPPED
    finally:
        with contextlib.suppress(KeyError):
            end_all(runner)
        runner.close()


class TestStarting:
    def test_a_program_that_is_not_there_fails_the_unit_with_its_name(
        self, process_world: ProcessWorld, bell: Bell
    ) -> None:
        process_world.runner.start(make_spec(NAME, ("/nowhere/python", "train.py")))
        state = bell.wait_for(NAME, ended)
        assert (state.activity, state.reason) == (Activity.FAILED, Reason.START_FAILED)
        assert "/nowhere/python" in state.message
        assert b"/nowhere/python" in first_line(process_world)

    def test_a_folder_that_is_not_there_fails_the_unit_with_its_name(
        self, process_world: ProcessWorld, bell: Bell
    ) -> None:
        process_world.runner.start(python("pass", working_directory="/nowhere/app"))
        assert "/nowhere/app" in bell.wait_for(NAME, ended).message

    def test_a_program_that_appears_later_is_started_by_the_restart_policy(
        self, process_world: ProcessWorld, bell: Bell
    ) -> None:
        program = process_world.folder / "program"
        process_world.runner.start(make_spec(NAME, (str(program),), restart="OnFailure"))
        bell.wait_for(NAME, lambda state: state.reason == Reason.START_FAILED)
        program.symlink_to("/bin/true")
        assert bell.wait_for(NAME, ended).activity is Activity.EXITED

    @pytest.mark.parametrize("name", ["", "../x", ".events", "a/b", "a\nb"])
    def test_a_name_that_is_no_folder_is_refused(self, process_world: ProcessWorld, name: str) -> None:
        with pytest.raises(UnitRefused):
            process_world.runner.start(make_spec(name, ("/bin/true",)))

    def test_a_unit_without_a_program_is_refused(self, process_world: ProcessWorld) -> None:
        with pytest.raises(UnitRefused):
            process_world.runner.start(make_spec(NAME, ()))

    def test_mount_paths_are_mapped_in_environment_and_arguments(self, process_world: ProcessWorld, bell: Bell) -> None:
        code = "import os, sys; print(os.environ['video_url'], sys.argv[1])"
        process_world.runner.start(
            make_spec(
                NAME,
                (sys.executable, "-I", "-S", "-c", code, "/video/x"),
                environment={"video_url": "file://video/v.mp4"},
                binds=(Bind("/srv/video", "/video"),),
            )
        )
        bell.wait_for(NAME, ended)
        assert first_line(process_world) == b"file:///srv/video/v.mp4 /srv/video/x"

    def test_the_worker_sees_its_own_variables_and_none_of_the_controllers_secrets(
        self, process_world: ProcessWorld, bell: Bell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SEDNA_TOKEN", "secret")
        monkeypatch.setenv("PYTHONPATH", "/elsewhere")
        monkeypatch.setenv("LANG", "C.UTF-8")
        code = "import json, os; print(json.dumps(dict(os.environ)))"
        process_world.runner.start(python(code, environment={"WORKER_NAME": "w"}))
        bell.wait_for(NAME, ended)
        seen = json.loads(first_line(process_world))
        assert seen["WORKER_NAME"] == "w"
        assert seen["LANG"] == "C.UTF-8"
        assert "SEDNA_TOKEN" not in seen
        assert "PYTHONPATH" not in seen

    def test_the_worker_holds_no_file_of_its_supervisor(self, process_world: ProcessWorld, bell: Bell) -> None:
        code = "import os; print(sorted(os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')[3:]))"
        process_world.runner.start(python(code))
        bell.wait_for(NAME, ended)
        assert b"units" not in first_line(process_world)


class TestSecrecy:
    def test_arguments_and_environment_are_not_logged(
        self, process_world: ProcessWorld, bell: Bell, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        spec = make_spec(NAME, ("/bin/true", "--password=hunter2"), environment={"ACCESS": "hunter3"})
        process_world.runner.start(spec)
        bell.wait_for(NAME, ended)
        assert "hunter" not in caplog.text
        assert "hunter" not in repr(spec)

    def test_w104_secrets_come_as_files_that_only_the_worker_reads(
        self, process_world: ProcessWorld, bell: Bell
    ) -> None:
        secret = process_world.folder / "minio"
        secret.write_text("hunter4")
        secret.chmod(0o600)
        code = (
            "import json, os; d = os.environ['CREDENTIALS_DIRECTORY']; p = d + '/minio'; "
            "print(json.dumps([open(p).read(), os.stat(p).st_mode & 0o777, os.stat(d).st_mode & 0o777, os.listdir(d)]))"
        )
        spec = python(code, credentials={"minio": str(secret)})
        process_world.runner.start(spec)
        bell.wait_for(NAME, ended)
        assert json.loads(first_line(process_world)) == ["hunter4", 0o400, 0o700, ["minio"]]
        assert "hunter4" not in repr(spec)
        # They go with the unit, and are told nowhere else.
        folder = process_world.folder / "state/units" / NAME
        assert not (folder / "credentials").exists()
        for path in folder.iterdir():
            assert path.name == "log" or b"hunter4" not in path.read_bytes()

    def test_secrets_are_read_anew_at_every_start(self, process_world: ProcessWorld, bell: Bell) -> None:
        secret = process_world.folder / "minio"
        secret.write_text("old")
        code = (
            f"import os, sys; print(open(os.environ['CREDENTIALS_DIRECTORY'] + '/minio').read(), flush=True); "
            f"new = os.path.getsize({str(secret)!r}) == 5; open({str(secret)!r}, 'w').write('newer'); sys.exit(not new)"
        )
        process_world.runner.start(python(code, credentials={"minio": str(secret)}, restart="OnFailure"))
        bell.wait_for(NAME, ended)
        log = b"".join(process_world.runner.read_log(NAME, None, False, threading.Event()))
        assert log.split() == [b"old", b"newer"]

    def test_a_secret_that_is_gone_fails_the_start_and_names_its_file(
        self, process_world: ProcessWorld, bell: Bell
    ) -> None:
        process_world.runner.start(python("", credentials={"minio": "/nowhere/minio"}))
        state = bell.wait_for(NAME, ended)
        assert state.reason == Reason.START_FAILED
        assert "/nowhere/minio" in state.message

    def test_no_secret_is_left_by_a_supervisor_that_was_killed(self, process_world: ProcessWorld, bell: Bell) -> None:
        secret = process_world.folder / "minio"
        secret.write_text("hunter5")
        process_world.runner.start(process_world.spec(NAME, credentials={"minio": str(secret)}))
        bell.wait_for(NAME, running)
        folder = process_world.folder / "state/units" / NAME
        assert (folder / "credentials/minio").exists()
        os.kill(supervisor(process_world), signal.SIGKILL)
        assert bell.wait_for(NAME, ended).reason == Reason.UNIT_VANISHED
        assert not (folder / "credentials").exists()

    def test_nobody_else_reads_the_description_or_the_log(self, process_world: ProcessWorld, bell: Bell) -> None:
        process_world.runner.start(process_world.spec(NAME))
        bell.wait_for(NAME, running)
        folder = process_world.folder / "state/units" / NAME
        for path in (folder, *folder.iterdir()):
            assert path.stat().st_mode & 0o077 == 0 or path.name == "state.json", path

    def test_limits_that_are_not_kept_are_said_once(
        self, process_world: ProcessWorld, bell: Bell, caplog: pytest.LogCaptureFixture
    ) -> None:
        for number in range(2):
            process_world.runner.start(make_spec(f"{NAME}-{number}", ("/bin/true",), memory_max=1 << 30))
            bell.wait_for(f"{NAME}-{number}", ended)
        assert caplog.text.count("not enforced") <= 1


def test_the_log_is_bounded(tmp_path: Path) -> None:
    runner = ProcessRunner(tmp_path, log_bytes=10_000)
    bell = Bell(runner)
    runner.start(python("for i in range(20000): print('line', i)"))
    bell.wait_for(NAME, ended)
    folder = tmp_path / "units" / NAME
    assert (folder / "log").stat().st_size + (folder / "log.1").stat().st_size <= 2 * 65536
    tail = b"".join(runner.read_log(NAME, 1, False, threading.Event()))
    assert tail == b"line 19999\n"
    runner.close()


def test_a_disk_that_was_full_when_a_worker_began_does_not_leave_it_starting_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    supervisor = shim.Supervisor({"name": "u", "events": "none", "log_bytes": 1000, "runtime_max_seconds": None})
    in_the_way = tmp_path / "state.json.new"
    in_the_way.mkdir()
    supervisor.record("running", pid=4711)
    assert not (tmp_path / "state.json").exists()
    in_the_way.rmdir()
    # Nothing happens to the worker any more, and still it is written down.
    supervisor.select(None)
    assert json.loads((tmp_path / "state.json").read_text())["phase"] == "running"


PLAIN = st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(st.dictionaries(st.text(), PLAIN))
def test_what_the_supervisor_writes_is_json_and_it_reads_that_as_it_was(values: dict[str, object]) -> None:
    assert json.loads(shim.encode(values)) == shim.decode(json.dumps(values)) == values


def test_the_supervisor_imports_next_to_nothing_for_each_worker_waits_for_it() -> None:
    # Python itself imports os where it finds the Python of a virtual environment.
    code = "import os, sys; before = set(sys.modules); sys.path.append(sys.argv[1]); import shim; "
    code += "shim.encode(dict(a=1)); shim.decode('{}'); print(*sorted(set(sys.modules) - before))"
    command = [sys.executable, "-I", "-S", "-c", code, str(Path(shim.__file__).parent)]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert {one for one in found if not one.startswith("_")} == {"errno", "select", "shim"}


@pytest.mark.parametrize(
    ("change", "missing"),
    [({"argv": ("no-such-program",)}, "no-such-program"), ({"working_directory": "/no/such"}, "/no/such")],
    ids=["program", "folder"],
)
def test_a_program_or_a_folder_that_is_not_there_is_named(
    process_world: ProcessWorld, bell: Bell, change: dict[str, object], missing: str
) -> None:
    process_world.runner.start(replace(process_world.spec(NAME), **change))  # type: ignore[arg-type]
    said = bell.wait_for(NAME, lambda state: state.reason == Reason.START_FAILED).message
    assert said == f"The worker cannot be started: [Errno 2] No such file or directory: '{missing}'."


def test_the_supervisor_speaks_the_runners_words() -> None:
    text = Path(shim.__file__).read_text()
    for word in (Reason.STOPPED, Reason.SIGNAL, Reason.EXIT_CODE, Reason.START_FAILED, Reason.DEADLINE_EXCEEDED):
        assert f'"{word}"' in text


def test_every_change_is_announced_by_name(process_world: ProcessWorld, bell: Bell) -> None:
    process_world.runner.start(process_world.spec(NAME))

    def seen(state: UnitState) -> bool:
        return running(state) and NAME in bell.names

    bell.wait_for(NAME, seen)
