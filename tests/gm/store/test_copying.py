"""Backups of a database that is in use, and the way back."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sedna_gm.daemon.main import main
from sedna_gm.errors import Gone
from sedna_gm.store.credentials import Credential
from sedna_gm.store.interface import Key
from sedna_gm.store.sql.copying import CopyFailed, back_up
from sedna_gm.store.sql.credentials import SqlCredentials
from sedna_gm.store.sql.engines import DatabaseUnusable
from sedna_gm.store.sql.restoring import restore
from sedna_gm.store.sql.store import SqlStore

NOW = datetime(2026, 11, 22, 14, 25, 20, tzinfo=timezone.utc)


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'gm.db'}"


def opened(folder: Path) -> SqlStore:
    return SqlStore(url(folder), lambda: NOW)


def thing(name: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "sedna.io/v1alpha1", "kind": "Model", "metadata": metadata, "spec": {"url": f"/m/{name}"}}


def names(folder: Path) -> list[str]:
    store = opened(folder)
    try:
        return [one["metadata"]["name"] for one in store.list("Model").items]
    finally:
        store.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[SqlStore]:
    store = opened(tmp_path)
    store.create(thing("one"))
    yield store
    store.close()


def test_a_backup_is_taken_while_the_service_writes(tmp_path: Path, running: SqlStore) -> None:
    stop, written = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            running.create(thing(f"more-{number}"))
            written.set()
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert written.wait(30)
        counts = [back_up(url(tmp_path), tmp_path / f"backup-{number}") for number in range(3)]
    finally:
        stop.set()
        writer.join()
    assert counts == sorted(counts)
    assert counts[0] >= 2
    assert (tmp_path / "backup-0").stat().st_mode & 0o777 == 0o600
    # One file, whole: nothing of it lies in a log beside it, and no temporary is left.
    assert sorted(path.name for path in tmp_path.glob("*backup*")) == ["backup-0", "backup-1", "backup-2"]


def test_what_was_backed_up_comes_back_and_the_old_database_stays(tmp_path: Path, running: SqlStore) -> None:
    back_up(url(tmp_path), tmp_path / "backup")
    running.create(thing("two"))
    running.close()
    done = restore(url(tmp_path), tmp_path / "backup", NOW)
    assert names(tmp_path) == ["one"]
    assert done.resources == 1
    assert done.aside == tmp_path / "gm.db.before-restore-20261122T142520Z"
    (tmp_path / "again").mkdir()
    done.aside.rename(tmp_path / "again" / "gm.db")
    assert names(tmp_path / "again") == ["one", "two"]


def test_a_watcher_from_before_the_restore_is_told_to_list_again(tmp_path: Path, running: SqlStore) -> None:
    back_up(url(tmp_path), tmp_path / "backup")
    running.create(thing("two"))
    heard = running.revision()
    running.close()
    restore(url(tmp_path), tmp_path / "backup", NOW)
    store = opened(tmp_path)
    try:
        # Even once as many writes have come as there were before: no number names two states.
        for number in range(3):
            store.create(thing(f"new-{number}"))
        with pytest.raises(Gone):
            store.watch("Model", since=heard).wait(0)
    finally:
        store.close()


@pytest.mark.parametrize("readable", [True, False], ids=["a whole database", "a damaged one"])
def test_after_a_restore_no_worker_has_a_generation_that_its_node_has_seen_before(
    tmp_path: Path, running: SqlStore, readable: bool
) -> None:
    """A node may still tell of specs that came after the backup; nobody must take that for word about later ones."""

    def generation(store: SqlStore) -> int:
        return int(store.get(Key("Worker", "default", "w"))["metadata"]["generation"])

    running.create({**thing("w"), "kind": "Worker"})
    back_up(url(tmp_path), tmp_path / "backup")
    for number in range(30):
        running.update({**running.get(Key("Worker", "default", "w")), "spec": {"url": f"/m/{number}"}})
    seen = generation(running)
    assert seen == 31
    running.close()
    if not readable:
        (tmp_path / "gm.db").write_bytes(b"rubbish" * 1000)
    restore(url(tmp_path), tmp_path / "backup", NOW)
    store = opened(tmp_path)
    try:
        assert generation(store) > seen
        assert store.get(Key("Worker", "default", "w"))["spec"] == {"url": "/m/w"}
        # What users write counts as they have counted it: nobody edited it.
        assert store.get(Key("Model", "default", "one"))["metadata"]["generation"] == 1
    finally:
        store.close()


def test_a_backup_with_a_worker_that_cannot_be_read_changes_nothing(tmp_path: Path, running: SqlStore) -> None:
    running.create({**thing("w"), "kind": "Worker"})
    back_up(url(tmp_path), tmp_path / "backup")
    running.close()
    with sqlite3.connect(tmp_path / "backup") as backup:
        backup.execute("UPDATE resources SET body = '{' WHERE kind = 'Worker'")
    backup.close()
    with pytest.raises(CopyFailed, match="default/w"):
        restore(url(tmp_path), tmp_path / "backup", NOW)
    assert names(tmp_path) == ["one"]


def test_artifacts_are_made_anew_since_their_content_is_in_no_backup(tmp_path: Path, running: SqlStore) -> None:
    running.create({**thing("a"), "kind": "Artifact", "status": {"phase": "Ready"}})
    back_up(url(tmp_path), tmp_path / "backup")
    running.close()
    restore(url(tmp_path), tmp_path / "backup", NOW)
    store = opened(tmp_path)
    try:
        assert store.list("Artifact").items == []
    finally:
        store.close()
    assert names(tmp_path) == ["one"]


def test_a_restore_neither_brings_back_what_was_revoked_nor_locks_out_who_has_joined_since(
    tmp_path: Path, running: SqlStore
) -> None:
    def access() -> dict[str, str]:
        credentials = SqlCredentials(url(tmp_path))
        try:
            return {one.id: one.state("2026-11-22T15:00:00Z") for one in credentials.all()}
        finally:
            credentials.close()

    credentials = SqlCredentials(url(tmp_path))
    credentials.add(Credential("thiefs-key", "0" * 64, "node", "edge", "2026-11-22T14:00:00Z"))
    back_up(url(tmp_path), tmp_path / "backup")
    credentials.revoke(lambda one: True, "2026-11-22T14:10:00Z")
    credentials.add(Credential("joined-since", "1" * 64, "node", "edge", "2026-11-22T14:20:00Z"))
    credentials.close()
    running.close()
    restore(url(tmp_path), tmp_path / "backup", NOW)
    assert access() == {"thiefs-key": "revoked", "joined-since": "good"}
    # Where the present database cannot tell, the backup's count.
    (tmp_path / "gm.db").write_bytes(b"rubbish" * 1000)
    restore(url(tmp_path), tmp_path / "backup", NOW.replace(second=21))
    assert access() == {"thiefs-key": "good"}


def test_a_restore_while_the_service_runs_is_refused(tmp_path: Path, running: SqlStore) -> None:
    back_up(url(tmp_path), tmp_path / "backup")
    with pytest.raises(DatabaseUnusable, match="in use"):
        restore(url(tmp_path), tmp_path / "backup", NOW)
    assert running.get(Key("Model", "default", "one"))


def test_a_restore_onto_a_host_that_has_nothing(tmp_path: Path, running: SqlStore) -> None:
    back_up(url(tmp_path), tmp_path / "backup")
    done = restore(url(tmp_path / "new"), tmp_path / "backup", NOW)
    assert done.aside is None
    assert names(tmp_path / "new") == ["one"]


def test_a_restore_over_a_database_that_is_damaged_keeps_that_too(tmp_path: Path, running: SqlStore) -> None:
    back_up(url(tmp_path), tmp_path / "backup")
    last = running.revision()
    running.close()
    (tmp_path / "gm.db").write_bytes(b"no longer a database")
    done = restore(url(tmp_path), tmp_path / "backup", NOW)
    assert names(tmp_path) == ["one"]
    assert done.aside is not None
    assert done.aside.read_bytes() == b"no longer a database"
    store = opened(tmp_path)
    try:
        assert store.revision() > last + 1_000_000
    finally:
        store.close()


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\0" + b"x" * 4096])
def test_a_file_that_is_no_backup_changes_nothing(tmp_path: Path, running: SqlStore, content: bytes) -> None:
    running.close()
    (tmp_path / "backup").write_bytes(content)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(CopyFailed):
        restore(url(tmp_path), tmp_path / "backup", NOW)
    assert sorted(tmp_path.iterdir()) == before
    assert names(tmp_path) == ["one"]


def test_a_backup_of_a_newer_version_is_refused(tmp_path: Path, running: SqlStore) -> None:
    back_up(url(tmp_path), tmp_path / "backup")
    running.close()
    with sqlite3.connect(tmp_path / "backup") as connection:
        connection.execute("INSERT INTO migrations VALUES (9999, '9999_future.sql')")
    connection.close()
    with pytest.raises(CopyFailed, match="9999_future"):
        restore(url(tmp_path), tmp_path / "backup", NOW)
    assert names(tmp_path) == ["one"]


def test_a_backup_replaces_no_file(tmp_path: Path, running: SqlStore) -> None:
    (tmp_path / "backup").write_text("mine")
    with pytest.raises(CopyFailed, match="exists already"):
        back_up(url(tmp_path), tmp_path / "backup")
    assert (tmp_path / "backup").read_text() == "mine"


def test_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(CopyFailed, match="There is no database"):
        back_up(url(tmp_path), tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_restores_belongs_to_the_service(tmp_path: Path, running: SqlStore) -> None:
    back_up(url(tmp_path), tmp_path / "backup")
    running.close()
    new = tmp_path / "new"
    new.mkdir()
    os.chown(new, 1234, 2345)
    restore(url(new), tmp_path / "backup", NOW)
    owners = {path.name: (path.stat().st_uid, path.stat().st_gid) for path in new.iterdir()}
    assert owners == {"gm.db": (1234, 2345), "gm.db.lock": (1234, 2345)}


@pytest.mark.parametrize("make", [os.symlink, os.link])
def test_what_lies_behind_a_link_in_the_services_folder_is_never_given_away(
    tmp_path: Path, running: SqlStore, make: Callable[[Path, Path], None]
) -> None:
    """The folder is the service's: whoever has taken it over waits for root to restore."""
    back_up(url(tmp_path), tmp_path / "backup")
    running.close()
    (tmp_path / "shadow").write_text("root's")
    before = (tmp_path / "shadow").stat()
    new = tmp_path / "new"
    new.mkdir()
    if os.geteuid() == 0:
        os.chown(new, 1234, 2345)
    make(tmp_path / "shadow", new / "gm.db.lock")
    with pytest.raises(DatabaseUnusable, match=r"gm\.db\.lock is a link, or no file"):
        restore(url(new), tmp_path / "backup", NOW)
    after = (tmp_path / "shadow").stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    assert [path.name for path in new.iterdir()] == ["gm.db.lock"]


