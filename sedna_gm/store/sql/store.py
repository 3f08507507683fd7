"""The store that survives power cuts: rows in SQLite under the rules of `sedna_gm.store.writing`.

What every request does goes past SQLAlchemy to the driver: of a write, its way through there took more than half.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import PoolProxiedConnection, make_url

from sedna.common.faults import reached
from sedna_gm.errors import StoreUnavailable
from sedna_gm.store.gathering import let_others_come
from sedna_gm.store.interface import Clock, Key, Resource
from sedna_gm.store.sql import damage
from sedna_gm.store.sql.engines import DatabaseUnusable, open_engine
from sedna_gm.store.sql.locking import DatabaseLock
from sedna_gm.store.sql.outages import damage_behind, outages_named
from sedna_gm.store.sql.present import Present
from sedna_gm.store.sql.rows import ReadRows, WrittenRows
from sedna_gm.store.writing import Rows, RowStore, WritableRows


class SqlStore(RowStore):
    """`url` is an SQLAlchemy one, `sqlite:////var/lib/sedna-gm/gm.db`. One process at a time writes to it.

    `backups` is the folder whose newest one a damaged database's error names; without it, `backups` beside.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        log_capacity: int = 4096,
        backups: Path | None = None,
        pause: Callable[[], None] = let_others_come,
    ) -> None:
        database = make_url(url).database
        if not database:
            raise DatabaseUnusable(f"The database {url} names no file.")
        self._lock = DatabaseLock(Path(database))
        try:
            self._refuse_damaged(Path(database), clock, backups)
            self._engine = open_engine(url, backups)
            self._lock.mark()
        except DatabaseUnusable:
            self._lock.release()
            raise
        self._present = Present()
        # Used under the write lock only, and held open meanwhile.
        self._held: PoolProxiedConnection | None = None
        super().__init__(clock, log_capacity, pause)

    @staticmethod
    def _refuse_damaged(database: Path, clock: Clock, backups: Path | None) -> None:
        """Raises DatabaseDamaged; what is damaged is out of the way then, and stays refused until somebody chose."""
        try:
            damage.check(database)
        except damage.DatabaseDamaged as error:
            aside = damage.set_aside(database, clock())
            raise damage.DatabaseDamaged(damage.sentence(database, str(error), aside, backups, clock())) from error

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        """Remembers that the file has turned out to be damaged: nothing that is asked for again will be better."""
        try:
            with outages_named():
                yield
        except StoreUnavailable as error:
            self.damage = damage_behind(error) or self.damage
            raise

    @contextmanager
    def _reading(self) -> Iterator[Rows]:
        with self._noticing():
            connection = self._engine.raw_connection()
            try:
                driver: Any = connection.driver_connection
                driver.execute("BEGIN")
                yield ReadRows(driver)
                driver.execute("COMMIT")
            finally:
                # The pool ends a transaction that an error has left open.
                connection.close()

    @contextmanager
    def _writing(self) -> Iterator[WritableRows]:
        with self._noticing():
            driver = self._writer_connection()
            try:
                driver.execute("BEGIN IMMEDIATE")
                rows = WrittenRows(driver, self._present)
                yield rows
                rows.finish()
                reached("gm.store.commit.before")
                driver.execute("COMMIT")
            except BaseException:
                driver.rollback()
                raise
        reached("gm.store.commit.after")
        rows.tell()

    def _writer_connection(self) -> sqlite3.Connection:
        if self._held is None:
            self._held = self._engine.raw_connection()
        driver = self._held.driver_connection
        assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - for the type checker
        if driver.in_transaction:
            # A disk may have failed at the rollback, too; a transaction of before must not stop all that come after.
            driver.rollback()
        return driver

    def _current(self, key: Key) -> Resource | None:
        return self._present.get(key) or super()._current(key)

    def close(self) -> None:
        super().close()
        # Requests under way may still write, and then open what they need. Another process may write as well.
        with self._writer:
            self._present.close()
            if self._held is not None:
                self._held.close()
                self._held = None
        self._engine.dispose()
        self._lock.release()
