"""Sweeps the GlobalManager's own store of blobs: now and then, and soon after an Artifact was deleted."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable

from sedna.api.quantities import size_text
from sedna_gm.artifacts.interface import Blobs
from sedna_gm.artifacts.sweeping import Sweep, Unclear
from sedna_gm.asides import Aside, at_once
from sedna_gm.errors import Gone, StoreUnavailable
from sedna_gm.store.interface import Change, ChangeType, Clock, Store, Watch

logger = logging.getLogger(__name__)

# Looks at least so often, and at most so often, in seconds: a walk over many blobs is work.
_LONGEST_PAUSE = 600.0
_SHORTEST_PAUSE = 10.0
# A job that goes takes several Artifacts with it.
_SOON = 1.0


class Collector:
    """Collects in a thread of its own, from `start` until `stop`."""

    def __init__(self, store: Store, blobs: Blobs, clock: Clock, keep_seconds: float, aside: Aside = at_once) -> None:
        self._store = store
        self._clock = clock
        self._keep_seconds = keep_seconds
        self._sweep = Sweep("", blobs, lambda: store.list("Artifact").items, keep_seconds, aside=aside)
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
        """Sweeps once; returns after how many seconds to do it again."""
        try:
            swept = self._sweep.sweep(self._clock)
        except (OSError, StoreUnavailable) as error:
            logger.warning("Removing what no Artifact names was not possible: %s; tried again later.", error)
            return _LONGEST_PAUSE
        except Unclear as unclear:
            logger.warning("Nothing is removed from the artifact store: %s.", unclear)
            return _LONGEST_PAUSE
        except Exception:
            # A bug in one look must not be the last look, which would fill the disk.
            logger.exception("Removing what no Artifact names failed: this is a bug.")
            return _LONGEST_PAUSE
        if swept.size:
            logger.info("Removed %s from the artifact store that no Artifact names any more.", size_text(swept.size))
        # What comes from now on is kept for its time at least.
        pause = max(swept.again or self._keep_seconds, min(_SHORTEST_PAUSE, self._keep_seconds))
        return min(pause, _LONGEST_PAUSE)

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
