"""One fetch for each thing that workers wait for, however many wait: threads, waiters, and an end when nobody does.

`fetching` brings contents of the artifact store so, `remote_models` models from object stores; each says what a turn
does. Workers ask and get an answer at once; every step forward wakes them, and they ask again.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sedna_lc.artifacts.moving import Stopped
from sedna_lc.errors import Never
from sedna_lc.loops import KeyedLoop
from sedna_lc.state.stores import Key

_THREADS = 2
# Whoever waits is woken by every step forward; this is for what was missed.
LOOK_SECONDS = 30.0
_TIDY: Key = ("", "tidy")


@dataclass(kw_only=True)
class Fetch:
    """One thing that is on its way, as long as somebody waits for it."""

    pauses: Iterator[float]
    waiters: set[Key] = field(default_factory=set)
    done: int = 0
    total: int = 0
    failure: Never | None = None
    """Why it will not come; whoever asks next is told, and may then ask anew."""


F = TypeVar("F", bound=Fetch)


class Bringer(ABC, Generic[F]):
    """Safe for many threads; the fetches of one key go on one at a time."""

    def __init__(self, name: str, pauses: Callable[[], Iterator[float]], monotonic: Callable[[], float]) -> None:
        self._pauses = pauses
        self._monotonic = monotonic
        self._wake: Callable[[Key], None] = lambda _: None
        self._lock = threading.Lock()
        self._fetches: dict[Key, F] = {}
        self._stop = threading.Event()
        self._loop = KeyedLoop(self._turn, pauses, monotonic, name, _THREADS)

    def subscribe(self, wake: Callable[[Key], None]) -> None:
        """Name who is told that what a worker waits for has come, or come nearer. Call it before `start`."""
        self._wake = wake

    def start(self) -> None:
        """Begin to fetch; first of all, throw away what nobody needs any more."""
        self._loop.start()
        self.tidy()

    def close(self) -> None:
        """Fetch no more for now; what has arrived stays."""
        self._stop.set()
        self._loop.close()

    def tidy(self) -> None:
        """Give up what nobody wants to have fetched any more, now; throw away what nobody needs, soon."""
        # Not on the loop: there, it would wait for the very fetches that are to end.
        with self._lock:
            named = self._named()
            for key in [key for key in self._fetches if key[0] not in named]:
                del self._fetches[key]
        self._loop.add(_TIDY)

    @abstractmethod
    def _named(self) -> Collection[str]:
        """The first parts of the keys that anybody still wants to have fetched."""

    @abstractmethod
    def _prune(self) -> None:
        """Throw away what is here and nobody needs."""

    @abstractmethod
    def _step(self, key: Key) -> float | None:
        """Bring what lies under a key; return seconds after which to try again."""

    def _turn(self, key: Key) -> float | None:
        if key == _TIDY:
            self._prune()
            return None
        return self._step(key)

    def _going(self, key: Key, fetch: F) -> Callable[[], None]:
        """Make what raises Stopped once nobody waits for this fetch any more."""

        def going() -> None:
            if self._stop.is_set() or self._fetches.get(key) is not fetch:
                raise Stopped

        return going

    def _tell(self, fetch: F) -> None:
        with self._lock:
            waiters = list(fetch.waiters)
        for waiter in waiters:
            self._wake(waiter)
