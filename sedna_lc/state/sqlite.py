"""The store that survives a power cut: one SQLite file in WAL mode, synced at every commit.

Opened by `opening.open_store`, which also deals with damage. The statements live in queries.sql, the schema in
migrations/.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

from sedna.common.faults import reached
from sedna_lc.state.records import FileDigest, Letter, Progress, StoredLabel, StoredReport, WorkerRecord
from sedna_lc.state.stores import Key, Wire, key_of


def _read_queries() -> dict[str, str]:
    text = resources.files("sedna_lc.state").joinpath("queries.sql").read_text(encoding="utf-8")
    queries = {}
    for part in text.split("-- ")[1:]:
        title, _, statement = part.partition("\n")
        queries[title.partition(":")[0]] = statement.strip()
    return queries


def _read_migrations() -> list[str]:
    folder = resources.files("sedna_lc.state.migrations")
    files = sorted((one for one in folder.iterdir() if one.name.endswith(".sql")), key=lambda one: one.name)
    return [one.read_text(encoding="utf-8") for one in files]


class SqliteStore:
    """See `sedna_lc.state.stores.Store`. One connection, used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._queries = _read_queries()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        connection = self._connection
        connection.execute("PRAGMA journal_mode=WAL")
        # FULL, not NORMAL: in WAL mode NORMAL may lose the last commits in a power cut, and a report that was
        # answered with 200 would be among them.
        connection.execute("PRAGMA synchronous=FULL")
        (problem,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if problem != "ok":
            raise sqlite3.DatabaseError(problem)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        migrations = _read_migrations()
        if version > len(migrations):
            raise NewerSchema(f"its schema is number {version}, this program knows {len(migrations)}")
        for number, script in enumerate(migrations[version:], start=version + 1):
            connection.executescript(f"BEGIN;\n{script}\nPRAGMA user_version={number};\nCOMMIT;")
        # SQLite looks at the order of its pages; what a long text has become, only its reader can tell.
        for (document,) in connection.execute(self._queries["documents"]):
            try:
                json.loads(document)
            except ValueError as error:
                raise sqlite3.DatabaseError(f"a row holds no JSON: {error}") from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            reached("lc.state.commit.before")
            self._connection.execute("COMMIT")
            reached("lc.state.commit.after")

    def _run(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(self._queries[query], values).fetchall()

    def wanted(self, plural: str) -> dict[Key, Wire]:
        """See `Store.wanted`."""
        rows = self._run("wanted", plural=plural)
        return {(namespace, name): json.loads(text) for namespace, name, text in rows}

    def replace_wanted(self, plural: str, resources: Iterable[Wire]) -> None:
        """See `Store.replace_wanted`."""
        with self._transaction():
            self._run("clear_wanted", plural=plural)
            for one in resources:
                self.put_wanted(plural, one)

    def put_wanted(self, plural: str, resource: Wire) -> None:
        """See `Store.put_wanted`."""
        namespace, name = key_of(resource)
        text = json.dumps(resource)
        self._run("put_wanted", plural=plural, namespace=namespace, name=name, resource=text)
        reached("lc.wanted.put.after")

    def drop_wanted(self, plural: str, key: Key) -> None:
        """See `Store.drop_wanted`."""
        self._run("drop_wanted", plural=plural, namespace=key[0], name=key[1])

    def workers(self) -> list[WorkerRecord]:
        """See `Store.workers`."""
        return [WorkerRecord.decode(text) for (text,) in self._run("workers")]

    def worker(self, key: Key) -> WorkerRecord | None:
        """See `Store.worker`."""
        rows = self._run("worker", namespace=key[0], name=key[1])
        return WorkerRecord.decode(rows[0][0]) if rows else None

    def put_worker(self, record: WorkerRecord, letter: Letter | None = None, read_up_to: int = 0) -> None:
        """See `Store.put_worker`."""
        key = {"namespace": record.namespace, "name": record.name}
        with self._transaction():
            self._run("put_worker", **key, record=record.encode())
            self._run("drop_reports", **key, sequence=read_up_to)
            if letter is not None:
                self.post(letter)

    def drop_worker(self, record: WorkerRecord, letter: Letter | None = None) -> None:
        """See `Store.drop_worker`."""
        key = {"namespace": record.namespace, "name": record.name}
        with self._transaction():
            self._run("drop_worker", **key)
            self._run("drop_reports", **key, sequence=sys.maxsize)
            self._run("withdraw", key=record.uid)
            if letter is not None:
                self.post(letter)

    def add_report(self, key: Key, body: Wire) -> None:
        """See `Store.add_report`."""
        reached("lc.report.keep.before")
        self._run("add_report", namespace=key[0], name=key[1], body=json.dumps(body))
        reached("lc.report.keep.after")

    def reports(self, key: Key) -> list[StoredReport]:
        """See `Store.reports`."""
        rows = self._run("reports", namespace=key[0], name=key[1])
        return [StoredReport(sequence, json.loads(body)) for sequence, body in rows]

    def post(self, letter: Letter) -> None:
        """See `Store.post`."""
        self._run("post", key=letter.key, path=letter.path, body=json.dumps(letter.body))
        reached("lc.outbox.post.after")

    def letters(self) -> list[Letter]:
        """See `Store.letters`."""
        rows = self._run("letters")
        return [Letter(key, path, json.loads(body), sequence) for sequence, key, path, body in rows]

    def settle(self, letter: Letter) -> bool:
        """See `Store.settle`."""
        with self._lock:
            cursor = self._connection.execute(self._queries["settle"], {"key": letter.key, "sequence": letter.sequence})
            return cursor.rowcount == 1

    def progress(self, uid: str) -> Progress | None:
        """See `Store.progress`."""
        rows = self._run("progress", uid=uid)
        return Progress.decode(rows[0][0]) if rows else None

    def put_progress(self, progress: Progress) -> None:
        """See `Store.put_progress`."""
        reached("lc.progress.store.before")
        self._run("put_progress", uid=progress.uid, progress=progress.encode())
        reached("lc.progress.store.after")

    def drop_progress(self, uid: str) -> None:
        """See `Store.drop_progress`."""
        with self._transaction():
            self._run("drop_progress", uid=uid)
            self._run("drop_labels", dataset=uid)

    def digest(self, path: str) -> FileDigest | None:
        """See `Store.digest`."""
        rows = self._run("digest", path=path)
        return FileDigest(*rows[0]) if rows else None

    def put_digests(self, digests: Iterable[FileDigest], day: int) -> None:
        """See `Store.put_digests`."""
        with self._transaction():
            for one in digests:
                self._run("put_digest", **asdict(one), day=day)

    def drop_digests(self, before: int) -> None:
        """See `Store.drop_digests`."""
        self._run("drop_digests", day=before)

    def label(self, dataset: str, example: str) -> StoredLabel | None:
        """See `Store.label`."""
        rows = self._run("label", dataset=dataset, example=example)
        return StoredLabel.decode(rows[0][0]) if rows else None

    def labels(self, dataset: str, most: int) -> list[StoredLabel]:
        """See `Store.labels`."""
        return [StoredLabel.decode(text) for (text,) in self._run("labels", dataset=dataset, most=most)]

    def open_labels(self) -> list[StoredLabel]:
        """See `Store.open_labels`."""
        return [StoredLabel.decode(text) for (text,) in self._run("open_labels")]

    def put_label(self, label: StoredLabel) -> None:
        """See `Store.put_label`."""
        self._run("put_label", dataset=label.dataset, example=label.example, done=label.done, label=label.encode())

    def drop_label(self, label: StoredLabel) -> None:
        """See `Store.drop_label`."""
        self._run("drop_label", dataset=label.dataset, example=label.example)

    def close(self) -> None:
        """See `Store.close`."""
        with self._lock:
            self._connection.close()


class NewerSchema(Exception):
    """The file was written by a newer version of this program; the way out is to install that one again."""
