"""The pure half of the systemd runner: what a unit says to systemd, and what systemd's answers mean."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_lc.runners.base import Activity, Bind, Reason, UnitSpec
from sedna_lc.runners.errors import NoSuchUnit, RunnerError, RunnerUnavailable, UnitBusy, UnitRefused
from sedna_lc.runners.names import escape
from sedna_lc.runners.systemd.bus import from_bus_error
from sedna_lc.runners.systemd.judging import judge
from sedna_lc.runners.systemd.manager import UnitFacts, unit_of
from sedna_lc.runners.systemd.properties import program_of, transient_properties
from sedna_lc.runners.systemd.records import Record, Records
from sedna_lc.runners.systemd.unitfiles import quote, render_service, render_target
from sedna_lc.runners.systemd.words import ActiveState, JobResult, Result
from tests.lc.runners.fake_systemd.interfaces import unit_path
from tests.lc.runners.fake_systemd.model import TRANSIENT
from tests.lc.runners.worlds import make_spec

NOW = datetime(2026, 11, 22, 14, 25, 20, tzinfo=timezone.utc)
SPEC = make_spec(
    "sedna-worker-default-w",
    ("/opt/env/bin/python", "train.py"),
    working_directory="/opt/app",
    environment={"A": "1"},
    binds=(Bind("/srv/video", "/video"), Bind("/srv/ro", "/ro", True), Bind("/output", "/output")),
    memory_max=2 << 30,
    memory_low=1 << 30,
    cpu_quota=0.5,
    cpu_weight=200,
    runtime_max_seconds=600,
    restart="OnFailure",
    credentials={"minio": "/etc/sedna/credentials/minio", "a.b": "/srv/100% mine/a.b"},
)
text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


def properties(spec: UnitSpec, user: str | None = None, sandbox: bool = True) -> dict[str, tuple[str, object]]:
    return dict(transient_properties(spec, user, sandbox))


def lines(spec: UnitSpec, user: str | None = None, sandbox: bool = True) -> list[str]:
    return render_service(spec, user, sandbox).splitlines()


class TestProperties:
    def test_limits_and_times_are_in_systemds_units(self) -> None:
        seen = properties(SPEC)
        assert seen["MemoryMax"] == ("t", 2 << 30)
        assert seen["MemoryLow"] == ("t", 1 << 30)
        assert seen["CPUQuotaPerSecUSec"] == ("t", 500_000)
        assert seen["CPUWeight"] == ("t", 200)
        assert seen["RuntimeMaxUSec"] == ("t", 600_000_000)
        assert seen["TimeoutStopUSec"] == ("t", 10_000_000)
        assert seen["Restart"] == ("s", "on-failure")

    def test_nothing_said_is_nothing_set(self) -> None:
        seen = properties(make_spec("w", ("/bin/true",)))
        assert not {"MemoryMax", "MemoryLow", "CPUQuotaPerSecUSec", "CPUWeight", "RuntimeMaxUSec", "User"} & set(seen)

    def test_no_time_to_stop_is_a_second_and_not_for_ever(self) -> None:
        assert properties(replace(SPEC, stop_seconds=0))["TimeoutStopUSec"] == ("t", 1_000_000)

    def test_a_unit_that_always_runs_does_not_stay_when_it_ends(self) -> None:
        assert "RemainAfterExit" in properties(SPEC)
        assert "RemainAfterExit" not in properties(replace(SPEC, restart="Always"))

    def test_the_user_and_the_sandbox_are_the_hosts_choice(self) -> None:
        assert properties(SPEC, user="sedna-worker")["User"] == ("s", "sedna-worker")
        assert "ProtectSystem" not in properties(SPEC, sandbox=False)

    def test_a_user_of_its_own_has_no_rights_at_all_and_root_keeps_those_it_reads_with(self) -> None:
        confined = properties(SPEC, user="sedna-worker")
        assert confined["CapabilityBoundingSet"] == ("t", 0)
        assert confined["PrivateUsers"] == ("b", True)
        assert not {"CapabilityBoundingSet", "PrivateUsers"} & set(properties(SPEC))

    def test_only_devices_that_are_mounted_are_there(self) -> None:
        assert properties(SPEC)["PrivateDevices"] == ("b", True)
        assert "DeviceAllow" not in properties(SPEC)
        sources = ("/dev/video0", "/dev/dri", "/dev/shm/frames", "/srv/dev/x", "/dev/video0")
        mounted = replace(SPEC, binds=tuple(Bind(source, f"/mnt{number}") for number, source in enumerate(sources)))
        allowed = [value for name, value in transient_properties(mounted, None, True) if name == "DeviceAllow"]
        assert allowed == [("a(ss)", [("/dev/video0", "rw")]), ("a(ss)", [("char-drm", "rw")])]
        assert "DeviceAllow=/dev/video0 rw" in lines(mounted)

    def test_systemd_expands_nothing_in_the_program(self) -> None:
        argv = ["/bin/echo", "$HOME", "%i"]
        seen = properties(replace(SPEC, argv=tuple(argv)))
        assert seen["ExecStart"] == ("a(sasb)", [("/bin/echo", ["/bin/echo", "$$HOME", "%i"], False)])

    def test_a_running_unit_outlives_a_reload_of_systemd(self) -> None:
        """What systemd 252 writes for a name ending in Ex, it cannot read itself."""
        assert [name for name in properties(SPEC) if name.endswith("Ex")] == []

    def test_a_path_bound_to_itself_may_be_missing_and_a_volume_may_not(self) -> None:
        seen = properties(SPEC)
        assert seen["BindPaths"] == (
            "a(ssbt)",
            [("/srv/video", "/video", False, 0x4000), ("/output", "/output", True, 0x4000)],
        )

    @pytest.mark.parametrize(
        ("argv", "program"),
        [
            (("/bin/x", "a"), ("/bin/x", "a")),
            (("x", "a"), ("/usr/bin/env", "x", "a")),
            (("./x", "a"), ("/opt/app/x", "a")),
        ],
    )
    def test_a_program_without_a_full_path_is_found(self, argv: tuple[str, ...], program: tuple[str, ...]) -> None:
        assert program_of(replace(SPEC, argv=argv))[0] == program

    def test_a_variable_that_systemd_does_not_take_goes_through_env(self) -> None:
        spec = replace(SPEC, argv=("/bin/x",), environment={"learning-rate": "0.1", "A": "1", "B": "\x01"})
        assert program_of(spec) == (("/usr/bin/env", "learning-rate=0.1", "B=\x01", "/bin/x"), {"A": "1"})

    @given(st.dictionaries(st.text("ab-._1", min_size=1, max_size=5), text, max_size=4))
    def test_every_variable_reaches_the_worker_one_way_or_the_other(self, environment: dict[str, str]) -> None:
        program, accepted = program_of(replace(SPEC, argv=("/bin/x",), environment=environment))
        odd = dict(word.split("=", 1) for word in program[1:-1]) if program[0] == "/usr/bin/env" else {}
        assert odd | accepted == environment

    def test_secrets_are_named_and_not_told(self) -> None:
        assert properties(SPEC)["LoadCredential"] == (
            "a(ss)",
            [("a.b", "/srv/100% mine/a.b"), ("minio", "/etc/sedna/credentials/minio")],
        )
        assert "LoadCredential" not in properties(make_spec("w", ("/bin/true",)))

    def test_the_fake_knows_every_property(self) -> None:
        for spec in (SPEC, replace(SPEC, restart="Always"), make_spec("w", ("/bin/true",))):
            for name, (signature, _) in properties(spec, user="u").items():
                assert TRANSIENT[name] == signature


class TestUnitFiles:
    def test_a_service_says_the_same_as_a_transient_unit(self) -> None:
        seen = lines(SPEC, user="sedna-worker")
        for line in (
            "PartOf=sedna-job-default-demo.target",
            "WantedBy=sedna-job-default-demo.target",
            "Type=exec",
            "Restart=on-failure",
            "RuntimeMaxSec=600s",
            "TimeoutStopSec=10s",
            f"MemoryMax={2 << 30}",
            "CPUQuota=50%",
            "CPUWeight=200",
            "Slice=sedna.slice",
            "User=sedna-worker",
            "ProtectSystem=strict",
            "NoNewPrivileges=yes",
            'ExecStart=:"/opt/env/bin/python" "train.py"',
            "WorkingDirectory=/opt/app",
            'Environment="A=1"',
            'BindPaths="/srv/video":"/video"',
            'BindReadOnlyPaths="/srv/ro":"/ro"',
            'BindPaths="-/output":"/output"',
            "LoadCredential=minio:/etc/sedna/credentials/minio",
            "LoadCredential=a.b:/srv/100%% mine/a.b",
        ):
            assert line in seen

    def test_every_setting_of_a_transient_unit_is_in_the_file(self) -> None:
        keys = {line.split("=")[0] for line in lines(SPEC, user="u") if "=" in line and not line.startswith("#")}
        bus_names = {
            "CPUQuotaPerSecUSec": "CPUQuota",
            "StartLimitIntervalUSec": "StartLimitIntervalSec",
        }
        for name in properties(SPEC, user="u"):
            assert bus_names.get(name, name.replace("USec", "Sec")) in keys

    @given(text)
    def test_a_quoted_word_is_one_line_and_one_word(self, word: str) -> None:
        quoted = quote(word)
        assert "\n" not in quoted
        inner = quoted[1:-1].replace("\\\\", "").replace('\\"', "")
        assert '"' not in inner
        assert "%" not in inner.replace("%%", "")

    @given(text)
    def test_a_description_cannot_bring_a_line_of_its_own(self, description: str) -> None:
        written = render_service(replace(SPEC, description=description), None, True)
        plain = render_service(SPEC, None, True)
        assert written.count("\n") == plain.count("\n")

    @pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs the package systemd")
    def test_systemd_itself_finds_nothing_wrong(self, tmp_path: Path) -> None:
        spec = replace(SPEC, argv=("/bin/true", "%i $HOME", 'q"'), description="100% of it")
        (tmp_path / "sedna-worker-default-w.service").write_text(render_service(spec, None, True))
        (tmp_path / SPEC.target).write_text(render_target(SPEC.target))
        answer = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(tmp_path / "sedna-worker-default-w.service")],
            check=False,
            capture_output=True,
            text=True,
            env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
        )
        about_us = [line for line in answer.stderr.splitlines() if str(tmp_path) in line or "sedna" in line]
        assert about_us == []


class TestWords:
    @pytest.mark.parametrize("words", [ActiveState, Result, JobResult])
    def test_a_word_of_tomorrow_is_kept(self, words: type[ActiveState]) -> None:
        word = words("tomorrow")
        assert word.value == "tomorrow"
        assert word == "tomorrow"
        assert word not in list(words)

    @given(st.text(st.characters(codec="ascii", exclude_characters="/\0"), min_size=1, max_size=20))
    def test_a_units_path_tells_its_name(self, name: str) -> None:
        assert unit_of(unit_path(escape(name) + ".service")) == escape(name) + ".service"

    def test_another_objects_path_tells_nothing(self) -> None:
        assert unit_of("/org/freedesktop/systemd1/job/12") == ""

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("org.freedesktop.systemd1.NoSuchUnit", NoSuchUnit),
            ("org.freedesktop.DBus.Error.UnknownObject", NoSuchUnit),
            ("org.freedesktop.systemd1.UnitExists", UnitBusy),
            ("org.freedesktop.DBus.Error.NoReply", RunnerUnavailable),
            ("org.freedesktop.DBus.Error.AccessDenied", RunnerUnavailable),
            ("org.freedesktop.DBus.Error.ServiceUnknown", RunnerUnavailable),
            ("org.freedesktop.DBus.Error.InvalidArgs", UnitRefused),
            ("org.freedesktop.systemd1.UnitMasked", UnitRefused),
            ("org.example.Tomorrow", RunnerError),
        ],
    )
    def test_an_error_of_the_bus_becomes_ours_in_one_place(self, name: str, kind: type[RunnerError]) -> None:
        error = from_bus_error(name, "some text")
        assert type(error) is kind
        assert "some text" in str(error)


records = st.builds(
    Record,
    name=st.just("sedna-worker-default-w"),
    fingerprint=st.just("f"),
    spec=st.sampled_from([None, SPEC, replace(SPEC, persistent=True)]),
    boot=st.sampled_from(["this", "earlier"]),
    launched=st.sampled_from([0, 50, 100]),
    launched_at=st.just(1.0),
    stopping=st.booleans(),
)
facts = st.none() | st.builds(
    UnitFacts,
    active=st.sampled_from([*ActiveState, ActiveState("tomorrow")]),
    sub=st.sampled_from(["", "running", "exited", "dead", "auto-restart"]),
    has_job=st.booleans(),
    invocation=st.sampled_from(["", "a", "b"]),
    active_since=st.sampled_from([0, 75, 200]),
    result=st.sampled_from([*Result, Result("tomorrow")]),
    main_pid=st.sampled_from([0, 42]),
    exit_kind=st.integers(0, 3),
    exit_status=st.sampled_from([0, 1, 9, 15, 203, 255]),
)
ACTIVE_TARGET = UnitFacts(active=ActiveState.ACTIVE, active_since=10)


class TestJudging:
    @given(records, facts, facts)
    def test_every_combination_has_an_answer(
        self, record: Record, unit: UnitFacts | None, target: UnitFacts | None
    ) -> None:
        judgement = judge(record, unit, target, "this", NOW)
        state = judgement.state
        assert state.fingerprint == "f"
        assert (state.finished_at is not None) == state.activity.ended
        if state.activity is Activity.FAILED:
            assert state.reason
        if state.activity is Activity.EXITED:
            assert state.exit_code == 0

    def test_an_end_that_systemd_does_not_explain_has_a_reason_all_the_same(self) -> None:
        record = Record(name="sedna-worker-default-w", fingerprint="f", boot="this", launched=1, launched_at=1.0)
        state = judge(record, UnitFacts(active=ActiveState.ACTIVE, sub="exited"), None, "this", NOW).state
        assert (state.activity, state.reason) == (Activity.FAILED, Reason.UNIT_VANISHED)

    @given(records, facts, facts)
    def test_what_we_asked_to_stop_is_never_launched_again_nor_called_paused(
        self, record: Record, unit: UnitFacts | None, target: UnitFacts | None
    ) -> None:
        judgement = judge(replace(record, stopping=True), unit, target, "this", NOW)
        assert not judgement.launch_again
        assert judgement.state.activity is not Activity.PAUSED
        if judgement.state.activity.ended:
            assert judgement.state.reason == Reason.STOPPED

    @given(records, facts, facts, facts)
    def test_an_end_is_an_end_until_another_run_begins(
        self, record: Record, unit: UnitFacts | None, target: UnitFacts | None, later: UnitFacts | None
    ) -> None:
        first = judge(record, unit, target, "this", NOW)
        if not first.state.activity.ended:
            return
        kept = replace(record, end=first.state, end_invocation=first.invocation)
        second = judge(kept, later, target, "this", NOW)
        another_run = later is not None and later.invocation not in ("", first.invocation)
        assert another_run or second.state == first.state

    @given(records, facts)
    def test_only_a_target_started_since_resumes_a_transient_unit(
        self, record: Record, target: UnitFacts | None
    ) -> None:
        record = replace(record, boot="this", stopping=False, launched=100, spec=SPEC)
        judgement = judge(record, None, target, "this", NOW)
        assert judgement.state.activity is Activity.PAUSED
        started_since = target is not None and target.active is ActiveState.ACTIVE and target.active_since > 100
        assert judgement.launch_again == started_since

    def test_a_transient_unit_of_an_earlier_boot_has_vanished(self) -> None:
        record = Record("w", spec=SPEC, boot="earlier", launched=5)
        state = judge(record, None, ACTIVE_TARGET, "this", NOW).state
        assert (state.activity, state.reason, state.finished_at) == (Activity.FAILED, Reason.UNIT_VANISHED, NOW)

    def test_an_installed_unit_of_an_earlier_boot_is_judged_by_what_it_does(self) -> None:
        record = Record("w", spec=replace(SPEC, persistent=True), boot="earlier", launched=5)
        waiting = UnitFacts(has_job=True)
        assert judge(record, waiting, None, "this", NOW).state.activity is Activity.STARTING
        up = UnitFacts(active=ActiveState.ACTIVE, sub="running", main_pid=42)
        assert judge(record, up, None, "this", NOW).state.activity is Activity.RUNNING

    def test_a_waiting_restart_is_a_start(self) -> None:
        record = Record("w", spec=SPEC, boot="this", launched=5)
        waiting = UnitFacts(active=ActiveState.ACTIVATING, sub="auto-restart", exit_kind=1, exit_status=3, restarts=2)
        state = judge(record, waiting, None, "this", NOW).state
        assert (state.activity, state.exit_code, state.restarts) == (Activity.STARTING, 3, 2)


class TestRecords:
    @given(records)
    def test_what_is_written_is_read_again(self, record: Record) -> None:
        ended = judge(replace(record, stopping=True), None, None, "this", NOW).state
        for kept in (record, replace(record, end=ended)):
            with tempfile.TemporaryDirectory() as folder:
                Records(Path(folder)).put(kept)
                assert Records(Path(folder)).all() == [kept]

    def test_what_is_dropped_is_gone(self, tmp_path: Path) -> None:
        kept = Records(tmp_path)
        kept.put(Record("w"))
        kept.drop("w")
        kept.drop("w")
        assert Records(tmp_path).all() == []
