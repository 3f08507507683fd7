"""A database that a disk has spoilt is noticed, kept under a name that is told, and never silently begun anew."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sedna.api.tokens import id_of, make_token, sha256_of
from sedna_gm.daemon.wiring import build
from sedna_gm.errors import StoreUnavailable
from sedna_gm.settings import ArtifactSettings, Settings
from sedna_gm.store.credentials import Credential
from sedna_gm.store.interface import key_of
from sedna_gm.store.sql.copying import back_up
from sedna_gm.store.sql.credentials import SqlCredentials
from sedna_gm.store.sql.damage import DatabaseDamaged, is_damage
from sedna_gm.store.sql.engines import open_engine
from sedna_gm.store.sql.restoring import restore
from sedna_gm.store.sql.store import SqlStore
from tests.gm.store.conftest import StandingClock

BIN = Path(sys.executable).parent
PAGE = 4096


def model(number: int) -> dict[str, Any]:
    metadata = {"name": f"m{number}", "namespace": "default"}
    return {"apiVersion": "sedna.io/v1alpha1", "kind": "Model", "metadata": metadata, "spec": {"url": "/m" * 200}}


@pytest.fixture
def database(tmp_path: Path, clock: StandingClock) -> Path:
    """One with some pages, closed in good order."""
    path = tmp_path / "gm.db"
    store = SqlStore(f"sqlite:///{path}", clock)
    for number in range(40):
        store.create(model(number))
    store.close()
    return path


def spoil(database: Path) -> None:
    """Some pages of the middle become what no disk should return."""
    size = database.stat().st_size
    with database.open("r+b") as file:
        file.seek(size // 2 // PAGE * PAGE)
        file.write(os.urandom(2 * PAGE))


def cut(database: Path) -> None:
    os.truncate(database, database.stat().st_size // 2)


def overwrite(database: Path) -> None:
    database.write_bytes(b"\0" * 3 * PAGE)


@pytest.mark.parametrize("harm", [spoil, cut, overwrite])
def test_a_damaged_database_is_set_aside_with_its_name_in_the_error(
    harm: Any, database: Path, clock: StandingClock
) -> None:
    harm(database)
    damaged = database.read_bytes()
    with pytest.raises(DatabaseDamaged) as caught:
        SqlStore(f"sqlite:///{database}", clock)
    aside = database.with_name("gm.db.damaged-20261122T140000Z")
    assert str(aside) in str(caught.value)
    assert "sedna-gm restore" in str(caught.value)
    assert aside.read_bytes() == damaged
    assert not database.exists()


def test_a_long_document_whose_middle_was_lost_is_damage_although_every_page_is_in_order(
    database: Path, clock: StandingClock
) -> None:
    store = SqlStore(f"sqlite:///{database}", clock)
    store.create({**model(100), "spec": {"url": "/m" * 20_000}})
    store.close()
    content = database.read_bytes()
    # Behind the four bytes that lead to the next page.
    inside = content.index(b"/m" * 2_000) + PAGE
    page = inside - inside % PAGE
    database.write_bytes(content[: page + 4] + b"\0" * (PAGE - 4) + content[page + PAGE :])
    connection = sqlite3.connect(database)
    assert connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    connection.close()
    with pytest.raises(DatabaseDamaged, match="a row of resources holds no JSON"):
        SqlStore(f"sqlite:///{database}", clock)


def test_nothing_begins_in_its_place_until_somebody_chose(database: Path, clock: StandingClock) -> None:
    cut(database)
    url = f"sqlite:///{database}"
    for _ in range(3):
        with pytest.raises(DatabaseDamaged, match=r"gm\.db\.damaged-20261122T140000Z"):
            SqlStore(url, clock)
    assert not database.exists()
    database.with_name("gm.db.damaged-20261122T140000Z").unlink()
    store = SqlStore(url, clock)
    assert store.list("Model").items == []
    store.close()


def log_of_writes(database: Path) -> None:
    database.with_name("gm.db-wal").write_bytes(b"\0" * 32)


def audit_log(database: Path) -> None:
    database.with_name("audit.log").write_text("{}\n")


def artifacts(database: Path) -> None:
    folder = database.with_name("artifacts") / "blobs"
    folder.mkdir(parents=True)
    (folder / "blob").touch()


def backup_of_before(database: Path) -> None:
    other = database.with_name("elsewhere.db")
    open_engine(f"sqlite:///{other}").dispose()
    (database.parent / "backups").mkdir()
    other.rename(database.parent / "backups" / "monday.db")


def empty_database_file(database: Path) -> None:
    """Pages of SQLite, and no table in them."""
    database.unlink()
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    assert database.stat().st_size


@pytest.mark.parametrize("harm", [lambda database: os.truncate(database, 0), empty_database_file], ids=["0", "bare"])
def test_a_database_that_was_emptied_does_not_start_as_a_new_one_without_credentials(
    harm: Any, database: Path, clock: StandingClock
) -> None:
    harm(database)
    url = f"sqlite:///{database}"
    with pytest.raises(DatabaseDamaged, match="in use before"):
        SqlCredentials(url)
    for _ in range(2):
        with pytest.raises(DatabaseDamaged, match=r"gm\.db\.damaged-20261122T140000Z.*sedna-gm restore"):
            SqlStore(url, clock)
    assert not database.exists()


@pytest.mark.parametrize("trace", [log_of_writes, audit_log, artifacts, backup_of_before])
def test_an_empty_file_is_damage_where_anything_tells_of_an_earlier_life(
    trace: Any, tmp_path: Path, clock: StandingClock
) -> None:
    database = tmp_path / "gm.db"
    database.touch()
    trace(database)
    with pytest.raises(DatabaseDamaged, match="in use before"):
        SqlStore(f"sqlite:///{database}", clock)


def test_an_empty_file_that_an_operator_has_made_or_a_cut_first_start_left_is_a_beginning(
    tmp_path: Path, clock: StandingClock
) -> None:
    for number, left in enumerate(((), ("gm.db.lock",), ("gm.db.lock", "audit.log"))):
        folder = tmp_path / str(number)
        (folder / "artifacts").mkdir(parents=True)
        for name in ("gm.db", *left):
            (folder / name).touch()
        store = SqlStore(f"sqlite:///{folder / 'gm.db'}", clock)
        store.create(model(1))
        store.close()


def test_a_backup_is_named_and_brings_it_back(database: Path, clock: StandingClock) -> None:
    url = f"sqlite:///{database}"
    back_up(url, database.with_name("backup-1.db"))
    overwrite(database)
    with pytest.raises(DatabaseDamaged, match=r"newest one found here is .*backup-1\.db"):
        SqlStore(url, clock)
    restore(url, database.with_name("backup-1.db"), clock())
    store = SqlStore(url, clock)
    assert len(store.list("Model").items) == 40
    store.close()


def test_after_an_accident_that_left_no_credentials_those_of_the_backup_count(
    database: Path, clock: StandingClock
) -> None:
    """As docs/howto/operating.md says: what was revoked since has to be revoked again."""
    url, token = f"sqlite:///{database}", make_token()
    credentials = SqlCredentials(url)
    credentials.add(
        Credential(id_of(token), sha256_of(token), "person", "ann", "2026-11-22T14:00:00Z", "admin", ("*",))
    )
    back_up(url, database.with_name("backup-1.db"))
    credentials.revoke(lambda one: one.name == "ann", "2026-11-22T14:00:00Z")
    credentials.close()
    os.truncate(database, 0)
    restore(url, database.with_name("backup-1.db"), clock())
    credentials = SqlCredentials(url)
    assert [one.state("2026-11-22T15:00:00Z") for one in credentials.all()] == ["good"]
    credentials.close()


def test_a_backup_is_of_the_same_store_and_a_fresh_one_is_another(database: Path, clock: StandingClock) -> None:
    url = f"sqlite:///{database}"
    store = SqlStore(url, clock)
    identity = store.identity
    store.close()
    back_up(url, database.with_name("backup-1.db"))
    database.unlink()
    fresh = SqlStore(url, clock)
    assert fresh.identity not in ("", identity)
    fresh.close()
    restore(url, database.with_name("backup-1.db"), clock())
    again = SqlStore(url, clock)
    assert again.identity == identity
    again.close()


def test_damage_that_shows_while_it_runs_is_remembered(database: Path, clock: StandingClock) -> None:
    store = SqlStore(f"sqlite:///{database}", clock)
    assert store.damage == ""
    with database.open("r+b") as file:
        file.seek(PAGE)
        file.write(os.urandom(database.stat().st_size - PAGE))
    # What SQLite still has in memory is whole.
    store._engine.dispose()
    with pytest.raises(StoreUnavailable):
        for number in range(40):
            store.get(key_of(model(number)))
    assert "damaged" in store.damage
    store.close()


def test_damage_that_only_credentials_meet_ends_the_service_like_any_other(
    database: Path, clock: StandingClock, tmp_path: Path
) -> None:
    """Every request would be an outage, and none would come as far as the store that notices."""
    token = make_token()
    credentials = SqlCredentials(f"sqlite:///{database}")
    credentials.add(Credential(id_of(token), sha256_of(token), "node", "edge-1", "2026-11-22T14:00:00Z"))
    credentials.close()
    with sqlite3.connect(database) as connection:
        roots = connection.execute("SELECT rootpage FROM sqlite_master WHERE tbl_name = 'credentials'").fetchall()
    connection.close()
    artifacts = ArtifactSettings(folder=str(tmp_path / "artifacts"))
    manager = build(Settings(database=f"sqlite:///{database}", artifacts=artifacts), clock)
    try:
        with database.open("r+b") as file:
            for (page,) in roots:
                file.seek((page - 1) * PAGE)
                file.write(b"\xff" * PAGE)
        # Nothing of it lies in a log or in SQLite's memory any more, as after hours of other work.
        manager.credentials._driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[attr-defined]
        manager.credentials._driver.execute("PRAGMA shrink_memory")  # type: ignore[attr-defined]
        assert manager.damage == ""
        answer = manager.app.test_client().get("/apis", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == StoreUnavailable.code
        assert manager.damage.startswith("The database is damaged")
    finally:
        manager.stop()
        manager.close()


def test_a_full_disk_or_a_lock_is_no_damage() -> None:
    assert is_damage(sqlite3.DatabaseError("database disk image is malformed"))
    for passing in (sqlite3.OperationalError("database or disk is full"), sqlite3.IntegrityError("x"), None):
        assert not is_damage(passing)


def test_the_service_does_not_start_and_need_not_be_started_again(tmp_path: Path, database: Path) -> None:
    overwrite(database)
    config = tmp_path / "gm.yml"
    config.write_text(f"{{listen: '127.0.0.1:0', database: 'sqlite:///{database}', auth: none}}")
    for _ in range(2):
        done = subprocess.run(
            [str(BIN / "sedna-gm"), "serve", "--config", str(config)], capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        assert done.returncode == os.EX_CONFIG, done.stderr
        assert "gm.db.damaged-" in done.stderr
    assert not database.exists()
