"""A database that SQLite cannot read any more: noticed, set aside under a name that is told, and never begun anew.

A GlobalManager that came up empty after a disk's accident would look healthy, and have forgotten every job. So it does
not come up: `sedna_gm.store.sql.store` refuses until a person has chosen, and the sentence names the choices.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sedna.common.publishing import sync_folder
from sedna_gm.store.sql.backups import Described, describe
from sedna_gm.store.sql.engines import DatabaseUnusable

_MARK = ".damaged-"
_BEFORE = ".before-restore-"
_MAGIC = b"SQLite format 3\x00"
_PARTS = ("-wal", "-shm")
# Every database of ours has it from its first step on.
_TABLE = "migrations"
# Each document as the bytes that lie there, of the tables that a database may not have from its first step on.
_DOCUMENTS = {
    "resources": "SELECT CAST(body AS BLOB) FROM resources",
    "rounds": "SELECT CAST(body AS BLOB) FROM rounds",
}
_EMPTIED = "nothing is in it, although it was in use before: {}"


class DatabaseDamaged(DatabaseUnusable):
    """What is on the disk is no whole database; the message says where it is kept, and what can be done."""


def is_damage(error: BaseException | None) -> bool:
    """Whether the driver calls the file itself bad. A lock, a full disk, a missing right are its subclasses."""
    return type(error) is sqlite3.DatabaseError


def words_for(error: BaseException | None) -> str:
    """What an operator is told when the file turns out to be damaged while it is in use; "" for all other errors."""
    return f"The database is damaged: {error}." if is_damage(error) else ""


def check(database: Path) -> None:
    """Look at every page of an existing database. Raises DatabaseDamaged."""
    if not database.is_file():
        return
    # First of all: SQLite takes no bytes at all for a whole database, and removes the log of writes beside them.
    if words := emptied(database):
        raise DatabaseDamaged(words)
    # Not for writing: what is damaged is kept as it is, its log of writes included.
    connection = sqlite3.connect(database, timeout=10)
    try:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict == "ok":
            verdict = _documents(connection)
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            raise DatabaseDamaged(str(error)) from error
        return
    finally:
        connection.close()
    if verdict != "ok":
        raise DatabaseDamaged(str(verdict))


def _documents(connection: sqlite3.Connection) -> str:
    """ "ok", or which document is none any more: SQLite looks at the order of pages, not at what a long text says."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table in tables & _DOCUMENTS.keys():
        for (document,) in connection.execute(_DOCUMENTS[table]):
            try:
                json.loads(document)
            except ValueError as error:
                return f"a row of {table} holds no JSON: {error}"
    return "ok"


def emptied(database: Path) -> str:
    """Why a file without anything of ours is what an accident has left, no first start; "" where it may be one.

    SQLite calls such a file whole. An operator may have made it, or a first start that was cut off, so it counts as
    damaged only where something tells of an earlier life. Those words go with it.
    """
    if not database.is_file():
        return ""
    size = database.stat().st_size
    if size and _has_tables(database):
        return ""
    trace = _trace(database, emptied=size == 0)
    return _EMPTIED.format(trace) if trace else ""


def _trace(database: Path, *, emptied: bool) -> str:
    """What tells that a database with something in it was here; "" when nothing does."""
    folder = database.parent
    log = database.with_name(f"{database.name}-wal")
    # A first start writes the first page of its file before it begins a log beside it.
    if emptied and _holds_bytes(log):
        return f"{log} is its log of writes"
    # The service marks its lock file when it has opened a database.
    for path in (database.with_name(f"{database.name}.lock"), folder / "audit.log"):
        if _holds_bytes(path):
            return f"see {path}"
    if (backup := newest_backup(database)) is not None:
        return f"see {backup}"
    if any(path.is_file() for path in (folder / "artifacts").rglob("*")):
        return f"see {folder / 'artifacts'}"
    return ""


def _holds_bytes(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size > 0
    return False


def _has_tables(database: Path) -> bool:
    """Whether it holds something of ours, or is so damaged that this cannot be told: `check` says that better."""
    connection = sqlite3.connect(database, timeout=10)
    try:
        found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (_TABLE,)).fetchone()
    except sqlite3.DatabaseError:
        return True
    finally:
        connection.close()
    return found is not None


def set_aside(database: Path, now: datetime) -> Path:
    """Give a damaged database, with its parts, another name and return that."""
    stem = f"{database.name}{_MARK}{now:%Y%m%dT%H%M%SZ}"
    aside, number = database.with_name(stem), 1
    while aside.exists():
        number += 1
        aside = database.with_name(f"{stem}-{number}")
    # The parts first: a crash in between leaves a database without them, which is damaged still, never a fresh one
    # that would take them for its own.
    for part in _PARTS:
        with contextlib.suppress(FileNotFoundError):
            database.with_name(database.name + part).rename(aside.with_name(aside.name + part))
    database.rename(aside)
    sync_folder(database.parent)
    return aside


def left_aside(database: Path) -> Path | None:
    """The newest damaged one that nobody has decided about yet: nothing lies in its place."""
    if database.exists():
        return None
    return max(_damaged(database), key=lambda path: path.name, default=None)


def sentence(database: Path, words: str, aside: Path, folder: Path | None = None, now: datetime | None = None) -> str:
    """What a person has to know and can do. `folder` has the service's own backups."""
    backup = _best_backup(database, folder)
    found = f"the newest one found here is {_told(backup, now)}" if backup is not None else "none was found beside it"
    return (
        f"The database {database} is damaged ({words}). It is kept as {aside}, and nothing was begun in its place: "
        f"workers go on as they are. Put a backup back with `sedna-gm restore FILE` ({found}). Without one, take "
        f"{aside.name} out of {database.parent} and start again: that begins with nothing, nodes keep what they "
        "run, and manifests are submitted anew."
    )


def _told(backup: Described, now: datetime | None) -> str:
    made = f"{backup.made:%Y-%m-%dT%H:%M:%SZ}"
    age = f", {_ago((now - backup.made).total_seconds())} ago" if now is not None and now >= backup.made else ""
    return f"{backup.path}, of {made}{age}, with {backup.resources} resources and {backup.rounds} finished rounds"


def _ago(seconds: float) -> str:
    """`3 min`, `5 h` or `12 days`, rounded down."""
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if minutes < 120:
        return f"{minutes} min"
    return f"{hours} h" if hours < 48 else f"{days} days"


def _best_backup(database: Path, folder: Path | None) -> Described | None:
    """The newest whole database of a GlobalManager; what a restore has set aside only where there is no other."""
    found = sorted(_candidates(database, folder), key=lambda path: (_BEFORE not in path.name, path.stat().st_mtime))
    return next(filter(None, map(describe, reversed(found))), None)


def newest_backup(database: Path) -> Path | None:
    """The newest database with something of ours beside this one, or in `backups` there."""
    found = [path for path in _candidates(database, None) if _has_tables(path)]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def _candidates(database: Path, folder: Path | None) -> list[Path]:
    folders = {database.parent, database.parent / "backups"} | ({folder} if folder is not None else set())
    found = [path for each in folders for path in _files(each)]
    return [path for path in found if _MARK not in path.name and path != database and _is_database(path)]


def _damaged(database: Path) -> Iterator[Path]:
    for path in _files(database.parent):
        if path.name.startswith(f"{database.name}{_MARK}") and not path.name.endswith(_PARTS):
            yield path


def _files(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from (path for path in folder.iterdir() if path.is_file() and not path.is_symlink())


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False
