"""Credentials in the GlobalManager's database, beside the resources. `sedna-gm token` writes here while it serves.

Every request asks for one, so `find` does without SQLAlchemy: one look by the primary key on a connection that is
held open, some ten microseconds, and what another process has written is seen at once.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection

from sedna_gm.errors import StoreUnavailable
from sedna_gm.store.credentials import Credential, CredentialRows, Credentials, Kind
from sedna_gm.store.sql.engines import open_engine
from sedna_gm.store.sql.outages import damage_behind, outages_named
from sedna_gm.store.sql.queries import load_queries

logger = logging.getLogger(__name__)

_QUERIES = load_queries()
_LOAD = _QUERIES["load_credential"].text


class SqlCredentials(Credentials):
    """`url` is the store's. Raises DatabaseUnusable."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)
        self._writers = self._engine.execution_options(sedna_writes=True)
        self._lock = threading.Lock()
        self._held = self._engine.raw_connection()
        self._driver: Any = self._held.driver_connection

    def find(self, name: str) -> Credential | None:
        with self._noticing():
            found = self._look(name)
        return _read(found[0]) if found else None

    def close(self) -> None:
        with self._lock:
            self._held.close()
        self._engine.dispose()

    def _look(self, name: str) -> list[Any]:
        try:
            with self._lock:
                # All rows, so that the statement is over: an open one would keep the log of writes from being tidied.
                found: list[Any] = self._driver.execute(_LOAD, {"id": name}).fetchall()
        except sqlite3.Error as error:
            logger.error("The database failed: %s", error)  # noqa: TRY400 - the driver's words say it all
            raise StoreUnavailable from error
        return found

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        """As the store does: where no credential can be read, no request ever comes as far as the store."""
        try:
            yield
        except StoreUnavailable as error:
            self.damage = damage_behind(error) or self.damage
            raise

    @contextmanager
    def _writing(self) -> Iterator[CredentialRows]:
        with self._noticing(), outages_named(), self._writers.begin() as connection:
            yield _SqlRows(connection)


class _SqlRows:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def load(self, name: str) -> Credential | None:
        found = self._connection.execute(_QUERIES["load_credential"], {"id": name}).fetchone()
        return None if found is None else _read(found)

    def all(self) -> Sequence[Credential]:
        return [_read(row) for row in self._connection.execute(_QUERIES["list_credentials"])]

    def of(self, kind: Kind, name: str) -> Sequence[Credential]:
        values = {"kind": kind, "name": name}
        return [_read(row) for row in self._connection.execute(_QUERIES["list_credentials_of"], values)]

    def save(self, credential: Credential) -> None:
        values = {**asdict(credential), "namespaces": json.dumps(credential.namespaces)}
        self._connection.execute(_QUERIES["save_credential"], values)

    def remove(self, credential: Credential) -> None:
        self._connection.execute(_QUERIES["remove_credential"], {"id": credential.id})


def _read(row: Any) -> Credential:
    name, sha256, kind, owner, role, namespaces, created, *times = row
    # Most are of nodes, which have none.
    parsed = () if namespaces == "[]" else tuple(json.loads(namespaces))
    return Credential(name, sha256, kind, owner, created, role, parsed, *times)
