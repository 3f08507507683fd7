"""Opening the state of a node, and what happens when the file is damaged.

A node whose database cannot be read must still serve: the damaged file is set aside, never deleted, and the LC
starts afresh. It then learns its workers from the GM and from the runner, and its samples from the sample logs.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from datetime import datetime
from pathlib import Path

from sedna_lc.errors import StateDamaged
from sedna_lc.state.sqlite import NewerSchema, SqliteStore

logger = logging.getLogger(__name__)

DATABASE = "state.db"
_COMPANIONS = ("-wal", "-shm")


def open_store(folder: Path, now: datetime) -> SqliteStore:
    """Open (or make) the database in `folder`; a damaged one is set aside under a name with the time in it.

    Raises:
        StateDamaged: the file cannot be opened, nor a fresh one be made in its place; or a newer version of
            this program wrote it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / DATABASE
    _make_private(path)
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
    _make_private(path)
    try:
        return SqliteStore(path)
    except sqlite3.Error as error:
        raise StateDamaged(f"{path} was damaged, and no fresh one can be made: {error}.") from error


def _make_private(path: Path) -> None:
    """Let nobody else read what the manifests of all workers say; workers may look into the folder."""
    # Whoever opens it next says better what is in the way. Its log of writes gets the mode that it has.
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        for suffix in ("", *_COMPANIONS):
            one = path.with_name(path.name + suffix)
            if one.exists():
                one.chmod(0o600)


def _set_aside(path: Path, now: datetime) -> Path:
    mark = now.strftime("%Y%m%dT%H%M%S")
    aside = path.with_name(f"{path.name}.damaged-{mark}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{mark}-{number}")
    path.rename(aside)
    for suffix in _COMPANIONS:
        # Left behind, they would be replayed into the fresh database.
        companion = path.with_name(path.name + suffix)
        if companion.exists():
            companion.rename(aside.with_name(aside.name + suffix))
    return aside
