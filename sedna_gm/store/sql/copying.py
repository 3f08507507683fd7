"""The database to a file: what `sedna-gm backup` does, and the steps that `sedna_gm.store.sql.restoring` shares.

A backup is one SQLite file, taken through SQLite's own online copy while the service writes on, and every page of it
is checked before it has its name.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import make_url

from sedna.common.faults import reached
from sedna.common.publishing import sync_folder

# How long to wait for a writer's lock; a write of the service takes milliseconds.
_LOCK_WAIT_SECONDS = 10.0


class CopyFailed(Exception):
    """The backup or restore was not done, and everything is as before; the message says why and what to do."""


def back_up(url: str, file: Path) -> int:
    """Copy the database to a new file, readable by its owner only; return how many resources it holds.

    Raises CopyFailed.
    """
    database = path_of(url)
    if not database.is_file():
        raise CopyFailed(f"There is no database at {database}.")
    if file.exists():
        raise CopyFailed(f"{file} exists already; a backup replaces nothing. Choose another name.")
    with temporary(file) as unfinished, said(f"The backup {file} cannot be made"):
        copy(database, unfinished)
        count = check(unfinished)
        reached("gm.backup.publish.before")
        unfinished.rename(file)
        sync_folder(file.absolute().parent)
    return count


def path_of(url: str) -> Path:
    """The file that a database's URL names. Raises CopyFailed."""
    database = make_url(url).database if url.startswith("sqlite:") else None
    if not database:
        raise CopyFailed(f"The database {url} is not a file.")
    return Path(database)


@contextlib.contextmanager
def said(what: str) -> Iterator[None]:
    """Inside, what the disk or SQLite cannot do is CopyFailed, and begins with `what`."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise CopyFailed(f"{what}: {error}.") from error


@contextlib.contextmanager
def temporary(beside: Path) -> Iterator[Path]:
    """A name beside the final one, as a rename is atomic within one filesystem only. Gone in the end."""
    path = beside.absolute().with_name(f".{beside.name}.{secrets.token_hex(4)}.new")
    try:
        yield path
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)


def opened(path: Path) -> contextlib.closing[sqlite3.Connection]:
    """A connection of this process alone, which begins no transaction by itself."""
    # Not read-only: to read a database in WAL mode, SQLite has to write its index of the log.
    connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=rw", uri=True, timeout=_LOCK_WAIT_SECONDS)
    connection.isolation_level = None
    return contextlib.closing(connection)


def copy(source: Path, target: Path) -> None:
    """All of it in one step: in WAL mode that holds up no writer, and in several steps it might never end."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with opened(source) as reading, opened(target) as writing:
        reading.backup(writing)
    settle(target)


def settle(path: Path) -> None:
    """Make the file alone the whole database, and have it on the disk."""
    with opened(path) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    with path.open("rb") as file:
        os.fsync(file.fileno())


def check(path: Path) -> int:
    """Look at every page; return how many resources there are. Raises CopyFailed."""
    with opened(path) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise CopyFailed(f"The database is damaged: {verdict}.")
        try:
            connection.execute("SELECT value FROM revisions WHERE id = 1").fetchone()
            return int(connection.execute("SELECT count(*) FROM resources").fetchone()[0])
        except sqlite3.OperationalError as error:
            raise CopyFailed(f"This is no database of a GlobalManager: {error}.") from None
