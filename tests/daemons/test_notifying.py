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


def test_every_word_as_systemd_reads_it(ear: socket.socket) -> None:
    environment = {"NOTIFY_SOCKET": ear.getsockname(), "WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1", "HOME": "/"}
    notifier = Notifier.taken_from(environment)
    assert environment == {"HOME": "/"}
    assert notifier.watchdog_seconds == 0.01
    notifier.ready("All is well.")
    notifier.alive()
    notifier.stopping()
    assert ear.recv(100) == b"READY=1\nSTATUS=All is well."
    assert ear.recv(100) == b"WATCHDOG=1"
    assert ear.recv(100) == b"STOPPING=1\nSTATUS=Stopping."


def test_a_reload_names_the_moment_at_which_it_began(ear: socket.socket) -> None:
    notifier = Notifier(ear.getsockname(), monotonic_micros=lambda: 77)
    notifier.reloading()
    notifier.ready()
    assert ear.recv(100) == b"RELOADING=1\nMONOTONIC_USEC=77\nSTATUS=Reading the settings again."
    assert ear.recv(100) == b"READY=1"


def test_a_sentence_is_said_once_and_on_one_line(ear: socket.socket) -> None:
    notifier = Notifier(ear.getsockname())
    notifier.status("two\nlines\nREADY=1")
    notifier.status("two\nlines\nREADY=1")
    notifier.status("another")
    assert [ear.recv(100), ear.recv(100)] == [b"STATUS=two lines READY=1", b"STATUS=another"]


def test_nobody_waits_for_a_sign_of_life_that_was_not_asked_for(ear: socket.socket) -> None:
    notifier = Notifier.taken_from({"NOTIFY_SOCKET": ear.getsockname()})
    notifier.alive()
    notifier.stopping()
    assert ear.recv(100).startswith(b"STOPPING=1")


def test_the_abstract_namespace(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(f"\0{tmp_path}")
        ear.settimeout(30)
        Notifier(f"@{tmp_path}").stopping()
        assert ear.recv(100).startswith(b"STOPPING=1")


def test_without_systemd_nothing_is_said() -> None:
    notifier = Notifier.taken_from({})
    assert not notifier.is_heard
    notifier.ready()
    notifier.stopping()


def test_a_socket_that_is_gone_is_a_warning_and_no_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Notifier(str(tmp_path / "missing")).stopping()
    assert "could not be told STOPPING=1" in caplog.text
