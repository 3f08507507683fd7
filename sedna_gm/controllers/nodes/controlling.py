"""Joins the decision about a node with heartbeats and the store.

A beat of a node that counts as ready wakes nobody: the node is looked at once per allowed silence. A beat of one
that does not, does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from sedna_gm.controllers.applying import Applier
from sedna_gm.controllers.mirroring import Mirror
from sedna_gm.controllers.nodes.deciding import Life, counts_as_ready, decide, decide_without_node
from sedna_gm.store.heartbeats import Beat, Heartbeats
from sedna_gm.store.interface import Key

KIND = "Node"


class Controller:
    """Handles the keys of nodes."""

    def __init__(
        self,
        mirror: Mirror,
        applier: Applier,
        heartbeats: Heartbeats,
        clock: Callable[[], datetime],
        silence: timedelta,
    ) -> None:
        self._mirror = mirror
        self._applier = applier
        self._heartbeats = heartbeats
        self._clock = clock
        self._silence = silence
        self._lock = threading.Lock()
        self._ready: set[str] = set()

    def handle(self, key: Key) -> datetime | None:
        """Decide about one node and apply it; returns when to look again."""
        self._applier.settle(key)
        node = self._mirror.raw(key)
        if node is None:
            self._note(key.name, is_ready=False)
            self._heartbeats.forget(key.name)
            workers = [worker for worker in self._mirror.raws("Worker") if worker["spec"]["nodeName"] == key.name]
            return self._applier.apply(key, None, decide_without_node(key.name, workers))
        # A beat between this line and the decision wakes the key once more; afterwards nothing is missed.
        self._note(key.name, is_ready=False)
        life = Life(self._heartbeats.last(key.name), self._heartbeats.started, self._silence)
        decision = decide(node, life, self._clock())
        again = self._applier.apply(key, node, decision)
        # One that was silent before this process began stays so until its first beat, which must wake its key.
        settled = decision.look_again_at is not None and decision.status is None
        self._note(key.name, is_ready=settled and counts_as_ready(node))
        return again

    def wakes(self, beat: Beat) -> Key | None:
        """The key to look at after a sign of life, if any."""
        with self._lock:
            known = beat.node in self._ready
        return None if known else Key(KIND, "", beat.node)

    def _note(self, node: str, *, is_ready: bool) -> None:
        with self._lock:
            if is_ready:
                self._ready.add(node)
            else:
                self._ready.discard(node)
