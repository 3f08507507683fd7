"""Brings what workers need from the stores into the cache, and tells whoever waits for it how far it is.

`sedna_lc.reconcile` asks for a content; the answer is its folder, or an error that says what has arrived and is
raised anew with every step forward. The bytes come on threads of this module: blobs that are cut go on where they
were, also after a restart, and get their names in `caching` only when their sha256 is right. A store that does not
answer is asked again for as long as somebody waits.
"""

from __future__ import annotations

import errno
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sedna.api.artifacts import ArtifactReference, Tree
from sedna.api.quantities import size_text
from sedna_lc.artifacts.blobs import MOST_TREE_BYTES, Blob, BlobStore, BlobStores, Told, WrongDigest
from sedna_lc.artifacts.bringing import LOOK_SECONDS, Bringer, Fetch
from sedna_lc.artifacts.caching import ArtifactCache, blobs_on_disk
from sedna_lc.artifacts.moving import Meter, Stopped, amount, move_all
from sedna_lc.errors import Again, GmUnavailable, Hindered, Never
from sedna_lc.state.stores import Key

logger = logging.getLogger(__name__)

# Once may be the line, or a piece from before the content was sent anew; twice is the store.
_MOST_WRONG = 2
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Needed:
    """A content that somebody needs, and how to speak of it."""

    reference: ArtifactReference
    name: str
    """What a folder of it is to be called here."""
    what: str
    """Such as "model m" or "the samples of dataset d"."""
    reason: str
    """The word for a status while it is on its way."""


class Wants(Protocol):
    """Which contents this node's workers want, each by its tree."""

    def named(self) -> Collection[str]:
        """All that any worker names; a fetch of another one is given up."""

    def needed(self) -> Collection[str]:
        """Those that must stay here; all others are thrown away."""


@dataclass(kw_only=True)
class _Fetch(Fetch):
    needed: Needed
    wrong: Counter[str] = field(default_factory=Counter)
    """How often a blob was not what its name says."""
    problem: Again | None = None


