"""What every store of an LC's state can do. `memory.MemoryStore` and `sqlite.SqliteStore` keep this contract.

Each method is one transaction, safe to call from any thread, and durable when it returns (memory excepted).
Where a change and the letter that tells of it belong together, one call takes both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from sedna_lc.state.records import FileDigest, Letter, Progress, StoredLabel, StoredReport, WorkerRecord

Key = tuple[str, str]
"""Namespace and name."""

Wire = Mapping[str, Any]
"""A resource as the GM sent it."""


def key_of(resource: Wire) -> Key:
    """Return namespace and name of a resource as the GM sent it."""
    metadata = resource["metadata"]
    return metadata.get("namespace") or "default", metadata["name"]


class Store(Protocol):
    """The state of one LC."""

    def wanted(self, plural: str) -> dict[Key, Wire]:
        """Return the last known resources of a kind (`workers`, `datasets`, `artifacts`) that concern this node."""

    def replace_wanted(self, plural: str, resources: Iterable[Wire]) -> None:
        """Let exactly these be the resources of a kind: the answer to a list."""

    def put_wanted(self, plural: str, resource: Wire) -> None:
        """Remember one resource, new or changed."""

    def drop_wanted(self, plural: str, key: Key) -> None:
        """Forget one resource; an unknown one is fine."""

    def workers(self) -> list[WorkerRecord]:
        """Return all worker records."""

    def worker(self, key: Key) -> WorkerRecord | None:
        """Return one worker's record."""

    def put_worker(self, record: WorkerRecord, letter: Letter | None = None, read_up_to: int = 0) -> None:
        """Keep a record, post the letter that tells of it, and drop the reports it has taken in.

        `read_up_to` is the sequence of the last report that the record includes. A record of the same key
        with another uid is replaced.
        """

    def drop_worker(self, record: WorkerRecord, letter: Letter | None = None) -> None:
        """Forget a worker, its unread reports and its unsent letters (keyed by its uid); post the letter."""

    def add_report(self, key: Key, body: Wire) -> None:
        """Keep a worker's report until its record has taken it in."""

    def reports(self, key: Key) -> list[StoredReport]:
        """Return a worker's unread reports, oldest first."""

    def post(self, letter: Letter) -> None:
        """Put a letter into the outbox; an unsent one of the same key is replaced."""

    def letters(self) -> list[Letter]:
        """Return all unsent letters, oldest first."""

    def settle(self, letter: Letter) -> bool:
        """Take a sent (or refused) letter out; False when a newer one has replaced it, which stays."""

    def progress(self, uid: str) -> Progress | None:
        """Return how far a dataset has been read."""

    def put_progress(self, progress: Progress) -> None:
        """Keep how far a dataset has been read."""

    def drop_progress(self, uid: str) -> None:
        """Forget a dataset, and what its examples were labelled with."""

    def digest(self, path: str) -> FileDigest | None:
        """Return what a file held when it was last read."""

    def put_digests(self, digests: Iterable[FileDigest], day: int) -> None:
        """Keep what files hold, as of a day (counted from any fixed one)."""

    def drop_digests(self, before: int) -> None:
        """Forget files that were last kept before a day."""

    def label(self, dataset: str, example: str) -> StoredLabel | None:
        """Return what an example of a dataset (by uid) was labelled with, done or intended."""

    def labels(self, dataset: str, most: int) -> list[StoredLabel]:
        """Return the newest labels of a dataset that are done, the newest first."""

    def open_labels(self) -> list[StoredLabel]:
        """Return the labels that are not done, oldest first."""

    def put_label(self, label: StoredLabel) -> None:
        """Keep a label; the one of the same example is replaced, and keeps its place."""

    def drop_label(self, label: StoredLabel) -> None:
        """Forget a label."""

    def close(self) -> None:
        """Let go of files; the store is not used afterwards."""
