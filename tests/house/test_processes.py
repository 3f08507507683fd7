"""When a service has to start again though this play has written nothing: the handlers of an earlier one were lost."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

from tests.house.project import ROOT

SCRIPT = ROOT / "roles" / "sedna_common" / "files" / "process.py"
BOOTED = 1_000_000.0


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("process", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def reasons(
    unit_written: float, configuration_written: float, *, started: int = 100, changed: int = 100, **shown: str
) -> list[str]:
    """What is said of a process that was started and reloaded so many seconds after the boot."""
    properties = {
        "MainPID": "7",
        "NeedDaemonReload": "no",
        "ExecMainStartTimestampMonotonic": str(started * 10**6),
        "StateChangeTimestampMonotonic": str(changed * 10**6),
        **shown,
    }
    found: list[str] = script().reasons(properties, BOOTED + unit_written, BOOTED + configuration_written, BOOTED)
    return found


def test_a_process_that_was_started_after_all_was_written_goes_on() -> None:
    assert reasons(90, 95) == []


def test_a_process_older_than_its_unit_starts_again() -> None:
    assert reasons(110, 95) == ["it was started before the unit was written"]
    # A reload does not read the unit.
    assert reasons(110, 95, changed=120) == ["it was started before the unit was written"]


def test_a_process_older_than_its_configuration_starts_again() -> None:
    assert len(reasons(90, 110)) == 1


def test_a_configuration_that_was_reloaded_is_read() -> None:
    assert reasons(90, 110, changed=120) == []


def test_a_unit_that_systemd_has_not_read_is_a_reason_even_when_nothing_runs() -> None:
    assert reasons(110, 110, MainPID="0", NeedDaemonReload="yes") == ["systemd has not read the unit"]


def test_what_does_not_run_reads_everything_when_it_starts() -> None:
    assert reasons(110, 110, MainPID="0") == []


@pytest.mark.parametrize(
    ("command", "environment", "release"),
    [
        (b"/opt/sedna/releases/1-a/bin/python\0/opt/sedna/current/bin/sedna-gm\0", b"SEDNA_RELEASE=1-b\0", "1-a"),
        (b"/usr/bin/python3\0", b"HOME=/\0SEDNA_RELEASE=1-b\0", "1-b"),
        (b"/usr/bin/python3\0", b"HOME=/\0", ""),
        (b"", b"", ""),
    ],
    ids=["interpreter", "unit", "neither", "gone"],
)
def test_the_release_is_the_one_that_runs_and_not_the_one_that_the_unit_names_by_now(
    command: bytes, environment: bytes, release: str
) -> None:
    assert script().release_of(command, environment) == release
