"""Starts and stops everything that decides: the one place that knows all controllers.

`sedna_gm.daemon` calls `start` with the parts it has made; tests may drive `Controllers` by hand, without threads.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sedna_gm.controllers.applying import CATCH_UP, Applier
from sedna_gm.controllers.decisions import JSON
from sedna_gm.controllers.delays import doubling
from sedna_gm.controllers.forgetting import Histories
from sedna_gm.controllers.incremental_learning import controlling as jobs
from sedna_gm.controllers.incremental_learning.settings import Settings as JobSettings
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.mirroring import OWNED_KINDS, Mirror, owner_key
from sedna_gm.controllers.nodes import controlling as node_controlling
from sedna_gm.controllers.queueing import Queue, Workers
from sedna_gm.controllers.telling import Events
from sedna_gm.controllers.watching import touched
from sedna_gm.errors import GMError, Gone
from sedna_gm.store.heartbeats import Beat, Heartbeats
from sedna_gm.store.interface import Key, Store

_LOG = logging.getLogger(__name__)

SWEEP = Key("Event", "", "sweep")
"""Not a resource: the key under which old events and rounds are swept, so that it waits its turn like any other."""


@dataclass(frozen=True)
class Settings:
    """How many hands, and how patient. Times in seconds."""

    threads: int = 4
    """Keys handled at once. They mostly wait for the store, so more than cores make sense, many more do not."""
    first_delay: float = 1.0
    """Hold on a key after its first unexpected error; doubles with each further one."""
    longest_delay: float = 300.0
    node_silence: float = 40.0
    """A node not heard of for so long, four heartbeats, is no longer Ready."""
    event_age: float = 24 * 3600.0
    """How long events are kept."""
    events_per_resource: int = 100
    events: int = 20_000
    """How many events there are at most, whoever writes them."""
    rounds: int = 1000
    """How many records of rounds each job keeps."""
    sweep_period: float = 600.0
    """How often old events and rounds are swept."""
    patience: float = 10.0
    """How long `stop` waits for what is being handled."""
    jobs: JobSettings = field(default_factory=JobSettings)


class Controllers:
    """All controllers over one store. `start` runs them in threads until `stop`."""

    def __init__(
        self,
        store: Store,
        heartbeats: Heartbeats,
        clock: Callable[[], datetime],
        settings: Settings,
        finished: Callable[[JSON], None] = lambda _record: None,
    ) -> None:
        """`finished` is told the record of each finished round."""
        self._clock = clock
        self._settings = settings
        self._store = store
        self._stopping = threading.Event()
        self.mirror = Mirror(store)
        self.queue: Queue[Key] = Queue(clock)
        self.events = Events(
            store,
            clock,
            keep=timedelta(seconds=settings.event_age),
            most=settings.events_per_resource,
            most_of_all=settings.events,
        )
        self.histories = Histories(store, settings.rounds)
        applier = Applier(store, self.mirror, self.events, finished)
        silence = timedelta(seconds=settings.node_silence)
        self._nodes = node_controlling.Controller(self.mirror, applier, heartbeats, clock, silence)
        self._jobs = jobs.Controller(self.mirror, applier, clock, settings.jobs, clock())
        self._handlers: Mapping[str, Callable[[Key], datetime | None]] = {
            jobs.KIND: self._jobs.handle,
            node_controlling.KIND: self._nodes.handle,
            SWEEP.kind: self._sweep,
        }
        delay = doubling(settings.first_delay, settings.longest_delay)
        self.workers = Workers(
            self.queue, self.handle, threads=settings.threads, delay=delay, clock=clock, expected=(GMError,)
        )
        self._pump = threading.Thread(target=self._run, name="controllers-watch", daemon=True)
        self._unsubscribe = heartbeats.subscribe(self._beat)

    def start(self) -> None:
        """Fill the mirror and begin to decide. Raises what the store raises when it cannot be read."""
        self.load()
        self._pump.start()
        self.workers.start()

    def stop(self) -> None:
        """End every thread; what is being applied is finished first."""
        self._stopping.set()
        self._unsubscribe()
        self.mirror.close()
        self.workers.stop(self._settings.patience)
        if self._pump.is_alive():
            self._pump.join(self._settings.patience)

    def load(self) -> None:
        """Read everything anew and have every key looked at once."""
        self.queue.add(SWEEP)
        for key in self.mirror.load():
            if key.kind in self._handlers:
                self.queue.add(key)
        for kind in OWNED_KINDS:
            for owned in self.mirror.raws(kind):
                # Its job may have gone while nobody watched.
                self.queue.add(owner_key(owned))

    def pump(self, timeout: float | None) -> int:
        """Take in what the store says and queue whom it concerns; returns how many changes there were."""
        changes = self.mirror.pump(timeout)
        for change in changes:
            for key in touched(change, self.mirror):
                if key.kind in self._handlers:
                    self.queue.add(key)
        return len(changes)

    def look(self, key: Key) -> Snapshot | None:
        """See a job as its controller does; None when there is none.

        Waits for what was written before: who asks may have written it. A mirror that lags behind for long is told
        from all the same.
        """
        self.mirror.wait_for(self._store.revision(), CATCH_UP)
        return self._jobs.snapshot(key)

    def handle(self, key: Key) -> datetime | None:
        """Handle one key; returns when to look at it again."""
        return self._handlers[key.kind](key)

    def _run(self) -> None:
        failures = 0
        delay = doubling(self._settings.first_delay, self._settings.longest_delay)
        while not self._stopping.is_set():
            try:
                if failures:
                    self.load()
                    failures = 0
                self.pump(1.0)
            except Gone:
                # The watch fell behind the store's log: nothing is lost, all is read again.
                failures = 1
            except Exception as error:  # noqa: BLE001 - without this thread nothing would ever be decided again
                if self._stopping.is_set():
                    return
                failures += 1
                seconds = delay(failures)
                trace = None if isinstance(error, GMError) else error
                _LOG.error("The store cannot be watched, trying again in %.1f s: %s", seconds, error, exc_info=trace)
                self._stopping.wait(seconds)

    def _beat(self, beat: Beat) -> None:
        key = self._nodes.wakes(beat)
        if key is not None:
            self.queue.add(key)

    def _sweep(self, _: Key) -> datetime:
        swept, forgotten = self.events.sweep(), self.histories.sweep()
        if swept or forgotten:
            _LOG.debug("%d old events and %d old rounds were swept.", swept, forgotten)
        return self._clock() + timedelta(seconds=self._settings.sweep_period)


def start(
    store: Store,
    heartbeats: Heartbeats,
    clock: Callable[[], datetime],
    settings: Settings | None = None,
    finished: Callable[[JSON], None] = lambda _record: None,
) -> Controllers:
    """Start all controllers in threads; stop them by `.stop()`."""
    controllers = Controllers(store, heartbeats, clock, settings or Settings(), finished)
    controllers.start()
    return controllers