def test_a_link_in_the_databases_place_is_not_followed(tmp_path: Path, running: SqlStore) -> None:
    back_up(url(tmp_path), tmp_path / "backup")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "gm.db").symlink_to(tmp_path / "backup")
    with pytest.raises(CopyFailed, match=r"gm\.db is a link"):
        restore(url(tmp_path / "new"), tmp_path / "backup", NOW)
    assert (tmp_path / "new" / "gm.db").is_symlink()


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
def test_a_lock_that_is_no_file_holds_up_nobody(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "gm.db.lock")
    with pytest.raises(DatabaseUnusable, match=r"gm\.db\.lock"):
        opened(tmp_path)


def test_the_commands_say_what_they_did_and_what_to_do(tmp_path: Path, running: SqlStore) -> None:
    config = tmp_path / "gm.yml"
    config.write_text(f"database: {url(tmp_path)}\n")
    arguments = [str(tmp_path / "backup"), "--config", str(config)]
    made = CliRunner().invoke(main, ["backup", *arguments])
    assert (made.exit_code, made.output) == (0, f"{tmp_path / 'backup'}: 1 resources.\n")
    waits = CliRunner().invoke(main, ["restore", *arguments, "--timeout", "0"])
    assert waits.exit_code == 0
    assert f"waits as {tmp_path / 'gm.db.restore'}; the GlobalManager takes it in" in waits.output
    ignored = CliRunner().invoke(main, ["restore", *arguments, "--timeout", "0.1"])
    assert ignored.exit_code == 1
    assert "Whenever sedna-gm is started next, it does: systemctl restart sedna-gm" in ignored.output
    assert not (tmp_path / "gm.db.restore-answer").exists()
    running.close()
    done = CliRunner().invoke(main, ["restore", *arguments])
    assert done.exit_code == 0
    assert "1 resources restored" in done.output
    assert "gm.db.before-restore-" in done.output


def test_what_is_only_in_memory_cannot_be_backed_up(tmp_path: Path) -> None:
    config = tmp_path / "gm.yml"
    config.write_text("auth: none\ndatabase: memory\n")
    done = CliRunner().invoke(main, ["backup", str(tmp_path / "backup"), "--config", str(config)])
    assert done.exit_code == 1
    assert "is not a file" in done.output
