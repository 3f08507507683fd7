"""Where a worker's examples may be read, asked anew each time: lc.yml and links may have changed. I/O: looking.

This program may be root; whoever writes manifests must not have it read what the worker itself could not.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sedna.api.validating import parse
from sedna.api.workers import Worker
from sedna_lc.allowed import outside
from sedna_lc.guarded import refusal
from sedna_lc.hard_examples import VARIABLE, Saved, saved
from sedna_lc.labelling.refusing import CannotLabel
from sedna_lc.places import Places
from sedna_lc.state.stores import Store
from sedna_lc.users import READ, WorkerUser, hindrance


class Examples:
    """Finds the folder of a worker here."""

    def __init__(self, store: Store, places: Places, user: Callable[[], WorkerUser | None]) -> None:
        self._store = store
        self._places = places
        self._user = user

    def of(self, namespace: str, worker: str) -> Saved:
        """Return where a worker saves its hard examples. Raises CannotLabel."""
        wire = self._store.wanted("workers").get((namespace, worker))
        if wire is None:
            raise CannotLabel(404, "WorkerNotFound", f"No worker {namespace}/{worker} is on this node.")
        own = saved(parse(Worker, wire))
        if own is None:
            raise CannotLabel(
                404,
                "NoHardExamples",
                f"Worker {worker} saves no hard examples: its variable {VARIABLE} names no folder that a writable "
                "volume mounts.",
            )
        why = self._why_not(own.folder)
        if why is not None:
            raise CannotLabel(403, "NotAllowed", f"The hard examples of worker {worker} are not shown: {why}.")
        return own

    def _why_not(self, folder: Path) -> str | None:
        closed = outside(folder, self._places) or refusal(folder, self._places, made=False)
        user = self._user()
        return closed or (hindrance(folder, user, READ) if user is not None else None)
