"""The service copies its own database, beside its work."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_gm.daemon.backing_up import Backups, first_pause
from sedna_gm.settings import BackupSettings
from sedna_gm.store.sql import backups
from sedna_gm.store.sql.backups import held
from tests.gm.clients.servers import Server
from tests.gm.http.doors import MODELS, model
from tests.gm.store.test_copying import NOW, opened, thing, url

HOUR = 3600.0
T = TypeVar("T")


@given(st.one_of(st.none(), st.floats(-1e6, 1e6)), st.floats(1.0, 1e6))
def test_the_first_one_comes_soon_and_never_later_than_an_hour_after_the_last(age: float | None, period: float) -> None:
    pause = first_pause(age, period)
    assert 0 <= pause <= min(HOUR, period)
    if age is None or age >= HOUR or age < 0:
        assert pause == 0
    elif age < min(HOUR, period):
        assert age + pause == pytest.approx(min(HOUR, period))


def test_the_work_is_never_done_in_the_loop_that_serves(tmp_path: Path) -> None:
    sizes = []

    def aside(work: Callable[[], T], size: int) -> T:
        sizes.append(size)
        return work()

    store = opened(tmp_path)
    store.create(thing("one"))
    maker = Backups(url(tmp_path), tmp_path / "backups", BackupSettings(), lambda: NOW, aside)
    assert maker.back_up()
    assert sizes
    assert min(sizes) > 2**40
    assert len(held(tmp_path / "backups")) == 1
    store.close()


def test_what_goes_wrong_is_said_once_and_is_over_when_it_is_mended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened(tmp_path)
    store.create(thing("one"))
    (tmp_path / "backups").write_text("in the way")
    maker = Backups(url(tmp_path), tmp_path / "backups", BackupSettings(), lambda: NOW)
    assert [maker.back_up(), maker.back_up()] == [False, False]
    assert caplog.text.count("No backup was made") == 1
    assert "No backup was made" in maker.trouble
    (tmp_path / "backups").unlink()
    assert maker.back_up()
    assert maker.trouble == ""
    store.close()


def test_a_service_makes_one_when_it_starts_and_another_when_anything_has_changed(tmp_path: Path) -> None:
    server = Server(tmp_path, "backup: {everyHours: 0.0001, keep: 2}\n")
    try:
        server.http.post(MODELS, json=model("one"))
        server.said("gm-0001-")
        for number in range(2, 5):
            server.http.post(MODELS, json=model(f"m{number}"))
            server.said(f"gm-{number:04}-")
    finally:
        assert server.stop() == 0
    there = held(tmp_path / "backups")
    assert [one.number for one in there] == [3, 4]
    told = backups.describe(there[-1].path)
    assert told is not None
    assert told.resources >= 4


def test_before_an_upgrade_rewrites_the_database_it_is_copied(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.create(thing("one"))
    store.close()
    # As a version before identities has left it.
    with sqlite3.connect(tmp_path / "gm.db") as connection:
        connection.execute("DELETE FROM migrations WHERE number = 3")
        connection.execute("DROP TABLE identities")
    connection.close()
    server = Server(tmp_path)
    server.stop()
    assert [line for line in server.journal if "of before the upgrade is kept as" in line]
    (copy,) = held(tmp_path / "backups")
    with sqlite3.connect(copy.path) as connection:
        assert connection.execute("SELECT max(number) FROM migrations").fetchone() == (2,)
    connection.close()


def test_none_are_made_where_none_are_wanted(tmp_path: Path) -> None:
    server = Server(tmp_path, "backup: {everyHours: null}\n")
    server.http.post(MODELS, json=model("one"))
    server.stop()
    assert not (tmp_path / "backups").exists()
