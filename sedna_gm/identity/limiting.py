"""How much of one thing one caller may have: watches open at once, and failed attempts to prove who they are.

A client that keeps taking hurts itself only. Both are counts in memory, bounded, and forgotten with the process.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress

from sedna_gm.errors import TooMany
from sedna_gm.identity.identities import Identity

# Ends of watches come within seconds where a client gives them up.
_PAUSE_SECONDS = 15
WATCHES = (
    "{identity} has {held} watches open, which is all it may have: close some, or wait until those that nobody reads "
    "have ended (http.maxWatchesPerClient and http.maxWatchesPerNode in gm.yml)."
)
WRITES = "{identity} has {held} writes under way, which is all it may have: wait until some are done."
# Who sends bodies in drops holds a connection for each. A LocalController answers 32 questions at once at most, and
# sends a few blobs and letters beside them.
MOST_WRITES = 100
# A host whose key was revoked tries four times in half a minute at worst; a guesser many more.
_FAILURES = 30.0
_PER_SECOND = 0.5
# Addresses remembered: whoever has more of them gains little, since each try costs us one look at the store.
_MOST_ADDRESSES = 10_000


class Places:
    """Something that takes its time, such as open watches, by who holds it."""

    def __init__(self, most_of_person: int, most_of_node: int, sentence: str) -> None:
        """`sentence` says what to do, of {identity} who has {held}."""
        self._most = {"person": most_of_person, "node": most_of_node}
        self._sentence = sentence
        self._lock = threading.Lock()
        self._held: dict[tuple[str, str], int] = {}

    def take(self, identity: Identity) -> Callable[[], None]:
        """Takes a place for one more; what it returns gives it back, once. Raises TooMany.

        Who is not known by name (`auth: none`) is not counted.
        """
        most = self._most.get(identity.kind)
        if most is None:
            return lambda: None
        key = (identity.kind, identity.name)
        with self._lock:
            held = self._held.get(key, 0)
            if held >= most:
                raise TooMany(self._sentence.format(identity=identity, held=held), _PAUSE_SECONDS)
            self._held[key] = held + 1
        left = [key]

        def give_back() -> None:
            with self._lock, suppress(IndexError):
                self._leave(left.pop())

        return give_back

    def _leave(self, key: tuple[str, str]) -> None:
        self._held[key] -= 1
        if not self._held[key]:
            del self._held[key]


class Failures:
    """Failed attempts by address: a bucket each, which empties with time."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def note(self, address: str) -> None:
        """One more failure. Raises TooMany where there were too many in a short time.

        Only failures come here: who proves who they are is let in, whoever else shares their address.
        """
        now = self._monotonic()
        with self._lock:
            level, at = self._levels.pop(address, (0.0, now))
            level = max(0.0, level - (now - at) * _PER_SECOND)
            # A drop that has run out since the last one makes no room for a whole one.
            too_many = level + 1.0 > _FAILURES
            # What is held up does not count: who waits a moment hears again what is wrong.
            self._levels[address] = (level if too_many else level + 1.0, now)
            if len(self._levels) > _MOST_ADDRESSES:
                self._levels.popitem(last=False)
        if too_many:
            seconds = round(1 / _PER_SECOND)
            raise TooMany("Too many requests without a good credential came from this address; wait a moment.", seconds)
