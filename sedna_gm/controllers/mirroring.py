"""The resources that controllers decide about, in memory, always at one revision of the store.

One thread pumps the store's watch into the mirror; controllers read it. A snapshot taken here is one point in the
store's history, which separate reads of the store would not be. Fed by `sedna_gm.store`, read by every controller.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

from sedna.api.kinds import by_kind
from sedna.api.meta import Resource
from sedna.api.validating import parse
from sedna_gm.errors import Gone
from sedna_gm.store.interface import Change, ChangeType, Key, Store, Watch, key_of, revision_of

_LOG = logging.getLogger(__name__)

KINDS = ("Node", "Dataset", "Model", "IncrementalLearningJob", "Worker")

Raw = Mapping[str, Any]
Listener = Callable[[Sequence[Change]], None]
R = TypeVar("R", bound=Resource)


class Entry:
    """One resource, parsed when somebody first asks and then kept: most changes are never looked at."""

    __slots__ = ("_typed", "raw")

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self._typed: Resource | None = None

    @property
    def typed(self) -> Resource:
        """Raises ValidationError for what no version of ours can have stored."""
        if self._typed is None:
            self._typed = parse(by_kind(self.raw["kind"]).model, self.raw)
        return self._typed


class Mirror:
    """All resources of `KINDS`, and which workers belong to which job. Safe to use from many threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changed = threading.Condition()
        self._entries: dict[str, dict[Key, Entry]] = {kind: {} for kind in KINDS}
        self._workers_of: dict[Key, set[Key]] = defaultdict(set)
        self._revision = 0
        self._watch: Watch | None = None

    @property
    def revision(self) -> int:
        """Every write up to this number is in the mirror."""
        with self._changed:
            return self._revision

    def load(self) -> Sequence[Key]:
        """Fills the mirror from the store and watches from there; returns every key, to be looked at once."""
        with self._changed:
            if self._watch is not None:
                self._watch.close()
            # The watch begins before the lists: a change in between arrives twice, which is harmless, not never.
            since = self._store.revision()
            self._watch = self._store.watch(since=since)
            before = {key for entries in self._entries.values() for key in entries}
            self._workers_of.clear()
            for kind in KINDS:
                page = self._store.list(kind)
                self._entries[kind] = {key_of(raw): Entry(raw) for raw in page.items}
            for key, entry in self._entries["Worker"].items():
                self._workers_of[owner_key(entry.raw)].add(key)
            self._revision = since
            self._changed.notify_all()
            after = {key for entries in self._entries.values() for key in entries}
            return sorted(before | after)

    def pump(self, timeout: float | None) -> Sequence[Change]:
        """Takes in the next changes and returns them. Raises Gone when the mirror has to be loaded anew."""
        watch = self._watch
        if watch is None:
            raise Gone("The mirror was never loaded.")
        changes = [change for change in watch.wait(timeout) if change.key.kind in self._entries]
        with self._changed:
            for change in changes:
                self._take(change)
            self._revision = max(self._revision, watch.revision)
            self._changed.notify_all()
        return changes

    def wait_for(self, revision: int, timeout: float) -> bool:
        """Waits until the mirror has seen that write; False after `timeout` seconds without it."""
        with self._changed:
            return self._changed.wait_for(lambda: self._revision >= revision, timeout)

    def close(self) -> None:
        """Ends the watch; a thread in `pump` returns."""
        if self._watch is not None:
            self._watch.close()

    def raw(self, key: Key) -> Raw | None:
        """The stored form, not to be changed; None when there is no such resource."""
        with self._changed:
            entry = self._entries[key.kind].get(key)
            return entry.raw if entry else None

    def get(self, model: type[R], key: Key) -> R | None:
        """The typed form."""
        with self._changed:
            entry = self._entries[model.__name__].get(key)
        return cast(R, entry.typed) if entry else None

    def all(self, model: type[R]) -> list[R]:
        """Every readable resource of a kind. One that cannot be read is left out: it must not stop the others."""
        with self._changed:
            entries = list(self._entries[model.__name__].items())
        found: list[R] = []
        for key, entry in entries:
            try:
                found.append(cast(R, entry.typed))
            except ValueError:
                _LOG.warning("The stored %s cannot be read and is left out.", key)
        return found

    def workers_of(self, job: Key) -> list[Raw]:
        """The stored form of every worker that names this job, in the order of their names."""
        with self._changed:
            return [self._entries["Worker"][key].raw for key in sorted(self._workers_of.get(job, ()))]

    def raws(self, kind: str) -> list[Raw]:
        """The stored form of every resource of a kind."""
        with self._changed:
            return [entry.raw for entry in self._entries[kind].values()]

    def locked(self) -> threading.Condition:
        """Hold it to take several reads at one revision."""
        return self._changed

    def _take(self, change: Change) -> None:
        entries = self._entries[change.key.kind]
        known = entries.get(change.key)
        if known is not None and revision_of(known.raw) >= change.revision:
            return
        if change.type is ChangeType.DELETED:
            entries.pop(change.key, None)
        else:
            entries[change.key] = Entry(change.resource)
        if change.key.kind == "Worker":
            self._index(change)

    def _index(self, change: Change) -> None:
        owner = owner_key(change.resource)
        if change.type is ChangeType.DELETED:
            self._workers_of[owner].discard(change.key)
            if not self._workers_of[owner]:
                del self._workers_of[owner]
        else:
            self._workers_of[owner].add(change.key)


def owner_key(worker: Raw) -> Key:
    """The key of the job that a worker belongs to."""
    job = worker["spec"]["job"]
    return Key(job["kind"], worker["metadata"].get("namespace") or "", job["name"])


def ended(worker: Raw) -> bool:
    """Whether a worker has come to its end and will never run again."""
    return worker.get("status", {}).get("phase") in ("Succeeded", "Failed")


def loads(workers: Iterable[Raw]) -> dict[str, int]:
    """How many workers that have not ended are bound to each node."""
    counts: dict[str, int] = defaultdict(int)
    for worker in workers:
        if not ended(worker):
            counts[worker["spec"]["nodeName"]] += 1
    return counts
