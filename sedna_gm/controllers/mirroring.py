"""The resources that controllers decide about, in memory, always at one revision of the store.

One thread pumps the store's watch into the mirror; controllers read it. A snapshot taken here is one point in the
store's history, which separate reads of the store would not be. Fed by `sedna_gm.store`, read by every controller.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeVar, cast

from sedna.api.meta import Resource
from sedna_gm.controllers.entries import Entry, Raw
from sedna_gm.controllers.fleet import Fleet, Roll
from sedna_gm.errors import Gone
from sedna_gm.store.interface import Change, ChangeType, Key, Store, Watch, key_of, revision_of

_LOG = logging.getLogger(__name__)

JOB_KINDS = ("IncrementalLearningJob",)
OWNED_KINDS = ("Worker", "Artifact")
"""What controllers make for a job, and what names it."""
KINDS = ("Node", "Dataset", "Model", *JOB_KINDS, *OWNED_KINDS)

Listener = Callable[[Sequence[Change]], None]
R = TypeVar("R", bound=Resource)


class Mirror:
    """All resources of `KINDS`, and which workers and artifacts belong to which job. Safe to use from many threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changed = threading.Condition()
        self._entries: dict[str, dict[Key, Entry]] = {kind: {} for kind in KINDS}
        self._owned: dict[str, dict[Key, set[Key]]] = {kind: defaultdict(set) for kind in OWNED_KINDS}
        self._named_by: dict[Key, set[Key]] = defaultdict(set)
        self._roll = Roll(_left_out)
        self._model_urls: frozenset[str] | None = None
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
            for index in (*self._owned.values(), self._named_by):
                index.clear()
            self._roll = Roll(_left_out)
            self._model_urls = None
            for kind in KINDS:
                self._entries[kind] = {}
                for raw in self._store.list(kind).items:
                    self._put(key_of(raw), raw)
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

    def owned(self, kind: str, job: Key) -> list[Entry]:
        """Every worker, or every artifact, that names this job, in the order of their names."""
        with self._changed:
            return [self._entries[kind][key] for key in sorted(self._owned[kind].get(job, ()))]

    def jobs_naming(self, key: Key) -> list[Key]:
        """The jobs that name this dataset or model."""
        with self._changed:
            return sorted(self._named_by.get(key, ()))

    def nodes(self) -> Fleet:
        """All nodes, and how many workers that have not ended are bound to each."""
        with self._changed:
            return self._roll.fleet()

    def model_urls(self) -> frozenset[str]:
        """Every URL that any Model of any namespace names as its file or as one of its versions."""
        with self._changed:
            if self._model_urls is None:
                # Collected once after a Model has changed, not for each of thousands of decisions in between.
                models = self._entries["Model"].values()
                self._model_urls = frozenset(url for entry in models for url in urls_of(entry.raw))
            return self._model_urls

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
        self._put(change.key, None if change.type is ChangeType.DELETED else change.resource)

    def _put(self, key: Key, raw: Raw | None) -> None:
        """The one place where an entry comes, changes or goes, and the indexes with it."""
        entries = self._entries[key.kind]
        before = entries.pop(key, None)
        if before is not None:
            self._index(key, before.raw, -1)
        if raw is not None:
            entries[key] = Entry(raw)
            self._index(key, raw, +1)
        if key.kind == "Node":
            self._roll.put(key.name, entries.get(key))

    def _index(self, key: Key, raw: Raw, change: int) -> None:
        if key.kind in OWNED_KINDS:
            _link(self._owned[key.kind], owner_key(raw), key, change)
            if key.kind == "Worker" and not ended(raw):
                self._roll.bind(raw["spec"]["nodeName"], change)
        elif key.kind in JOB_KINDS:
            for named in references(raw):
                _link(self._named_by, named, key, change)
        elif key.kind == "Model":
            self._model_urls = None


def _left_out(node: str) -> None:
    _LOG.warning("The stored node %s cannot be read and is left out.", node)


def _link(index: dict[Key, set[Key]], where: Key, key: Key, change: int) -> None:
    if change > 0:
        index[where].add(key)
        return
    index[where].discard(key)
    if not index[where]:
        del index[where]


def owner_key(owned: Raw) -> Key:
    """The key of the job that a worker or an artifact belongs to."""
    job = owned["spec"]["job"]
    return Key(job["kind"], owned["metadata"].get("namespace") or "", job["name"])


def ended(worker: Raw) -> bool:
    """Whether a worker has come to its end and will never run again."""
    return worker.get("status", {}).get("phase") in ("Succeeded", "Failed")


def urls_of(model: Raw) -> set[str]:
    """Where the file of a Model lies, and its versions."""
    status = model.get("status") or {}
    named = [model["spec"], status.get("version") or {}, *status.get("versions", ())]
    return {one["url"] for one in named if "url" in one}


def references(job: Raw) -> set[Key]:
    """The datasets and models that a job names."""
    spec, namespace = job["spec"], job["metadata"].get("namespace") or ""
    names = {spec["initialModel"]["name"], spec["deploySpec"]["model"]["name"]}
    compared = spec["evalSpec"].get("initialEvalModel")
    if compared:
        names.add(compared["name"])
    models = {Key("Model", namespace, name) for name in names}
    datasets = {spec["dataset"]["name"]}
    regression = spec["evalSpec"].get("regressionDataset")
    if regression:
        datasets.add(regression["name"])
    return models | {Key("Dataset", namespace, name) for name in datasets}
