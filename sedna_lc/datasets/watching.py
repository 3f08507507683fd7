"""Every dataset of this node is followed by a thread of its own, and its counts are told to the GM.

A slow disk under one dataset holds up no other. A thread sleeps until the file watcher, the safety poll or a change
of the dataset wakes it; the first change is told at once, later ones at most a few times a second.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from sedna.api.datasets import Dataset, DatasetStatus
from sedna.api.times import format_time
from sedna.api.validating import parse
from sedna_lc.datasets.leaving import Leavers
from sedna_lc.datasets.tailing import Problem, Tail
from sedna_lc.errors import LcError
from sedna_lc.places import local_path
from sedna_lc.state.letters import status_letter
from sedna_lc.state.stores import Key, Store, Wire, key_of
from sedna_lc.users import WorkerUser

logger = logging.getLogger(__name__)

# The last samples of a short burst are told as soon as the first; while they go on coming, a few reports a second are
# enough for people and triggers, however fast they come.
_SECONDS_BETWEEN_LOOKS = (0.05, 0.25)
# How long a failed write to our own state (disk full) waits before it is tried again.
_SECONDS_AFTER_FAILURE = 5.0


class Handle(Protocol):
    """A watch that can be ended."""

    def close(self) -> None:
        """End it."""


class Watcher(Protocol):
    """What is needed of `sedna.common.watching.FileWatcher`."""

    def watch(self, path: str, callback: Callable[[], None]) -> Handle:
        """Call back after every change of the path."""


class DatasetKeeper:
    """Follows exactly the datasets that are wanted here."""

    def __init__(
        self,
        folder: Path,
        store: Store,
        watcher: Watcher,
        posted: Callable[[], None],
        clock: Callable[[], datetime],
        poll_seconds: float = 30.0,
        user: Callable[[], WorkerUser | None] = lambda: None,
        refusal: Callable[[int], str | None] = lambda _: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make it; datasets come by `want`.

        `user` is whom workers run as, asked each time: a list that this user may not read is not read for it.
        `refusal` says of an open file why no manifest may name it.
        """
        self.folder = folder
        self._store = store
        self._watcher = watcher
        self._posted = posted
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._user = user
        self._refusal = refusal
        self._lock = threading.Lock()
        self._followers: dict[Key, _Follower] = {}
        self._leavers = Leavers(folder, monotonic, store.drop_progress)

    def want_exactly(self, resources: Iterable[Wire]) -> None:
        """Follow these datasets and no others."""
        wanted = {key_of(one): one for one in resources}
        with self._lock:
            for key in self._followers.keys() - wanted.keys():
                self._end(key)
            for resource in wanted.values():
                self._want(resource)

    def want(self, resource: Wire) -> None:
        """Follow a dataset, or follow it as it has become."""
        with self._lock:
            self._want(resource)

    def unwant(self, key: Key) -> None:
        """Follow a dataset no longer; unknown ones are fine."""
        with self._lock:
            self._end(key)

    def look_at_gone(self, *, heard: bool, listed: bool = False) -> None:
        """Throw away the samples of datasets that have been gone for long. Call it regularly, and after each list.

        `heard` tells whether the GM answers, `listed` whether it has just said all that it wants.
        """
        # What comes back meanwhile waits, or is wanted already.
        with self._lock:
            wanted = {one["metadata"]["uid"] for one in self._store.wanted("datasets").values()}
            self._leavers.look(wanted, heard=heard, listed=listed)

    def close(self) -> None:
        """End all threads; what was read is safe."""
        with self._lock:
            for follower in self._followers.values():
                follower.stop()
            for key in list(self._followers):
                self._end(key)

    def _want(self, resource: Wire) -> None:
        key = key_of(resource)
        try:
            dataset = parse(Dataset, resource)
        except ValidationError as problem:
            # One that a newer GM describes in words unknown here must not make the node deaf to all others.
            logger.warning("Dataset %s cannot be read and is not followed: %s", "/".join(key), problem)
            self._end(key)
            return
        known = self._followers.get(key)
        if known is not None and known.follows(dataset):
            known.update(dataset)
            return
        self._end(key)
        folder = self.folder / str(dataset.metadata.uid)
        self._leavers.come_back(folder.name)
        tail = partial(Tail, user=self._user, refusal=self._refusal)
        self._followers[key] = _Follower(
            dataset, folder, self._store, self._watcher, self._posted, self._clock, self._poll_seconds, tail
        )

    def _end(self, key: Key) -> None:
        follower = self._followers.pop(key, None)
        if follower is not None:
            follower.close()


