"""Opens the database: connection rules, then the numbered steps of the schema it has not taken yet.

The statements here block the whole gevent loop while they run, because SQLite is a C library that knows
nothing of greenlets. That is accepted: each is one short transaction (some tenths of a millisecond, most of it the
disk's fsync, which all who write at the same time share), and a thread pool around it would cost more than it gives.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text

from sedna_gm.store.sql.queries import load_queries, load_steps

# How long a writer waits for another process's lock, such as a backup's, before it gives up.
_LOCK_WAIT_SECONDS = 10.0


class DatabaseUnusable(Exception):
    """The database cannot be opened or was written by a newer version of this program."""


def open_engine(url: str, backups: Path | None = None) -> Engine:
    """An engine on an up-to-date schema. Raises DatabaseUnusable; `backups` is where one may be found to name then."""
    _refuse_to_begin_anew(url, backups)
    try:
        engine = create_engine(url, connect_args={"timeout": _LOCK_WAIT_SECONDS})
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
        migrate(engine)
    except DatabaseUnusable:
        engine.dispose()
        raise
    except Exception as error:
        raise DatabaseUnusable(f"The database {url} cannot be opened: {error}") from error
    return engine


def _refuse_to_begin_anew(url: str, backups: Path | None) -> None:
    """In the place of a damaged database nothing begins by itself, whichever command comes first."""
    from sedna_gm.store.sql import damage

    database = make_url(url).database if url.startswith("sqlite:") else None
    aside = damage.left_aside(Path(database)) if database else None
    if aside is not None:
        raise damage.DatabaseDamaged(damage.sentence(Path(str(database)), "as was found before", aside, backups))
    if database and (words := damage.emptied(Path(database))):
        # It stays where it is; only the service, which holds the lock, sets aside.
        raise damage.DatabaseDamaged(damage.sentence(Path(database), words, Path(database), backups))


def is_behind(database: Path) -> bool:
    """Whether an existing database has yet to take a step that this version knows."""
    if not database.is_file() or not database.stat().st_size:
        return False
    try:
        with contextlib.closing(sqlite3.connect(database, timeout=_LOCK_WAIT_SECONDS)) as connection:
            taken = {number for (number,) in connection.execute("SELECT number FROM migrations")}
    except sqlite3.Error:
        # Damaged, or not ours: whoever opens it says it better.
        return False
    return bool({step.number for step in load_steps()} - taken)


def migrate(engine: Engine) -> None:
    """Takes the steps that are missing, each in its own transaction."""
    queries = load_queries()
    steps = load_steps()
    with engine.execution_options(sedna_writes=True).begin() as connection:
        connection.execute(queries["create_migrations"])
        taken = {row.number: row.name for row in connection.execute(queries["list_migrations"])}
    if unknown := sorted(set(taken) - {step.number for step in steps}):
        raise DatabaseUnusable(
            f"The database has taken step {taken[unknown[0]]} that this version does not know: it was written by "
            "a newer one. Install that version, or restore a backup from before it."
        )
    for step in steps:
        if step.number not in taken:
            with engine.execution_options(sedna_writes=True).begin() as connection:
                for statement in step.statements:
                    connection.execute(text(statement))
                connection.execute(queries["note_migration"], {"number": step.number, "name": step.name})


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver's own idea of when a transaction begins would let a read-modify-write start as a mere read,
    # and fail at the write when somebody else was faster. `_begin` says it instead.
    connection.isolation_level = None
    # WAL: readers and the one writer do not wait for each other.
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL: a write that was answered with 200 survives a power cut. NORMAL would be faster and may forget it.
    connection.execute("PRAGMA synchronous = FULL")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("sedna_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
