"""What a backup takes over from the database whose place it takes: its credentials, and how far its numbers had come.

Watchers of before must be told to list again, what was revoked must stay revoked, and who has joined must stay in.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from sedna_gm.store.sql.copying import CopyFailed, opened, settle
from sedna_gm.store.sql.engines import DatabaseUnusable, open_engine
from sedna_gm.store.sql.exchanging import number_of

# What is added to the highest number known, so that no resourceVersion names two states: watchers who hold one from
# before the restore are told to list again. Much larger where the old database cannot tell how far it had come.
_STRIDE = 1_000
_BLIND_STRIDE = 1_000_000_000
_CREDENTIAL = ("id", "sha256", "kind", "name", "role", "namespaces", "created", "expires", "revoked", "used", "gave")


def bring_up_to_date(backup: Path) -> None:
    """Take the steps of the schema that are missing. Raises CopyFailed for a backup of a newer version."""
    try:
        open_engine(f"sqlite:///{backup}").dispose()
    except DatabaseUnusable as error:
        raise CopyFailed(f"The backup cannot be used: {error}") from error


def adopt(backup: Path, database: Path) -> None:
    """Make of a backup what follows the present database. Done twice, it is the same but for a larger number."""
    _begin_anew(backup, _last_revision(database))
    _keep_credentials(backup, database)
    note_adopted(backup, database)


def note_adopted(backup: Path, database: Path | None) -> None:
    """Write into the backup whom it has taken over from; None: from nobody yet."""
    with opened(backup) as connection:
        connection.execute(f"PRAGMA user_version = {_short(database)}")
    settle(backup)


def has_adopted(backup: Path, database: Path) -> bool:
    """Whether all is taken over from this very database."""
    with opened(backup) as connection:
        (noted,) = connection.execute("PRAGMA user_version").fetchone()
    return bool(noted) and noted == _short(database)


def _short(database: Path | None) -> int:
    """Which file it is, as SQLite's own field in the head of a database can hold it."""
    return 0 if database is None else (number_of(database) or 0) & 0x7FFFFFFF


def _last_revision(database: Path) -> int | None:
    """The last number that the present database has given; None when it cannot tell."""
    if not database.exists():
        return None
    try:
        with opened(database) as connection:
            return int(connection.execute("SELECT value FROM revisions WHERE id = 1").fetchone()[0])
    except (sqlite3.Error, TypeError):
        # Damaged, which may be why somebody restores; it is set aside as it is.
        return None


def _begin_anew(backup: Path, last: int | None) -> None:
    stride = _BLIND_STRIDE if last is None else _STRIDE
    with opened(backup) as connection:
        connection.execute("BEGIN IMMEDIATE")
        found = connection.execute("SELECT value FROM revisions WHERE id = 1").fetchone()
        if found is None:
            raise CopyFailed("The backup does not say how far its numbers had come; take another one.")
        before = int(found[0])
        after = max(before, last or 0) + stride
        connection.execute("UPDATE revisions SET value = ? WHERE id = 1", (after,))
        _renumber_workers(connection, after - before)
        # They say what lies in the store of artifacts, and that is not in a backup. Their controllers make those that
        # are needed anew, and their nodes send again what is not there.
        connection.execute("DELETE FROM resources WHERE kind = 'Artifact'")
        connection.execute("COMMIT")
    settle(backup)


def _renumber_workers(connection: sqlite3.Connection, by: int) -> None:
    """Give each worker a generation that it has never had: its node may have seen, and may yet tell of, specs that came
    after the backup, and their numbers would be given once more. Each took a write, so there were fewer than `by`."""
    found = connection.execute("SELECT namespace, name, body FROM resources WHERE kind = 'Worker'").fetchall()
    for namespace, name, body in found:
        try:
            worker = json.loads(body)
            worker["metadata"]["generation"] = worker["metadata"].get("generation", 1) + by
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise CopyFailed(f"The backup holds a worker that cannot be read, {namespace}/{name}: {error}.") from error
        connection.execute(
            "UPDATE resources SET body = ? WHERE kind = 'Worker' AND namespace = ? AND name = ?",
            (json.dumps(worker, separators=(",", ":")), namespace, name),
        )


def _keep_credentials(backup: Path, database: Path) -> None:
    """Those of the present database stay, where it can still be read: a backup must neither bring back what was
    revoked since, nor lock out who has joined since."""
    if not database.exists():
        return
    try:
        with opened(database) as present:
            found = present.execute(f"SELECT {', '.join(_CREDENTIAL)} FROM credentials").fetchall()  # noqa: S608
    except sqlite3.Error:
        return
    places = ", ".join("?" for _ in _CREDENTIAL)
    with opened(backup) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM credentials")
        insert = f"INSERT INTO credentials ({', '.join(_CREDENTIAL)}) VALUES ({places})"  # noqa: S608 - our own names
        connection.executemany(insert, found)
        connection.execute("COMMIT")
    settle(backup)
