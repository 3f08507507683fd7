"""The backups that the service makes by itself: one folder of numbered copies of the database, so many and no more.

`sedna_gm.daemon.backing_up` says when. The numbers tell which is newer, since clocks are set back now and then.
"""

from __future__ import annotations

import contextlib
import logging
import re
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import quote

from sedna.common.publishing import sync_folder
from sedna_gm.store.sql.copying import CopyFailed, back_up, path_of

logger = logging.getLogger(__name__)

_NAME = re.compile(r"gm-(?P<number>\d{4,9})-(?P<time>\d{8}T\d{6}Z)\.db")
# What a copy that was killed has left; nobody else makes copies of these names.
_LEFTOVER = re.compile(rf"\.{_NAME.pattern}\.[0-9a-f]{{8}}\.new(-journal|-wal|-shm)?")
_TIME = "%Y%m%dT%H%M%SZ"
# So much of the disk stays free, and as much as the database has besides: it has to grow, and copies have not.
RESERVE_BYTES = 64 * 1024 * 1024
_COUNTS = (
    "SELECT (SELECT value FROM revisions WHERE id = 1), (SELECT count(*) FROM credentials), "
    "(SELECT count(revoked) FROM credentials)"
)


@dataclass(frozen=True)
class Mark:
    """How far a database has come: whoever finds the same one again has nothing new to copy."""

    revision: int
    credentials: int
    revoked: int


@dataclass(frozen=True)
class Held:
    """A backup in the folder."""

    number: int
    path: Path


@dataclass(frozen=True)
class Described:
    """What a backup stands for: when it was made, and how much was there then."""

    path: Path
    made: datetime
    resources: int
    rounds: int


def held(folder: Path) -> list[Held]:
    """The backups of the service in a folder, oldest first; none where there is no folder."""
    if not folder.is_dir():
        return []
    found = [(match, path) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name)) and path.is_file()]
    return sorted((Held(int(match["number"]), path) for match, path in found), key=lambda one: one.number)


def superfluous(there: Sequence[Held], keep: int) -> Sequence[Held]:
    """Those that go, so that the newest `keep` stay."""
    return there[: max(len(there) - keep, 0)]


def mark_of(path: Path) -> Mark | None:
    """How far a database has come; None when it cannot tell."""
    try:
        with _reading(path) as connection:
            return Mark(*map(int, connection.execute(_COUNTS).fetchone()))
    except (sqlite3.Error, TypeError):
        return None


def describe(path: Path) -> Described | None:
    """What a backup stands for; None where it is damaged, or no GlobalManager's."""
    try:
        with _reading(path) as connection:
            if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                return None
            (resources,) = connection.execute("SELECT count(*) FROM resources").fetchone()
            (rounds,) = connection.execute("SELECT count(*) FROM rounds").fetchone()
        return Described(path, datetime.fromtimestamp(path.stat().st_mtime, timezone.utc), resources, rounds)
    except (sqlite3.Error, OSError, TypeError):
        return None


def make_if_changed(url: str, folder: Path, keep: int, now: datetime) -> Path | None:
    """Copy the database where it has changed since the newest backup; None where not. Raises CopyFailed."""
    present = mark_of(path_of(url))
    if present is not None and not (present.revision or present.credentials):
        # Nobody has been here yet.
        return None
    there = held(folder)
    if present is not None and there and mark_of(there[-1].path) == present:
        return None
    return make(url, folder, keep, now)


def make_anyway(url: str, folder: Path, keep: int, now: datetime, *, reserve: int = RESERVE_BYTES) -> None:
    """Copy the database before it is rewritten; where that cannot be done it is said, and nothing else."""
    try:
        path = make(url, folder, keep, now, reserve=reserve)
    except CopyFailed as error:
        logger.error("No backup was made before the upgrade of the database: %s", error)  # noqa: TRY400 - no bug of ours
        return
    logger.info("The database of before the upgrade is kept as %s.", path)


def make(url: str, folder: Path, keep: int, now: datetime, *, reserve: int = RESERVE_BYTES) -> Path:
    """Copy the database into the folder, and remove what is more than `keep` there.

    Raises CopyFailed, also where fewer than `reserve` bytes would stay free.
    """
    database = path_of(url)
    try:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True)
            sync_folder(folder.parent)
        _remove_leftovers(folder)
        _look_for_room(database, folder, reserve)
        there = held(folder)
        number = there[-1].number + 1 if there else 1
        path = folder / f"gm-{number:04}-{now:{_TIME}}.db"
        back_up(url, path)
        for old in superfluous(held(folder), keep):
            old.path.unlink(missing_ok=True)
    except OSError as error:
        raise CopyFailed(f"A backup cannot be made in {folder}: {error.strerror}.") from error
    return path


def _remove_leftovers(folder: Path) -> None:
    for path in folder.iterdir():
        if _LEFTOVER.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _look_for_room(database: Path, folder: Path, reserve: int) -> None:
    size = sum(path.stat().st_size for path in (database, database.with_name(f"{database.name}-wal")) if path.exists())
    free, needed = shutil.disk_usage(folder).free, 2 * size + reserve
    if free < needed:
        raise CopyFailed(
            f"A backup in {folder} would leave too little room: {needed} bytes free are needed, of {free}."
        )


def _reading(path: Path) -> contextlib.closing[sqlite3.Connection]:
    """A connection that changes nothing, not even a log of writes beside the file."""
    return contextlib.closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=10))
