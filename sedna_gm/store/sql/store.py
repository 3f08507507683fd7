"""The store that survives power cuts: rows in SQLite under the rules of `sedna_gm.store.writing`."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, make_url
from sqlalchemy.exc import DBAPIError

from sedna.common.faults import reached
from sedna_gm.errors import StoreUnavailable
from sedna_gm.store.interface import Clock, History, Key, Resource, revision_of
from sedna_gm.store.sql import damage
from sedna_gm.store.sql.engines import DatabaseUnusable, open_engine
from sedna_gm.store.sql.locking import DatabaseLock
from sedna_gm.store.sql.queries import load_queries
from sedna_gm.store.writing import Rows, RowStore

logger = logging.getLogger(__name__)

_QUERIES = load_queries()
# SQLite takes -1 for "no limit" and no NULL; this many rounds nobody reaches.
_NO_LIMIT = 2**62


class SqlStore(RowStore):
    """`url` is an SQLAlchemy one, `sqlite:////var/lib/sedna-gm/gm.db`. One process at a time writes to it."""

    def __init__(self, url: str, clock: Clock, *, log_capacity: int = 4096) -> None:
        database = make_url(url).database
        if not database:
            raise DatabaseUnusable(f"The database {url} names no file.")
        self._lock = DatabaseLock(Path(database))
        try:
            self._refuse_damaged(Path(database), clock)
            self._engine = open_engine(url)
            self._lock.mark()
        except DatabaseUnusable:
            self._lock.release()
            raise
        self._writers = self._engine.execution_options(sedna_writes=True)
        super().__init__(clock, log_capacity)

    @staticmethod
    def _refuse_damaged(database: Path, clock: Clock) -> None:
        """Raises DatabaseDamaged; what is damaged is out of the way then, and stays refused until somebody chose."""
        try:
            damage.check(database)
        except damage.DatabaseDamaged as error:
            aside = damage.set_aside(database, clock())
            raise damage.DatabaseDamaged(damage.sentence(database, str(error), aside)) from error

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
        with self._noticing(), self._engine.begin() as connection:
            yield _SqlRows(connection)

    @contextmanager
    def _writing(self) -> Iterator[Rows]:
        with self._noticing(), self._writers.begin() as connection:
            yield _SqlRows(connection)
            reached("gm.store.commit.before")
        reached("gm.store.commit.after")

    def close(self) -> None:
        super().close()
        self._engine.dispose()
        self._lock.release()


def damage_behind(error: StoreUnavailable) -> str:
    """What an operator is told when a damaged file is behind an outage; "" when anything else is."""
    return damage.words_for(error.__cause__.orig if isinstance(error.__cause__, DBAPIError) else error.__cause__)


@contextmanager
def outages_named() -> Iterator[None]:
    """Inside, what the database cannot do is StoreUnavailable.

    A full disk or a foreign lock is nobody's bug; the operator reads the cause in the log.
    """
    try:
        yield
    except DBAPIError as error:
        logger.error("The database failed: %s", error.orig)  # noqa: TRY400 - the driver's words say it all
        raise StoreUnavailable from error


class _SqlRows:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def load(self, key: Key) -> Resource | None:
        body = self._connection.execute(_QUERIES["load_resource"], _where(key)).scalar_one_or_none()
        return None if body is None else _read(body)

    def save(self, key: Key, resource: Resource) -> None:
        values = {**_where(key), "revision": revision_of(resource), "body": _write(resource)}
        self._connection.execute(_QUERIES["save_resource"], values)

    def remove(self, key: Key) -> None:
        self._connection.execute(_QUERIES["remove_resource"], _where(key))

    def identity(self) -> str:
        return str(self._connection.execute(_QUERIES["read_identity"]).scalar_one())

    def revision(self) -> int:
        return int(self._connection.execute(_QUERIES["read_revision"]).scalar_one())

    def advance(self) -> int:
        return int(self._connection.execute(_QUERIES["advance_revision"]).scalar_one())

    def scan(self, kind: str, namespace: str | None, after: tuple[str, str] | None) -> Iterator[Resource]:
        after_namespace, after_name = after or ("", "")
        if namespace is None:
            query = _QUERIES["scan_everywhere"]
            values = {"kind": kind, "after_namespace": after_namespace, "after_name": after_name}
        else:
            query = _QUERIES["scan_namespace"]
            values = {"kind": kind, "namespace": namespace, "after_name": after_name}
        for (body,) in self._connection.execute(query, values):
            yield _read(body)

    def add_round(self, job: Key, uid: str, number: int, record: Mapping[str, Any]) -> bool:
        values = {**_where(job), "uid": uid, "round": number, "body": _write(record)}
        return self._connection.execute(_QUERIES["add_round"], values).rowcount == 1

    def rounds(self, job: Key, uid: str, after: int, limit: int | None, newest: bool) -> list[Resource]:
        query = _QUERIES["rounds_newest_first" if newest else "rounds_oldest_first"]
        values = {**_where(job), "uid": uid, "after": after, "limit": _NO_LIMIT if limit is None else limit}
        records = [_read(body) for (body,) in self._connection.execute(query, values)]
        return records[::-1] if newest else records

    def histories(self) -> list[History]:
        found = self._connection.execute(_QUERIES["list_histories"])
        return [History(Key(row.kind, row.namespace, row.name), row.uid, int(row._mapping["count"])) for row in found]

    def drop_rounds(self, job: Key, uid: str, numbers: Collection[int]) -> int:
        values = [{**_where(job), "uid": uid, "round": number} for number in numbers]
        return sum(self._connection.execute(_QUERIES["drop_round"], each).rowcount for each in values)


def _where(key: Key) -> dict[str, Any]:
    return {"kind": key.kind, "namespace": key.namespace, "name": key.name}


def _read(body: str) -> Resource:
    resource: Resource = json.loads(body)
    return resource


def _write(value: Mapping[str, Any]) -> str:
    # ASCII only: a lone surrogate, legal in JSON, could not be encoded as UTF-8 text.
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
