"""Removes blobs that are of no use any more: now and then, and soon after an Artifact was deleted.

Each place is looked at before the Artifacts are, so that what was sent and named in between is known to be needed; what
is named after that was touched by its sender, and stays. Where it cannot be told what an Artifact needs, nothing of
its place goes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping

from sedna.api.quantities import size_text
from sedna.api.trees import Tree
from sedna_gm.artifacts.deciding import decide
from sedna_gm.artifacts.interface import Blobs
from sedna_gm.errors import Gone, StoreUnavailable
from sedna_gm.store.interface import Change, ChangeType, Clock, Store, Watch

logger = logging.getLogger(__name__)

# The document of a hundred thousand files has about 15 MB. What is larger than this is no tree.
_LARGEST_TREE = 64 * 1024 * 1024
# So many at a time, since senders wait while some are removed.
_BATCH = 200
# Looks at least so often, and at most so often, in seconds: a walk over many blobs is work.
_LONGEST_PAUSE = 600.0
_SHORTEST_PAUSE = 10.0
# A job that goes takes several Artifacts with it.
_SOON = 1.0


class Unclear(Exception):
    """It cannot be told what an Artifact needs."""


class Collector:
    """Collects in a thread of its own, from `start` until `stop`."""

    def __init__(self, store: Store, places: Mapping[str, Blobs], clock: Clock, keep_seconds: float) -> None:
        """`places` are by the `spec.store` of the Artifacts that lie there; empty is the GlobalManager's own."""
        self._store = store
        self._places = dict(places)
        self._clock = clock
        self._keep_seconds = keep_seconds
        # Trees never change, and reading one of thousands of files costs something.
        self._known: dict[str, frozenset[str]] = {}
        self._lock = threading.Lock()
        self._stopped = False
        self._watch: Watch | None = None
        self._thread = threading.Thread(target=self._run, name="collector", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Ends, after what is being removed."""
        with self._lock:
            self._stopped = True
            watch = self._watch
        if watch is not None:
            watch.close()
        if self._thread.ident is not None:
            self._thread.join()

    def collect(self) -> float:
        """Looks once at each place; returns after how many seconds to look again."""
        pauses = [self._collect(store, blobs) for store, blobs in self._places.items()]
        return min([*pauses, _LONGEST_PAUSE])

    def _collect(self, store: str, blobs: Blobs) -> float:
        where = store or "the artifact store"
        try:
            present = list(blobs.list())
            needed = self._needed(store, blobs)
            decision = decide(present, needed, self._clock().timestamp(), self._keep_seconds)
            freed = 0
            for begin in range(0, len(decision.remove), _BATCH):
                freed += blobs.delete(decision.remove[begin : begin + _BATCH])
        except (OSError, StoreUnavailable) as error:
            logger.warning("Collecting what is of no use in %s was not possible: %s; tried again later.", where, error)
            return _LONGEST_PAUSE
        except Unclear as unclear:
            logger.warning("Nothing is collected in %s: %s.", where, unclear)
            return _LONGEST_PAUSE
        except Exception:
            # A bug in one look must not be the last look, which would fill the disk.
            logger.exception("Collecting in %s failed: this is a bug.", where)
            return _LONGEST_PAUSE
        if freed:
            logger.info("Removed %s from %s that no Artifact names any more.", size_text(freed), where)
        # What comes from now on is kept for its time at least.
        return max(decision.again or self._keep_seconds, min(_SHORTEST_PAUSE, self._keep_seconds))

    def _needed(self, store: str, blobs: Blobs) -> frozenset[str]:
        """Every blob that an Artifact of this store names."""
        trees: set[str] = set()
        for artifact in self._store.list("Artifact").items:
            if artifact["spec"].get("store", "") == store and (tree := artifact.get("status", {}).get("tree")):
                trees.add(tree)
        with self._lock:
            known = {tree: self._known[tree] for tree in trees if tree in self._known}
        for tree in trees - known.keys():
            named = _named(tree, blobs)
            if named is not None:
                known[tree] = named
        with self._lock:
            # Another place's trees stay known too; there are few places.
            self._known = known if len(self._places) == 1 else {**self._known, **known}
        return frozenset(trees).union(*known.values())

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopped:
            try:
                with self._store.watch("Artifact") as watch:
                    with self._lock:
                        self._watch = watch
                    while not (self._stopped or watch.closed):
                        if _deleted(watch.wait(max(due - time.monotonic(), 0.0))):
                            due = min(due, time.monotonic() + _SOON)
                        if time.monotonic() >= due and not self._stopped:
                            due = time.monotonic() + self.collect()
                return
            except Gone:
                # So many Artifacts came and went that some of them may have been deleted.
                due = time.monotonic()


def _deleted(changes: Iterable[Change]) -> bool:
    return any(change.type is ChangeType.DELETED for change in changes)


def _named(sha256: str, blobs: Blobs) -> frozenset[str] | None:
    """What a tree names; None when it is not there (yet), so that nobody can fetch what it names. Raises Unclear."""
    try:
        data = blobs.read(sha256, _LARGEST_TREE)
        return None if data is None else frozenset(Tree.parse(data).blobs)
    except ValueError as error:
        raise Unclear(f"{sha256} is named as a tree by an Artifact and is none: {error}") from None
