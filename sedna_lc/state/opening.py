"""Opening the state of a node, and what happens when the file is damaged.

A node whose database cannot be read must still serve: the damaged file is set aside, never deleted, and the LC
starts afresh. It then learns its workers from the GM and from the runner, and its samples from the sample logs.
"""

from __future__ import annotations

import logging
import sqlite3
from datetime import datetime
from pathlib import Path

from sedna_lc.errors import StateDamaged
from sedna_lc.state.sqlite import NewerSchema, SqliteStore

logger = logging.getLogger(__name__)

DATABASE = "state.db"


def open_store(folder: Path, now: datetime) -> SqliteStore:
    """Open (or make) the database in `folder`; a damaged one is set aside under a name with the time in it.

    Raises:
        StateDamaged: the file cannot be opened, nor a fresh one be made in its place; or a newer version of
            this program wrote it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / DATABASE
    try:
        return SqliteStore(path)
    except NewerSchema as error:
        raise StateDamaged(
            f"{path} was written by a newer version of sedna-lc ({error}): install that version again."
        ) from error
    except sqlite3.OperationalError as error:
        # Locked, not permitted, disk full: the file may be whole, so it is not taken out of the way.
        raise StateDamaged(f"{path} cannot be opened: {error}.") from error
    except sqlite3.DatabaseError as error:
        damage = str(error)
    aside = _set_aside(path, now)
    logger.error("The state in %s is damaged (%s): it is kept as %s, and a fresh one begins.", path, damage, aside)
    try:
        return SqliteStore(path)
    except sqlite3.Error as error:
        raise StateDamaged(f"{path} was damaged, and no fresh one can be made: {error}.") from error


def _set_aside(path: Path, now: datetime) -> Path:
    mark = now.strftime("%Y%m%dT%H%M%S")
    aside = path.with_name(f"{path.name}.damaged-{mark}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{mark}-{number}")
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        # Left behind, they would be replayed into the fresh database.
        companion = path.with_name(path.name + suffix)
        if companion.exists():
            companion.rename(aside.with_name(aside.name + suffix))
    return aside
