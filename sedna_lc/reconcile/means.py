"""What the acts work with: the parts of this LC that the reconciler needs, and no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sedna.api.times import format_time
from sedna.api.workers import ModelReference, Worker
from sedna_lc.artifacts.fetching import Needed
from sedna_lc.models.slots import ModelSlot
from sedna_lc.places import Places
from sedna_lc.runners.base import Runner
from sedna_lc.state.stores import Key, Store
from sedna_lc.tokens import WorkerTokens
from sedna_lc.users import WorkerUser


class Contents(Protocol):
    """What is needed of `sedna_lc.artifacts.fetching.Fetcher`."""

    def subscribe(self, wake: Callable[[Key], None]) -> None:
        """Name who is told that a content has come, or come nearer."""

    def bring(self, needed: Needed, waiter: Key) -> Path:
        """Return where a content lies. Raises Hindered as long as it is not there, Never when it will not come."""

    def tidy(self) -> None:
        """Throw away what nobody needs, soon."""


class Remotes(Protocol):
    """What is needed of `sedna_lc.artifacts.remote_models.RemoteModels`."""

    def subscribe(self, wake: Callable[[Key], None]) -> None:
        """Name who is told that a model has come, or come nearer."""

    def bring(self, model: ModelReference, waiter: Key) -> Path:
        """Return where a model lies. Raises Hindered as long as it is not there, Never when nothing opens its URL."""

    def tidy(self) -> None:
        """Throw away what nobody needs, soon."""


@dataclass(frozen=True)
class Means:
    """What the acts work with."""

    store: Store
    runner: Runner
    places: Places
    lc_server: str
    clock: Callable[[], datetime]
    contents: Contents
    remotes: Remotes
    #: Who workers run as, looked up anew each time: a group given to that user counts at once. None stands for this
    #: program's own user.
    user: Callable[[], WorkerUser | None] = lambda: None
    #: Of how many last rounds the outputs stay, whatever became of them.
    keep_rounds: int = 5
    #: Whether the GM answers: what it said last of old outputs is true only then.
    heard: Callable[[], bool] = lambda: True

    def tidy(self) -> None:
        """Throw away what came from elsewhere and nobody needs any more, soon."""
        self.contents.tidy()
        self.remotes.tidy()

    @property
    def tokens(self) -> WorkerTokens:
        """Return what hands each worker its own token."""
        return WorkerTokens(self.places.state_dir)

    def slot(self, worker: Worker) -> ModelSlot:
        """Return where the worker's models lie."""
        return ModelSlot(self.places.models_folder(worker))

    def now(self) -> str:
        """Return the time as it travels."""
        return format_time(self.clock())
