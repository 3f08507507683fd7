"""What systemd hears."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sedna.daemons.notifying import Notifier


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(30)
        yield ear


def test_ready_alive_stopping(ear: socket.socket) -> None:
    environment = {"NOTIFY_SOCKET": ear.getsockname(), "WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1", "HOME": "/"}
    notifier = Notifier.taken_from(environment)
    assert environment == {"HOME": "/"}
    notifier.ready()
    notifier.keep_alive()
    assert ear.recv(100) == b"READY=1"
    assert [ear.recv(100), ear.recv(100)] == [b"WATCHDOG=1"] * 2
    notifier.stopping()
    while (said := ear.recv(100)) == b"WATCHDOG=1":
        pass
    assert said == b"STOPPING=1"


def test_the_abstract_namespace(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(f"\0{tmp_path}")
        ear.settimeout(30)
        Notifier(f"@{tmp_path}").stopping()
        assert ear.recv(100) == b"STOPPING=1"


def test_without_systemd_nothing_is_said() -> None:
    notifier = Notifier.taken_from({})
    notifier.ready()
    notifier.stopping()


def test_a_socket_that_is_gone_is_a_warning_and_no_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Notifier(str(tmp_path / "missing")).stopping()
    assert "could not be told STOPPING=1" in caplog.text
