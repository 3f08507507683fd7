"""Models that lie on no node but on S3: brought to this one, however many workers wait for one.

`sedna_lc.reconcile.providing` asks for a model and gets its path, or an error that says how far it is or what is in
the way; `remote_versions` does the fetching and keeps what has come. A store that does not answer, or a credential that
is missing, is tried again for as long as somebody waits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sedna.api.workers import ModelReference
from sedna.common.credentials import Credential, from_environment, read_credential
from sedna.common.object_stores import FULL, ObjectStore, Opener, open_file_system, scheme_of
from sedna.common.remote_errors import DiskFull, RemoteError, StoreRefused, Unreachable
from sedna_lc.artifacts.bringing import LOOK_SECONDS, Bringer, Fetch
from sedna_lc.artifacts.moving import Stopped, amount
from sedna_lc.artifacts.remote_problems import as_ours
from sedna_lc.artifacts.remote_versions import Progress, RemoteVersions
from sedna_lc.errors import Hindered, Never
from sedna_lc.state.stores import Key

logger = logging.getLogger(__name__)

# A worker that could not start for another reason does not ask the store again with every try.
_FRESH_SECONDS = 60.0


@dataclass(kw_only=True)
class _Fetch(Fetch):
    """One model, as long as somebody waits for it or has just got it."""

    model: ModelReference
    problem: Hindered | None = None
    path: Path | None = None
    looked_at: float = 0.0
    credentials: set[str | None] = field(default_factory=set)
    """The names that were asked with so far; one that is not among them is no reason to wait."""

    @property
    def pending(self) -> bool:
        return self.path is None and self.failure is None


class RemoteModels(Bringer[_Fetch]):
    """See the module. The key is a model's URL and its sha256; a URL is fetched by one thread at a time."""

    def __init__(
        self,
        versions: RemoteVersions,
        credentials_dir: Path,
        wanted: Callable[[], Collection[str]],
        pauses: Callable[[], Iterator[float]],
        monotonic: Callable[[], float],
        opener: Opener = open_file_system,
    ) -> None:
        """`wanted` tells which URLs this node's workers still need from here; all others are thrown away."""
        super().__init__("Model", pauses, monotonic)
        self._versions = versions
        self._credentials_dir = credentials_dir
        self._wanted = wanted
        self._opener = opener

    def bring(self, model: ModelReference, waiter: Key) -> Path:
        """Return where a model lies, whole: a file, or a folder. Returns or raises at once.

        Raises:
            Hindered: it is on its way, or cannot come now; `waiter` is told when that changes.
            Never: nothing opens such a URL.
        """
        if model.sha256 and (kept := self._versions.with_content(model.url, model.sha256)) is not None:
            return kept
        key = (model.url, model.sha256 or "")
        with self._lock:
            fetch = self._fetches.get(key)
            # Whoever waits is woken by every failure, and asks again: that alone must not cut a pause short.
            is_new = fetch is None
            if fetch is None:
                fetch = self._fetches[key] = _Fetch(model=model, pauses=self._pauses())
            if fetch.path is not None and self._monotonic() - fetch.looked_at < _FRESH_SECONDS and fetch.path.exists():
                return fetch.path
            if fetch.failure is not None:
                del self._fetches[key]
                raise fetch.failure
            if fetch.path is not None:
                fetch.path, fetch.pauses, is_new = None, self._pauses(), True
            # The manifest may name another credential by now.
            is_new = is_new or model.credential_name not in fetch.credentials
            fetch.model = model
            fetch.credentials.add(model.credential_name)
            fetch.waiters.add(waiter)
        if is_new:
            self._loop.add((model.url, ""))
        raise _hindered(fetch)

    def _step(self, key: Key) -> float | None:
        with self._lock:
            pending = [fetch for (url, _), fetch in self._fetches.items() if url == key[0] and fetch.pending]
        delays = [delay for fetch in pending if (delay := self._try(fetch)) is not None]
        return min(delays, default=None)

    def _try(self, fetch: _Fetch) -> float | None:
        try:
            path = self._fetch(fetch)
        except Stopped:
            return None
        except RemoteError as problem:
            return self._put_off(fetch, problem)
        except OSError as problem:
            kind = DiskFull if problem.errno in FULL else StoreRefused
            return self._put_off(fetch, kind(f"{self._versions.folder}: {problem.strerror or problem}"))
        self._has_come(fetch, path)
        return None

    def _fetch(self, fetch: _Fetch) -> Path:
        store = ObjectStore(fetch.model.url, self._credential(fetch.model), self._opener)

        def tell(done: int, total: int) -> None:
            fetch.done, fetch.total, fetch.problem = done, total, None
            self._tell(fetch)

        going = self._going((fetch.model.url, fetch.model.sha256 or ""), fetch)
        return self._versions.fetch(store, fetch.model, Progress(tell, going, self._monotonic))

    def _credential(self, model: ModelReference) -> Credential | None:
        if model.credential_name:
            return read_credential(self._credentials_dir, model.credential_name)
        return from_environment() if scheme_of(model.url) == "s3" else None

    def _has_come(self, fetch: _Fetch, path: Path) -> None:
        with self._lock:
            fetch.path, fetch.problem, fetch.looked_at = path, None, self._monotonic()
        logger.info("Model %s has come from %s, and is whole.", fetch.model.name, fetch.model.url)
        self._tell(fetch)

    def _put_off(self, fetch: _Fetch, problem: RemoteError) -> float | None:
        if isinstance(problem, Unreachable) and not fetch.model.sha256:
            newest = self._versions.newest(fetch.model.url)
            if newest is not None:
                # Which content it should be nobody said, and a host without a line is better served than not at all.
                logger.warning("Model %s is taken as it was fetched last: %s.", fetch.model.name, problem)
                self._has_come(fetch, newest)
                return None
        told = as_ours(problem)
        with self._lock:
            if isinstance(told, Never):
                fetch.failure = told
            else:
                fetch.problem = Hindered(told.reason, told.message)
        logger.warning("Model %s cannot be fetched: %s", fetch.model.name, told.message)
        self._tell(fetch)
        return None if fetch.failure is not None else next(fetch.pauses)

    def _named(self) -> Collection[str]:
        return self._wanted()

    def _prune(self) -> None:
        self._versions.prune(self._wanted())


def _hindered(fetch: _Fetch) -> Hindered:
    if fetch.problem is not None:
        return Hindered(fetch.problem.reason, fetch.problem.message, LOOK_SECONDS)
    so_far = f": {amount(fetch.done, fetch.total)}" if fetch.total else ""
    sentence = f"Model {fetch.model.name} comes from {fetch.model.url}{so_far}."
    return Hindered("FetchingModel", sentence, LOOK_SECONDS)
