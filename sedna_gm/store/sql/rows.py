"""The rows of the store as SQLite has them: what can be read in a transaction, and what several writers share of one.

`sedna_gm.store.sql.store` opens the transactions. Every statement is one of `queries.sql`, given to the driver as it
stands, which keeps it prepared.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sedna_gm.store.interface import History, Key, Resource, revision_of
from sedna_gm.store.sql.outages import outages_named
from sedna_gm.store.sql.present import Present, Version
from sedna_gm.store.sql.queries import load_queries

_QUERIES = {name: query.text for name, query in load_queries().items()}
# SQLite takes -1 for "no limit" and no NULL; this many rounds nobody reaches.
_NO_LIMIT = 2**62
_NOTHING: Mapping[str, Any] = {}
# ASCII only: a lone surrogate, legal in JSON, could not be encoded as UTF-8 text.
_dump = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class ReadRows:
    """One consistent view of all rows. What writes is below."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def _execute(self, statement: str, values: Mapping[str, Any] = _NOTHING) -> sqlite3.Cursor:
        return self._connection.execute(statement, values)

    def load(self, key: Key) -> Resource | None:
        found = self._execute(_QUERIES["load_resource"], _where(key)).fetchall()
        return _read(found[0][0]) if found else None

    def identity(self) -> str:
        return str(self._one("read_identity"))

    def revision(self) -> int:
        return int(self._one("read_revision"))

    def scan(self, kind: str, namespace: str | None, after: tuple[str, str] | None) -> Iterator[Resource]:
        after_namespace, after_name = after or ("", "")
        if namespace is None:
            query = _QUERIES["scan_everywhere"]
            values = {"kind": kind, "after_namespace": after_namespace, "after_name": after_name}
        else:
            query = _QUERIES["scan_namespace"]
            values = {"kind": kind, "namespace": namespace, "after_name": after_name}
        for (body,) in self._execute(query, values):
            yield _read(body)

    def rounds(self, job: Key, uid: str, after: int, limit: int | None, newest: bool) -> list[Resource]:
        query = _QUERIES["rounds_newest_first" if newest else "rounds_oldest_first"]
        values = {**_where(job), "uid": uid, "after": after, "limit": _NO_LIMIT if limit is None else limit}
        records = [_read(body) for (body,) in self._execute(query, values)]
        return records[::-1] if newest else records

    def histories(self) -> list[History]:
        found = self._execute(_QUERIES["list_histories"])
        return [History(Key(kind, namespace, name), uid, count) for kind, namespace, name, uid, count in found]

    def _one(self, query: str) -> Any:
        # All rows, so that the statement is over: an open one would keep the log of writes from being tidied.
        ((value,),) = self._execute(_QUERIES[query]).fetchall()
        return value


class WrittenRows(ReadRows):
    """A write transaction of several writers, one after the other: each sees what those before it have written."""

    def __init__(self, connection: sqlite3.Connection, present: Present) -> None:
        super().__init__(connection)
        self._present = present
        self._kept: dict[Key, Version | None] = {}
        """By those before; None stands for what was removed."""
        self._own: dict[Key, Version | None] = {}
        """By the one whose turn it is."""
        self._marked = False
        self._found = self._kept_revision = self._revision = super().revision()

    def begin(self) -> None:
        """The next writer's turn."""
        self._own, self._marked = {}, False

    def keep(self) -> None:
        """Its turn is over, and what it wrote becomes part of the transaction."""
        self._kept.update(self._own)
        self._kept_revision = self._revision
        if self._marked:
            self._execute("RELEASE turn")

    def undo(self) -> None:
        """Its turn is over, and what it wrote is taken back."""
        self._revision = self._kept_revision
        if self._marked:
            self._execute("ROLLBACK TO turn")
            self._execute("RELEASE turn")

    def finish(self) -> None:
        """Before the commit."""
        if self._revision != self._found:
            self._execute(_QUERIES["write_revision"], {"value": self._revision})
        self._present.forget(self._kept)

    def tell(self) -> None:
        """After the commit."""
        self._present.take(self._kept)

    def load(self, key: Key) -> Resource | None:
        for written in (self._own, self._kept):
            if key in written:
                version = written[key]
                return None if version is None else version[0]
        return self._present.get(key) or super().load(key)

    def save(self, key: Key, resource: Resource) -> None:
        body = _dump(resource)
        self._write("save_resource", {**_where(key), "revision": revision_of(resource), "body": body})
        self._own[key] = (resource, len(body))

    def remove(self, key: Key) -> None:
        self._write("remove_resource", _where(key))
        self._own[key] = None

    def revision(self) -> int:
        return self._revision

    def advance(self) -> int:
        self._revision += 1
        return self._revision

    def add_round(self, job: Key, uid: str, number: int, record: Mapping[str, Any]) -> bool:
        values = {**_where(job), "uid": uid, "round": number, "body": _dump(record)}
        return self._write("add_round", values) == 1

    def drop_rounds(self, job: Key, uid: str, numbers: Collection[int]) -> int:
        return sum(self._write("drop_round", {**_where(job), "uid": uid, "round": number}) for number in numbers)

    def _execute(self, statement: str, values: Mapping[str, Any] = _NOTHING) -> sqlite3.Cursor:
        # Named here, since it is no writer's own fault: what the others have written is not kept either.
        with outages_named():
            return super()._execute(statement, values)

    def _write(self, query: str, values: Mapping[str, Any]) -> int:
        """Returns how many rows it was that were written."""
        if not self._marked:
            self._execute("SAVEPOINT turn")
            self._marked = True
        return self._execute(_QUERIES[query], values).rowcount


def _where(key: Key) -> dict[str, Any]:
    return {"kind": key.kind, "namespace": key.namespace, "name": key.name}


def _read(body: str) -> Resource:
    resource: Resource = json.loads(body)
    return resource