class Fetcher(Bringer[_Fetch]):
    """One fetch for each content; the key is its tree and its store."""

    def __init__(
        self,
        cache: ArtifactCache,
        stores: BlobStores,
        wants: Wants,
        pauses: Callable[[], Iterator[float]],
        monotonic: Callable[[], float],
    ) -> None:
        super().__init__("Content", pauses, monotonic)
        self._cache = cache
        self._stores = stores
        self._wants = wants

    def start(self) -> None:
        """Begin to fetch; first of all, throw away what nobody needs any more."""
        self._cache.prepare()
        super().start()

    def bring(self, needed: Needed, waiter: Key) -> Path:
        """Return where a content lies, whole: a file, or a folder. Returns or raises at once.

        Raises:
            Hindered: it is on its way, or cannot come now; `waiter` is told when that changes.
            Never: what the store has is not what was asked for (WrongDigest), or the store cannot be used.
        """
        reference = needed.reference
        key = (reference.tree, reference.store)
        with self._lock:
            fetch = self._fetches.get(key)
        if fetch is None:
            try:
                path = self._cache.path_in(reference.tree, needed.name)
            except OSError as problem:
                raise Hindered(_reason_of(problem), f"{needed.what} cannot be put in place: {problem}.") from problem
            except ValueError as problem:
                raise Never("WrongDigest", f"{needed.what}: the store has no tree of that name: {problem}.") from None
            if path is not None:
                return path
        with self._lock:
            fetch = self._fetches.get(key)
            if fetch is None:
                fetch = self._fetches[key] = _Fetch(needed=needed, pauses=self._pauses(), total=reference.size_bytes)
                self._loop.add(key)
            fetch.waiters.add(waiter)
            if fetch.failure is not None:
                del self._fetches[key]
                raise fetch.failure
        raise _hindered(fetch)

    def _step(self, key: Key) -> float | None:
        fetch = self._fetches.get(key)
        if fetch is None or fetch.failure is not None:
            return None
        try:
            self._fetch(key, fetch)
        except Stopped:
            return None
        except WrongDigest as problem:
            if max(fetch.wrong.values(), default=_MOST_WRONG) < _MOST_WRONG:
                logger.warning("%s is fetched again: %s", fetch.needed.what, problem.message)
                return 0.0
            message = f"{fetch.needed.what}, fetched twice: {problem.message} {self._ask_store(fetch)}"
            self._fail(fetch, Never("WrongDigest", message.rstrip()))
            return None
        except Again as problem:
            return self._delay(fetch, problem)
        except Never as problem:
            self._fail(fetch, problem)
            return None
        except OSError as problem:
            return self._delay(fetch, Again(_reason_of(problem), f"{self._cache.folder}: {problem}."))
        with self._lock:
            # Dropped meanwhile, it may have been asked for anew; that one has its own turn, and nothing left to do.
            if self._fetches.get(key) is fetch:
                del self._fetches[key]
        logger.info("%s has arrived, and is whole.", fetch.needed.what)
        self._tell(fetch)
        return None

    def _fetch(self, key: Key, fetch: _Fetch) -> None:
        store = self._stores(fetch.needed.reference.store)
        going = self._going(key, fetch)
        going()

        def moving() -> None:
            going()
            self._check_room()

        tree = self._fetch_tree(fetch, store, moving)
        blobs = tree.blobs
        here = blobs_on_disk(self._cache, blobs)
        fetch.total, fetch.done = sum(blobs.values()), sum(here.values())
        missing = fetch.total - fetch.done
        if missing and missing >= self._cache.free():
            room, free = size_text(missing), size_text(self._cache.free())
            raise Again("NoSpace", f"{room} are needed in {self._cache.folder}, and {free} are free.")
        meter = Meter(fetch.total, fetch.done, lambda done: self._note(fetch, done), moving, self._monotonic)

        def move(blob: Blob) -> None:
            begin = self._cache.arrived(blob.sha256)
            self._fetch_blob(fetch, store, blob, begin, meter.follow(begin))
            fetch.problem = None

        try:
            move_all([Blob(*one) for one in blobs.items() if not self._cache.has(one[0])], move)
        except OSError as problem:
            if problem.errno in _FULL:
                # Nothing that is of no use yet may take the room that others need.
                self._cache.drop_parts(blobs)
            raise
        finally:
            fetch.done = meter.done
        self._cache.sync()

    def _fetch_tree(self, fetch: _Fetch, store: BlobStore, moving: Callable[[], None]) -> Tree:
        name = fetch.needed.reference.tree
        if not self._cache.has(name):
            # How long it is nobody said.
            self._fetch_blob(fetch, store, Blob(name, MOST_TREE_BYTES), self._cache.arrived(name), lambda _: moving())
            self._cache.sync()
        try:
            tree = self._cache.tree(name)
        except ValueError as problem:
            raise Never("WrongDigest", f"{fetch.needed.what}: {problem}.") from problem
        if tree is None:
            raise Again("CacheUnusable", f"The tree {name[:12]} has just vanished from {self._cache.folder}.")
        return tree

    def _fetch_blob(self, fetch: _Fetch, store: BlobStore, blob: Blob, begin: int, told: Told) -> None:
        try:
            if begin < blob.size or not blob.size:
                store.fetch(blob, self._cache.part(blob.sha256), begin, told)
            self._cache.keep(blob.sha256)
        except WrongDigest:
            self._cache.drop_parts([blob.sha256])
            with self._lock:
                fetch.wrong[blob.sha256] += 1
            raise

    def _ask_store(self, fetch: _Fetch) -> str:
        """Let the store look at what has come wrong twice, and return what it says of it.

        What it throws away is sent again with the Artifact, which is made anew once a worker has failed by it.
        """
        wrong = [sha256 for sha256, times in fetch.wrong.items() if times >= _MOST_WRONG]
        said = []
        for sha256 in wrong:
            try:
                is_right = self._stores(fetch.needed.reference.store).verify(Blob(sha256, 0))
            except (Again, Never) as problem:
                said.append(f"The store could not be asked about its copy of {sha256[:12]}: {problem.message}")
            else:
                found = "is right, so it is the way here that spoils it" if is_right else "was wrong; it is sent again"
                said.append(f"The store's own copy of {sha256[:12]} {found}.")
        return " ".join(said)

    def _check_room(self) -> None:
        """Stop where others' room begins: several fetches go on at a time, and each looked for itself."""
        if not self._cache.free():
            raise OSError(errno.ENOSPC, "No space is left but what is kept for this host's other data")

    def _note(self, fetch: _Fetch, done: int) -> None:
        fetch.done = done
        self._tell(fetch)

    def _delay(self, fetch: _Fetch, problem: Again) -> float:
        fetch.problem = problem
        self._tell(fetch)
        return problem.after_seconds or next(fetch.pauses)

    def _fail(self, fetch: _Fetch, failure: Never) -> None:
        logger.error("%s cannot be fetched: %s", fetch.needed.what, failure.message)
        with self._lock:
            fetch.failure = failure
        self._tell(fetch)

    def _named(self) -> Collection[str]:
        return self._wants.named()

    def _prune(self) -> None:
        self._cache.prune(self._all_needed)

    def _all_needed(self) -> Collection[str]:
        with self._lock:
            return {*self._wants.needed(), *(tree for tree, _ in self._fetches)}


def _reason_of(problem: OSError) -> str:
    return "NoSpace" if problem.errno in _FULL else "CacheUnusable"


def _hindered(fetch: _Fetch) -> Hindered:
    needed, problem = fetch.needed, fetch.problem
    sentence = f"{amount(fetch.done, fetch.total)} of {needed.what} have arrived."
    if problem is None:
        return Hindered(needed.reason, sentence, LOOK_SECONDS)
    # Without a line, it is still on its way; anything else is what somebody should know first.
    reason = needed.reason if isinstance(problem, GmUnavailable) else problem.reason
    return Hindered(reason, f"{sentence} {problem.message}", LOOK_SECONDS)
