"""The database to a file and back: what `sedna-gm backup` and `sedna-gm restore` do.

A backup is one SQLite file, taken through SQLite's own online copy while the service writes on. A restore puts such a
file in the database's place in one step and keeps the old one beside it. Both check every page before they are done.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import make_url

from sedna.common.publishing import sync_folder
from sedna_gm.store.sql.engines import DatabaseUnusable, open_engine
from sedna_gm.store.sql.locking import DatabaseLock, give, is_plain

# How long to wait for a writer's lock; a write of the service takes milliseconds.
_LOCK_WAIT_SECONDS = 10.0
# What is added to the highest number known, so that no resourceVersion names two states: watchers who hold one from
# before the restore are told to list again. Much larger where the old database cannot tell how far it had come.
_STRIDE = 1_000
_BLIND_STRIDE = 1_000_000_000

_CREDENTIAL = ("id", "sha256", "kind", "name", "role", "namespaces", "created", "expires", "revoked", "used", "gave")


class CopyFailed(Exception):
    """The backup or restore was not done, and everything is as before; the message says why and what to do."""


@dataclass(frozen=True)
class Restored:
    """What a restore has done. `aside` is where the database of before is now; None when there was none."""

    resources: int
    aside: Path | None


def back_up(url: str, file: Path) -> int:
    """Copy the database to a new file, readable by its owner only; return how many resources it holds.

    Raises CopyFailed.
    """
    database = _path_of(url)
    if not database.is_file():
        raise CopyFailed(f"There is no database at {database}.")
    if file.exists():
        raise CopyFailed(f"{file} exists already; a backup replaces nothing. Choose another name.")
    with _temporary(file) as copy, _said(f"The backup {file} cannot be made"):
        _copy(database, copy)
        count = _check(copy)
        copy.rename(file)
        sync_folder(file.absolute().parent)
    return count


def restore(url: str, file: Path, now: datetime) -> Restored:
    """Put a backup in the database's place. Raises CopyFailed, or DatabaseUnusable while the service runs."""
    database = _path_of(url)
    if not file.is_file():
        raise CopyFailed(f"There is no backup at {file}.")
    if database.is_symlink():
        raise CopyFailed(f"{database} is a link, and a restore follows none. Name the file itself as `database`.")
    with _said(f"The database {database} cannot be restored"):
        database.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    lock = DatabaseLock(database)
    try:
        with _temporary(database) as copy, _said(f"The backup {file} cannot be restored"):
            _copy(file, copy)
            count = _check(copy)
            # Brings an older one up to date, and refuses one of a newer version.
            _bring_up_to_date(copy)
            _begin_anew(copy, _last_revision(database))
            _keep_credentials(copy, database)
            _hand_over(database, copy, lock)
            aside = _set_aside(database, now)
            copy.replace(database)
            sync_folder(database.parent)
        return Restored(count, aside)
    finally:
        lock.release()


def _path_of(url: str) -> Path:
    database = make_url(url).database if url.startswith("sqlite:") else None
    if not database:
        raise CopyFailed(f"The database {url} is not a file.")
    return Path(database)


@contextlib.contextmanager
def _said(what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise CopyFailed(f"{what}: {error}.") from error


@contextlib.contextmanager
def _temporary(beside: Path) -> Iterator[Path]:
    """A name beside the final one, as a rename is atomic within one filesystem only. Gone in the end."""
    path = beside.absolute().with_name(f".{beside.name}.{secrets.token_hex(4)}.new")
    try:
        yield path
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)


def _open(path: Path) -> contextlib.closing[sqlite3.Connection]:
    # Not read-only: to read a database in WAL mode, SQLite has to write its index of the log.
    connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=rw", uri=True, timeout=_LOCK_WAIT_SECONDS)
    connection.isolation_level = None
    return contextlib.closing(connection)


def _copy(source: Path, target: Path) -> None:
    """All of it in one step: in WAL mode that holds up no writer, and in several steps it might never end."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with _open(source) as reading, _open(target) as writing:
        reading.backup(writing)
    _settle(target)


def _settle(path: Path) -> None:
    """Make the file alone the whole database, and have it on the disk."""
    with _open(path) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _check(path: Path) -> int:
    with _open(path) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise CopyFailed(f"The database is damaged: {verdict}.")
        try:
            connection.execute("SELECT value FROM revisions WHERE id = 1").fetchone()
            return int(connection.execute("SELECT count(*) FROM resources").fetchone()[0])
        except sqlite3.OperationalError as error:
            raise CopyFailed(f"This is no database of a GlobalManager: {error}.") from None


def _bring_up_to_date(copy: Path) -> None:
    try:
        open_engine(f"sqlite:///{copy}").dispose()
    except DatabaseUnusable as error:
        raise CopyFailed(f"The backup cannot be used: {error}") from error


def _last_revision(database: Path) -> int | None:
    """The last number that the present database has given; None when it cannot tell."""
    if not database.exists():
        return None
    try:
        with _open(database) as connection:
            return int(connection.execute("SELECT value FROM revisions WHERE id = 1").fetchone()[0])
    except (sqlite3.Error, TypeError):
        # Damaged, which may be why somebody restores; it is set aside as it is.
        return None


def _begin_anew(copy: Path, last: int | None) -> None:
    stride = _BLIND_STRIDE if last is None else _STRIDE
    with _open(copy) as connection:
        connection.execute("UPDATE revisions SET value = max(value, ?) + ? WHERE id = 1", (last or 0, stride))
        # They say what lies in the store of artifacts, and that is not in a backup. Their controllers make those that
        # are needed anew, and their nodes send again what is not there.
        connection.execute("DELETE FROM resources WHERE kind = 'Artifact'")
    _settle(copy)


def _keep_credentials(copy: Path, database: Path) -> None:
    """Those of the present database stay, where it can still be read: a backup must neither bring back what was
    revoked since, nor lock out who has joined since."""
    if not database.exists():
        return
    try:
        with _open(database) as present:
            found = present.execute(f"SELECT {', '.join(_CREDENTIAL)} FROM credentials").fetchall()  # noqa: S608
    except sqlite3.Error:
        return
    places = ", ".join("?" for _ in _CREDENTIAL)
    with _open(copy) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM credentials")
        insert = f"INSERT INTO credentials ({', '.join(_CREDENTIAL)}) VALUES ({places})"  # noqa: S608 - our own names
        connection.executemany(insert, found)
        connection.execute("COMMIT")
    _settle(copy)


def _hand_over(database: Path, copy: Path, lock: DatabaseLock) -> None:
    """Give the new files to whom the old one belongs, or the folder: root may restore what the service's user reads.

    Never by a name alone: in its folder that user may have put a link in a file's place, to what is not its own.
    """
    owner = os.lstat(database) if database.exists() else database.parent.stat()
    file = os.open(copy, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not is_plain(file):
            raise CopyFailed(f"Somebody has put something else in the place of {copy}.")
        give(file, owner.st_uid, owner.st_gid)
    finally:
        os.close(file)
    lock.give_to(owner.st_uid, owner.st_gid)


def _set_aside(database: Path, now: datetime) -> Path | None:
    """Give the present database a second name; its first one is replaced right after, so there is always one."""
    if not database.exists():
        return None
    with contextlib.suppress(sqlite3.Error):
        # What is damaged stays in its parts, which go aside together.
        _settle(database)
    stem = f"{database.name}.before-restore-{now:%Y%m%dT%H%M%SZ}"
    aside = database.with_name(stem)
    os.link(database, aside)
    for suffix in ("-wal", "-shm"):
        part = database.with_name(database.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside
