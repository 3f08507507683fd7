"""Puts the GlobalManager together: store, heartbeats, controllers, door. The one place that knows all parts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask

from sedna.daemons.remembering import Remembered
from sedna_gm.artifacts.collecting import Collector
from sedna_gm.artifacts.disks import DiskBlobs
from sedna_gm.asides import Aside, at_once
from sedna_gm.controllers import supervising
from sedna_gm.controllers.incremental_learning.settings import Settings as JobSettings
from sedna_gm.daemon.backing_up import Backups
from sedna_gm.http.apps import create_app
from sedna_gm.http.exchange import Exchange
from sedna_gm.http.parts import Parts
from sedna_gm.identity.auditing import Audit, AuditFile, NoAudit
from sedna_gm.identity.authenticating import OpenAuthenticator, TokenAuthenticator
from sedna_gm.metrics.exposing import Exposition
from sedna_gm.metrics.lasting import LastMetrics
from sedna_gm.metrics.looking import Sources, look
from sedna_gm.settings import Settings
from sedna_gm.store.credentials import Credentials, MemoryCredentials
from sedna_gm.store.heartbeats import Heartbeats
from sedna_gm.store.interface import Clock, Store, key_of
from sedna_gm.store.memory import MemoryStore
from sedna_gm.store.sql import backups, engines, restoring
from sedna_gm.store.sql.credentials import SqlCredentials
from sedna_gm.store.sql.store import SqlStore

# Counting the artifact store's bytes looks at each of its files.
_ARTIFACTS_SECONDS = 60.0


@dataclass(frozen=True)
class GlobalManager:
    """Everything that runs, ready to serve."""

    app: Flask
    store: Store
    exchange: Exchange
    controllers: supervising.Controllers
    collector: Collector
    credentials: Credentials
    backups: Backups
    database: Path | None
    """The file that everything is in; None where it is in memory."""

    @property
    def is_to_be_restored(self) -> bool:
        """Whether a backup waits to be taken in, which takes another start."""
        return self.database is not None and restoring.is_staged(self.database)

    @property
    def damage(self) -> str:
        """What is damaged beyond what a retry can mend, whoever has met it; "" while nothing is."""
        return self.store.damage or self.credentials.damage

    def stop(self) -> None:
        """Ends controllers and watches. Requests under way may still use the store until they are done."""
        self.exchange.close()
        self.controllers.stop()
        self.collector.stop()
        self.backups.stop()
        self.store.close()

    def close(self) -> None:
        """Lets go of the database, after the last request."""
        self.store.close()
        self.credentials.close()


def now() -> datetime:
    """The present."""
    return datetime.now(timezone.utc)


def open_store(settings: Settings, clock: Clock = now) -> Store:
    """The store that the settings name. Raises DatabaseUnusable."""
    if settings.database == "memory":
        return MemoryStore(clock, log_capacity=settings.watch_log)
    database = Path(settings.database.removeprefix("sqlite:///"))
    restoring.take_in(database, clock())
    folder = backup_folder(settings)
    # What an upgrade makes of the database no older version can read.
    if settings.backup.every_hours is not None and engines.is_behind(database):
        backups.make_anyway(settings.database, folder, settings.backup.keep, clock())
    return SqlStore(settings.database, clock, log_capacity=settings.watch_log, backups=folder)


def open_credentials(settings: Settings) -> Credentials:
    """What proves who calls, in the database that the settings name. Raises DatabaseUnusable."""
    return MemoryCredentials() if settings.database == "memory" else SqlCredentials(settings.database)


def backup_folder(settings: Settings) -> Path:
    """Where the service puts the backups that it makes itself."""
    if settings.backup.folder is not None:
        return Path(settings.backup.folder)
    return Path(settings.database.removeprefix("sqlite:///")).with_name("backups")


def audit_path(settings: Settings) -> Path | None:
    """The file of the audit log; None where there is none."""
    if settings.audit.file is not None:
        return Path(settings.audit.file)
    if settings.auth == "none" or settings.database == "memory":
        return None
    return Path(settings.database.removeprefix("sqlite:///")).with_name("audit.log")


def open_audit(settings: Settings, clock: Clock = now) -> Audit:
    """Where writes and refusals are noted. Raises AuditUnwritable."""
    path = audit_path(settings)
    return NoAudit() if path is None else AuditFile(path, settings.audit.max_bytes, settings.audit.keep, clock)


def job_settings(settings: Settings) -> JobSettings:
    """What of `gm.yml` is the jobs' controller's."""
    failures = settings.failures
    return JobSettings(
        store=settings.artifacts.store, advises_after=failures.advise_after, gives_up_after=failures.give_up_after
    )


def sources(store: Store, controllers: supervising.Controllers, blobs: DiskBlobs, last: LastMetrics) -> Sources:
    """Where the metrics look."""
    queue, workers = controllers.queue, controllers.workers
    return Sources(
        resources=controllers.mirror.raws,
        waiting=lambda: queue.depth[0],
        later=lambda: queue.depth[1],
        errors=lambda: workers.failures,
        last=last,
        watches=lambda: store.watches,
        artifact_bytes=Remembered(blobs.total, _ARTIFACTS_SECONDS, time.monotonic),
    )


def build(settings: Settings, clock: Clock = now, aside: Aside = at_once) -> GlobalManager:
    """Opens the store and starts the controllers."""
    store = open_store(settings, clock)
    heartbeats = Heartbeats(clock)
    exchange = Exchange()
    # Stopping waits for what a controller has begun, but not longer than an operator likes to.
    patient = supervising.Settings(
        node_silence=settings.node_silence_seconds,
        patience=settings.http.stop_seconds,
        jobs=job_settings(settings),
        event_age=settings.retention.event_seconds,
        events_per_resource=settings.retention.events_per_resource,
        events=settings.retention.events,
        rounds=settings.retention.rounds,
    )
    exposition = Exposition()
    last = LastMetrics(lambda job, most: store.rounds(key_of(job), job["metadata"]["uid"], newest=most).items)

    def finished(record: Mapping[str, Any]) -> None:
        exposition.finished(record)
        last.finished(record)

    controllers = supervising.start(store, heartbeats, clock, patient, finished)
    blobs = DiskBlobs(settings.artifacts, clock, aside)
    collector = Collector(store, blobs, clock, settings.artifacts.keep_seconds, aside)
    collector.start()
    credentials = open_credentials(settings)
    authenticator = OpenAuthenticator() if settings.auth == "none" else TokenAuthenticator(credentials, clock)
    database = None if settings.database == "memory" else Path(settings.database.removeprefix("sqlite:///"))
    copies = Backups(settings.database, backup_folder(settings), settings.backup, clock, aside)
    copies.start()
    app = create_app(
        Parts(
            store, heartbeats, clock, blobs, settings.http, exchange, aside, authenticator, credentials,
            open_audit(settings, clock), settings.audit.reads, settings.tls.terminated_by_proxy,
            exposition=exposition,
            looks=controllers.look,
        )
    )  # fmt: skip
    exposition.tell("state", partial(look, sources(store, controllers, blobs, last)))
    return GlobalManager(app, store, exchange, controllers, collector, credentials, copies, database)
