"""The copies that the service makes by itself: when there is anything new, so many, and never at its cost."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_gm.store.sql.backups import Held, describe, held, make, make_anyway, make_if_changed, superfluous
from sedna_gm.store.sql.copying import CopyFailed
from sedna_gm.store.sql.credentials import SqlCredentials
from sedna_gm.store.sql.damage import DatabaseDamaged
from sedna_gm.store.sql.engines import is_behind
from sedna_gm.store.sql.store import SqlStore
from tests.gm.store.test_copying import NOW, opened, running, thing, url
from tests.gm.store.test_restoring import gave
from tests.house.project import ROOT

__all__ = ("running",)


def test_a_backup_is_made_when_anything_has_changed_and_only_then(tmp_path: Path, running: SqlStore) -> None:
    folder = tmp_path / "backups"
    assert make_if_changed(url(tmp_path), folder, 8, NOW) == folder / "gm-0001-20261122T142520Z.db"
    assert make_if_changed(url(tmp_path), folder, 8, NOW) is None
    running.create(thing("two"))
    assert make_if_changed(url(tmp_path), folder, 8, NOW) == folder / "gm-0002-20261122T142520Z.db"
    # Who came in counts, too: a backup that does not know them locks them out.
    gave(tmp_path, "edge")
    assert make_if_changed(url(tmp_path), folder, 8, NOW) is not None
    credentials = SqlCredentials(url(tmp_path))
    credentials.revoke(lambda one: True, "2026-11-22T14:10:00Z")
    credentials.close()
    assert make_if_changed(url(tmp_path), folder, 8, NOW) is not None
    assert len(held(folder)) == 4
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {one.path.stat().st_mode & 0o777 for one in held(folder)} == {0o600}


def test_of_a_database_that_nobody_has_used_there_is_none(tmp_path: Path) -> None:
    opened(tmp_path).close()
    assert make_if_changed(url(tmp_path), tmp_path / "backups", 8, NOW) is None


def test_the_oldest_goes_also_where_the_clock_was_set_back_and_files_of_others_stay(
    tmp_path: Path, running: SqlStore
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "monday.db").write_text("mine")
    made = [make(url(tmp_path), folder, 3, NOW - timedelta(hours=number)) for number in range(5)]
    assert [one.path for one in held(folder)] == made[2:]
    assert (folder / "monday.db").read_text() == "mine"


@given(st.sets(st.integers(1, 10**6)), st.integers(1, 50))
def test_whatever_there_is_the_newest_stay(numbers: set[int], keep: int) -> None:
    there = [Held(number, Path(str(number))) for number in sorted(numbers)]
    gone = superfluous(there, keep)
    assert len(there) - len(gone) == min(len(there), keep)
    assert [*gone, *there[len(gone) :]] == there


def test_a_disk_without_room_costs_a_sentence_and_no_older_backup(
    tmp_path: Path, running: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "backups"
    make(url(tmp_path), folder, 1, NOW)
    with pytest.raises(CopyFailed, match="would leave too little room"):
        make(url(tmp_path), folder, 1, NOW, reserve=2**62)
    make_anyway(url(tmp_path), folder, 1, NOW, reserve=2**62)
    assert "No backup was made before the upgrade" in caplog.text
    assert [one.number for one in held(folder)] == [1]
    assert running.create(thing("two"))


def test_a_folder_that_cannot_be_made_costs_a_sentence(tmp_path: Path, running: SqlStore) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CopyFailed, match="cannot be made in"):
        make(url(tmp_path), tmp_path / "file" / "backups", 8, NOW)


def test_a_copy_that_was_cut_off_has_no_name_and_goes_with_the_next(tmp_path: Path, running: SqlStore) -> None:
    folder = tmp_path / "backups"
    code = (
        "import sys; from pathlib import Path; from datetime import datetime;"
        "from sedna_gm.store.sql.backups import make;"
        "make(sys.argv[1], Path(sys.argv[2]), 8, datetime(2026, 11, 22))"
    )
    died = subprocess.run(
        [sys.executable, "-c", code, url(tmp_path), str(folder)], check=False, cwd=ROOT, start_new_session=True,
        env={
            **os.environ, "SEDNA_FAULT": "gm.backup.publish.before",
            "PYTHONPATH": str(ROOT / "tests" / "faults" / "armed"),
        },
    )  # fmt: skip
    assert died.returncode == -signal.SIGKILL
    assert held(folder) == []
    assert len(list(folder.iterdir())) == 1
    (folder / ".other.new").write_text("mine")
    made = make(url(tmp_path), folder, 8, NOW)
    assert sorted(path.name for path in folder.iterdir()) == [".other.new", made.name]


def test_a_backup_says_what_it_stands_for_and_a_damaged_one_is_none(tmp_path: Path, running: SqlStore) -> None:
    made = make(url(tmp_path), tmp_path / "backups", 8, NOW)
    told = describe(made)
    assert told is not None
    assert (told.resources, told.rounds) == (1, 0)
    made.write_bytes(made.read_bytes()[:4096] + b"rubbish" * 1000)
    assert describe(made) is None
    assert describe(tmp_path / "nothing") is None


def test_the_error_of_a_damaged_database_names_the_newest_whole_backup_its_time_and_its_rounds(
    tmp_path: Path, running: SqlStore
) -> None:
    folder = tmp_path / "elsewhere"
    now = datetime.now(timezone.utc) + timedelta(hours=3, minutes=1)
    best = make(url(tmp_path), folder, 8, NOW)
    broken = make(url(tmp_path), folder, 8, NOW)
    broken.write_bytes(broken.read_bytes()[:4096] + b"rubbish" * 1000)
    running.close()
    (tmp_path / "gm.db").write_bytes(b"rubbish" * 1000)
    for _ in range(2):
        with pytest.raises(DatabaseDamaged) as caught:
            SqlStore(url(tmp_path), lambda: now, backups=folder)
        assert f"the newest one found here is {best}, of 20" in str(caught.value)
        assert "with 1 resources and 0 finished rounds" in str(caught.value)


def test_how_old_it_is_is_told(tmp_path: Path, running: SqlStore) -> None:
    made = make(url(tmp_path), tmp_path / "backups", 8, NOW)
    os.utime(made, (NOW.timestamp(), NOW.timestamp()))
    running.close()
    (tmp_path / "gm.db").write_bytes(b"rubbish" * 1000)
    with pytest.raises(DatabaseDamaged, match="of 2026-11-22T14:25:20Z, 5 h ago, with"):
        SqlStore(url(tmp_path), lambda: NOW + timedelta(hours=5, minutes=3))


def test_a_database_of_an_older_version_is_behind_and_no_other_is(tmp_path: Path, running: SqlStore) -> None:
    database = tmp_path / "gm.db"
    assert not is_behind(database)
    running.close()
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM migrations WHERE number = 3")
    connection.close()
    assert is_behind(database)
    assert not is_behind(tmp_path / "nothing")
    database.write_bytes(b"rubbish" * 1000)
    assert not is_behind(database)
