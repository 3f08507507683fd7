"""A backup that waits beside the database is taken in whole, or not at all, however often that is cut off."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sedna_gm.errors import Gone
from sedna_gm.store.credentials import Credential
from sedna_gm.store.sql.copying import CopyFailed, back_up
from sedna_gm.store.sql.credentials import SqlCredentials
from sedna_gm.store.sql.engines import DatabaseUnusable
from sedna_gm.store.sql.restoring import Outcome, is_staged, refused_for, restore, stage, staged_for, take_in
from sedna_gm.store.sql.store import SqlStore
from tests.gm.store.test_copying import NOW, names, opened, running, thing, url
from tests.house.project import ROOT

__all__ = ("running",)

POINTS = ("gm.restore.take.before", "gm.restore.aside.after", "gm.restore.take.after")
TAKE_IN = (
    "import sys; from pathlib import Path; from datetime import datetime, timezone;"
    "from sedna_gm.store.sql.restoring import take_in;"
    "take_in(Path(sys.argv[1]), datetime(2026, 11, 22, 14, 25, 20, tzinfo=timezone.utc))"
)


def keys(folder: Path) -> list[str]:
    credentials = SqlCredentials(url(folder))
    try:
        return sorted(one.id for one in credentials.all())
    finally:
        credentials.close()


def gave(folder: Path, name: str) -> None:
    credentials = SqlCredentials(url(folder))
    credentials.add(Credential(name, "0" * 64, "node", name, "2026-11-22T14:00:00Z"))
    credentials.close()


def test_a_backup_waits_while_the_service_writes_on(tmp_path: Path, running: SqlStore) -> None:
    back_up(url(tmp_path), tmp_path / "backup")
    staged = stage(url(tmp_path), tmp_path / "backup")
    assert staged.outcome() is Outcome.WAITING
    running.create(thing("two"))
    heard = running.revision()
    with pytest.raises(DatabaseUnusable, match="in use"):
        take_in(tmp_path / "gm.db", NOW)
    running.close()
    done = take_in(tmp_path / "gm.db", NOW)
    assert done is not None
    assert done.aside == staged.aside() == tmp_path / "gm.db.before-restore-20261122T142520Z"
    assert staged.outcome() is Outcome.TAKEN
    assert names(tmp_path) == ["one"]
    store = opened(tmp_path)
    try:
        with pytest.raises(Gone):
            store.watch("Model", since=heard).wait(0)
    finally:
        store.close()


def test_where_nothing_waits_nothing_is_done(tmp_path: Path, running: SqlStore) -> None:
    running.close()
    before = sorted(tmp_path.iterdir())
    assert take_in(tmp_path / "gm.db", NOW) is None
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("point", POINTS)
def test_a_start_that_is_cut_off_is_gone_on_with_and_loses_no_credential(
    tmp_path: Path, running: SqlStore, point: str
) -> None:
    back_up(url(tmp_path), tmp_path / "backup")
    gave(tmp_path, "joined-since")
    stage(url(tmp_path), tmp_path / "backup")
    running.create(thing("two"))
    last = running.revision()
    running.close()
    died = subprocess.run(
        [sys.executable, "-c", TAKE_IN, str(tmp_path / "gm.db")], check=False, cwd=ROOT, start_new_session=True,
        env={**os.environ, "SEDNA_FAULT": point, "PYTHONPATH": str(ROOT / "tests" / "faults" / "armed")},
    )  # fmt: skip
    assert died.returncode == -signal.SIGKILL
    assert (tmp_path / "gm.db").exists()
    take_in(tmp_path / "gm.db", NOW.replace(second=21))
    assert not is_staged(tmp_path / "gm.db")
    assert names(tmp_path) == ["one"]
    assert keys(tmp_path) == ["joined-since"]
    asides = list(tmp_path.glob("gm.db.before-restore-*"))
    assert len(asides) == 1
    with sqlite3.connect(asides[0]) as aside:
        assert aside.execute("SELECT count(*) FROM resources").fetchone() == (2,)
    aside.close()
    store = opened(tmp_path)
    assert store.revision() > last
    store.close()


def test_a_name_that_an_interrupted_restore_has_left_keeps_no_later_one_from_the_present_credentials(
    tmp_path: Path, running: SqlStore
) -> None:
    back_up(url(tmp_path), tmp_path / "backup")
    running.close()
    # As after a death between the second name and the exchange, and a person who then called it off.
    os.link(tmp_path / "gm.db", tmp_path / "gm.db.before-restore-20261122T140000Z")
    gave(tmp_path, "joined-since")
    stage(url(tmp_path), tmp_path / "backup")
    take_in(tmp_path / "gm.db", NOW)
    assert keys(tmp_path) == ["joined-since"]


def test_no_log_of_writes_of_the_database_of_before_is_left_beside_the_new_one(
    tmp_path: Path, running: SqlStore
) -> None:
    """SQLite would write it into the new one. It is there after a power cut; here, with an older second name, too."""
    back_up(url(tmp_path), tmp_path / "backup")
    running.create(thing("two"))
    site = tmp_path / "site"
    site.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(tmp_path / f"gm.db{suffix}", site / f"gm.db{suffix}")
    assert (site / "gm.db-wal").stat().st_size
    older = site / "gm.db.before-restore-20261122T140000Z"
    os.link(site / "gm.db", older)
    done = restore(url(site), tmp_path / "backup", NOW)
    assert done.aside == older
    assert sorted(path.name for path in site.iterdir()) == [
        "gm.db",
        "gm.db.before-restore-20261122T140000Z",
        "gm.db.lock",
    ]
    assert names(site) == ["one"]
    (tmp_path / "again").mkdir()
    older.rename(tmp_path / "again" / "gm.db")
    assert names(tmp_path / "again") == ["one", "two"]


def test_what_cannot_be_taken_in_is_set_aside_and_the_service_goes_on(tmp_path: Path, running: SqlStore) -> None:
    back_up(url(tmp_path), tmp_path / "backup")
    staged = stage(url(tmp_path), tmp_path / "backup")
    running.close()
    with staged_for(tmp_path / "gm.db").open("r+b") as file:
        file.write(b"no database any more")
    assert take_in(tmp_path / "gm.db", NOW) is None
    assert staged.outcome() is Outcome.REFUSED
    assert refused_for(tmp_path / "gm.db").is_file()
    assert names(tmp_path) == ["one"]


def test_a_link_that_waits_is_not_followed(tmp_path: Path, running: SqlStore) -> None:
    back_up(url(tmp_path), tmp_path / "backup")
    running.close()
    staged_for(tmp_path / "gm.db").symlink_to(tmp_path / "backup")
    assert take_in(tmp_path / "gm.db", NOW) is None
    assert not is_staged(tmp_path / "gm.db")
    assert not (tmp_path / "gm.db").is_symlink()


def test_a_backup_that_waits_takes_the_place_of_a_damaged_database(tmp_path: Path, running: SqlStore) -> None:
    back_up(url(tmp_path), tmp_path / "backup")
    stage(url(tmp_path), tmp_path / "backup")
    running.close()
    (tmp_path / "gm.db").write_bytes(b"rubbish" * 1000)
    done = take_in(tmp_path / "gm.db", NOW)
    assert done is not None
    assert done.aside is not None
    assert done.aside.read_bytes() == b"rubbish" * 1000
    assert names(tmp_path) == ["one"]


def test_while_another_program_reads_the_database_it_is_not_taken_from_it(tmp_path: Path, running: SqlStore) -> None:
    """Its log of writes would go aside without what is in it."""
    back_up(url(tmp_path), tmp_path / "backup")
    reader = sqlite3.connect(tmp_path / "gm.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM resources").fetchone()
    running.create(thing("two"))
    running.close()
    try:
        with pytest.raises(CopyFailed, match="in use by another program"):
            restore(url(tmp_path), tmp_path / "backup", NOW)
    finally:
        reader.close()
    assert not is_staged(tmp_path / "gm.db"), "what has failed does not happen later"
    assert names(tmp_path) == ["one", "two"]
