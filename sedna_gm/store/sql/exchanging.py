"""One database in the place of another: the one of before gets a second name, the new one its first name.

At each moment one of them has the name that the service opens, whole, and with no other one's log of writes beside it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from datetime import datetime
from pathlib import Path

from sedna.common.faults import reached
from sedna.common.publishing import sync_folder
from sedna_gm.store.sql.copying import CopyFailed, opened, settle

_PARTS = ("-wal", "-shm")


def exchange(new: Path, database: Path, now: datetime) -> Path | None:
    """Set the present database aside and put a new one in its place; return where the one of before is.

    Raises CopyFailed, OSError or sqlite3.Error, and the database is where it was.
    """
    aside = _set_aside(database, now)
    # A log of writes that a power cut brings back would be written into the new database.
    sync_folder(database.parent)
    reached("gm.restore.aside.after")
    new.replace(database)
    sync_folder(database.parent)
    reached("gm.restore.take.after")
    return aside


def _set_aside(database: Path, now: datetime) -> Path | None:
    """Give the present database a second name; its first one is replaced right after, so there is always one."""
    if not database.exists():
        return None
    _put_log_into(database)
    # Also where an earlier exchange was cut off: the database may have been written to since, and has a log again.
    before = aside_of(database, number_of(database))
    aside = before or _free(database.with_name(f"{database.name}.before-restore-{now:%Y%m%dT%H%M%SZ}"))
    # The parts before the name: what has its second name needs nothing from the present database any more.
    for suffix in _PARTS:
        part = database.with_name(database.name + suffix)
        if part.exists():
            part.rename(_free(aside.with_name(aside.name + suffix)))
    if before is None:
        os.link(database, aside)
    return aside


def _free(wanted: Path) -> Path:
    """A name that nothing has yet."""
    path, number = wanted, 1
    while os.path.lexists(path):
        number += 1
        path = wanted.with_name(f"{wanted.name}-{number}")
    return path


def _put_log_into(database: Path) -> None:
    """Have the file alone be the whole database; what is damaged stays in its parts, which go aside together.

    Raises CopyFailed while somebody reads on: without its log, the database of before would not be whole.
    """
    try:
        with opened(database) as connection:
            (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.DatabaseError as error:
        if type(error) is sqlite3.DatabaseError:
            return
        raise
    if busy:
        raise CopyFailed(f"{database} is in use by another program, such as `sedna-gm backup`; try again.")
    with contextlib.suppress(sqlite3.OperationalError):
        settle(database)


def aside_of(database: Path, file: int | None) -> Path | None:
    """The second name of a database that a restore has set aside, or begun to."""
    if file is None:
        return None
    found = database.parent.glob(f"{database.name}.before-restore-*")
    return next((path for path in found if number_of(path) == file), None)


def number_of(path: Path) -> int | None:
    """Which file a name stands for; None for none."""
    try:
        return path.lstat().st_ino
    except FileNotFoundError:
        return None
