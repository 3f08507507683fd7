"""What a SIGHUP may change, and what it may not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from sedna.daemons.configuring import Misconfigured
from sedna.daemons.reloading import Reloaded, reread, tell


@dataclass(frozen=True)
class Settings:
    log_level: str = "INFO"
    listen: str = "127.0.0.1:1"
    watch_log: int = 7


def reread_as(read: Settings) -> Reloaded[Settings]:
    return reread(Settings(), lambda: read, ("log_level",), Misconfigured)


def test_what_may_change_is_taken_over_and_said() -> None:
    reloaded = reread_as(Settings(log_level="DEBUG"))
    assert reloaded.settings == Settings(log_level="DEBUG")
    assert reloaded.sentence == "The settings have been read again: logLevel is DEBUG now."
    assert not reloaded.refused


def test_what_needs_a_start_stays_and_is_named() -> None:
    reloaded = reread_as(Settings(listen="127.0.0.1:2", watch_log=8))
    assert reloaded.settings == Settings()
    assert "nothing has changed that can" in reloaded.sentence
    assert "a change of listen, watchLog counts from the next start" in reloaded.sentence


def test_a_file_that_cannot_be_used_changes_nothing_at_all(caplog: pytest.LogCaptureFixture) -> None:
    def load() -> Settings:
        raise Misconfigured("/etc/sedna/gm.yml: listen: x is not HOST:PORT")

    before = replace(Settings(), log_level="DEBUG")
    reloaded = reread(before, load, ("log_level",), Misconfigured)
    assert reloaded.settings is before
    assert reloaded.refused
    tell(reloaded)
    assert "ERROR" in caplog.text
    assert "The settings stay as they were: /etc/sedna/gm.yml: listen: x is not HOST:PORT" in caplog.text


def test_an_error_of_another_kind_is_a_bug_and_not_hidden() -> None:
    def load() -> Settings:
        raise KeyError("bug")

    with pytest.raises(KeyError):
        reread(Settings(), load, ("log_level",), Misconfigured)