class _Follower:
    """One dataset's thread."""

    def __init__(
        self,
        dataset: Dataset,
        folder: Path,
        store: Store,
        watcher: Watcher,
        posted: Callable[[], None],
        clock: Callable[[], datetime],
        poll_seconds: float,
        tail: Callable[[Path, Store, str, str, str], Tail],
    ) -> None:
        self._dataset = dataset
        self._folder = folder
        self._store = store
        self._posted = posted
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._tail = tail
        self._told = dataset.status
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._path = local_path(dataset.spec.url)
        self._handle = watcher.watch(self._path, self._wake.set) if self._path is not None else None
        name = f"dataset-{dataset.metadata.namespace}-{dataset.metadata.name}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def follows(self, dataset: Dataset) -> bool:
        """Tell whether this thread already reads the right file for the right dataset."""
        mine, other = self._dataset, dataset
        return (mine.metadata.uid, mine.spec.url, mine.spec.format) == (
            other.metadata.uid,
            other.spec.url,
            other.spec.format,
        )

    def update(self, dataset: Dataset) -> None:
        """Take over what else may have changed."""
        changed = dataset.metadata.generation != self._dataset.metadata.generation
        self._dataset = dataset
        # What the GM holds, not what was sent once: it may have been restored from an older backup.
        self._told = dataset.status
        if changed:
            self._wake.set()

    def stop(self) -> None:
        """Ask the thread to end."""
        self._stop.set()
        self._wake.set()

    def close(self) -> None:
        """End the thread."""
        self.stop()
        if self._handle is not None:
            self._handle.close()
        self._thread.join()

    def _run(self) -> None:
        if self._path is None:
            url = self._dataset.spec.url
            message = f"{url} cannot be read: an absolute path (or file:///…) on this node is wanted."
            self._tell(self._status(None, Problem("UrlNotLocal", message)))
            return
        while not self._stop.is_set():
            try:
                self._follow(self._path)
            except (OSError, sqlite3.Error, LcError):
                logger.exception("The samples of %s cannot be kept; it is tried again.", self._path)
                self._stop.wait(_SECONDS_AFTER_FAILURE)

    def _follow(self, path: str) -> None:
        uid, file_format = str(self._dataset.metadata.uid), self._dataset.spec.format
        tail = self._tail(self._folder, self._store, uid, path, file_format)
        shortest, longest = _SECONDS_BETWEEN_LOOKS
        pause = shortest
        try:
            while not self._stop.is_set():
                self._wake.clear()
                tail.poll(self._stop)
                if not self._stop.is_set():
                    self._tell(self._status(tail, tail.problem))
                self._stop.wait(pause)
                pause = min(2 * pause, longest) if self._wake.is_set() else shortest
                self._wake.wait(self._poll_seconds)
        finally:
            tail.close()

    def _status(self, tail: Tail | None, problem: Problem | None) -> DatasetStatus:
        return DatasetStatus(
            number_of_samples=tail.progress.lines if tail else 0,
            samples_seen=tail.progress.samples if tail else 0,
            generation=tail.progress.generation if tail else 0,
            state="Watching" if problem is None else "Unavailable",
            reason=problem.reason if problem else None,
            message=problem.message if problem else None,
            observed_generation=self._dataset.metadata.generation,
        )

    def _tell(self, status: DatasetStatus) -> None:
        if status.model_dump() == self._told.model_copy(update={"update_time": None}).model_dump():
            return
        self._told = status.model_copy(update={"update_time": format_time(self._clock())})
        metadata = self._dataset.metadata
        key = (metadata.namespace or "default", metadata.name)
        self._store.post(status_letter("datasets", key, str(metadata.uid), self._told))
        self._posted()
        if status.reason is not None:
            logger.warning("Dataset %s is unavailable: %s", "/".join(key), status.message)
