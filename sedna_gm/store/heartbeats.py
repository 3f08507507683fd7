"""When each node last gave a sign of life: in memory only, never in the database.

The HTTP door calls `beat`; the node controller reads `last` and listens. A thousand nodes that beat every ten
seconds must not cost a hundred writes a second; only a change of a node's readiness is worth storing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sedna_gm.store.interface import Clock


@dataclass(frozen=True)
class Beat:
    """One sign of life. `previous` is the one before it, None for the first since this process started."""

    node: str
    at: datetime
    previous: datetime | None


class Heartbeats:
    """The last sign of life of every node. `started` tells since when silence means anything.

    A clock that was ahead and is set back leaves moments that are still to come. They count as now: else a node that
    dies would be taken for alive until then.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last: dict[str, datetime] = {}
        self._listeners: list[Callable[[Beat], None]] = []
        self._started = clock()

    @property
    def started(self) -> datetime:
        """Since when silence means anything."""
        with self._lock:
            self._started = min(self._started, self._clock())
            return self._started

    def beat(self, node: str) -> Beat:
        """Notes a sign of life and tells the listeners, in the caller's thread."""
        with self._lock:
            beat = Beat(node, self._clock(), self._last.get(node))
            self._last[node] = beat.at
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener(beat)
        return beat

    def last(self, node: str) -> datetime | None:
        """The last sign of life, None when there was none since `started`."""
        with self._lock:
            if node in self._last:
                self._last[node] = min(self._last[node], self._clock())
            return self._last.get(node)

    def forget(self, node: str) -> None:
        """Drops a node that was deleted."""
        with self._lock:
            self._last.pop(node, None)

    def subscribe(self, listener: Callable[[Beat], None]) -> Callable[[], None]:
        """Calls `listener` at every beat (it must return at once); the answer unsubscribes it."""
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe
