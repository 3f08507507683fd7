"""Puts the GlobalManager together: store, heartbeats, controllers, door. The one place that knows all parts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from flask import Flask

from sedna_gm.artifacts.collecting import Collector
from sedna_gm.artifacts.disks import DiskBlobs
from sedna_gm.asides import Aside, at_once
from sedna_gm.controllers import supervising
from sedna_gm.controllers.incremental_learning.settings import Settings as JobSettings
from sedna_gm.http.apps import create_app
from sedna_gm.http.exchange import Exchange
from sedna_gm.http.parts import Parts
from sedna_gm.identity.auditing import Audit, AuditFile, NoAudit
from sedna_gm.identity.authenticating import OpenAuthenticator, TokenAuthenticator
from sedna_gm.settings import Settings
from sedna_gm.store.credentials import Credentials, MemoryCredentials
from sedna_gm.store.heartbeats import Heartbeats
from sedna_gm.store.interface import Clock, Store
from sedna_gm.store.memory import MemoryStore
from sedna_gm.store.sql.credentials import SqlCredentials
from sedna_gm.store.sql.store import SqlStore


@dataclass(frozen=True)
class GlobalManager:
    """Everything that runs, ready to serve."""

    app: Flask
    store: Store
    exchange: Exchange
    controllers: supervising.Controllers
    collector: Collector
    credentials: Credentials

    @property
    def damage(self) -> str:
        """What is damaged beyond what a retry can mend, whoever has met it; "" while nothing is."""
        return self.store.damage or self.credentials.damage

    def stop(self) -> None:
        """Ends controllers and watches. Requests under way may still use the store until they are done."""
        self.exchange.close()
        self.controllers.stop()
        self.collector.stop()
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
    return SqlStore(settings.database, clock, log_capacity=settings.watch_log)


def open_credentials(settings: Settings) -> Credentials:
    """What proves who calls, in the database that the settings name. Raises DatabaseUnusable."""
    return MemoryCredentials() if settings.database == "memory" else SqlCredentials(settings.database)


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


def build(settings: Settings, clock: Clock = now, aside: Aside = at_once) -> GlobalManager:
    """Opens the store and starts the controllers."""
    store = open_store(settings, clock)
    heartbeats = Heartbeats(clock)
    exchange = Exchange()
    # Stopping waits for what a controller has begun, but not longer than an operator likes to.
    patient = supervising.Settings(
        node_silence=settings.node_silence_seconds,
        patience=settings.http.stop_seconds,
        jobs=JobSettings(store=settings.artifacts.store),
        event_age=settings.retention.event_seconds,
        events_per_resource=settings.retention.events_per_resource,
        events=settings.retention.events,
        rounds=settings.retention.rounds,
    )
    controllers = supervising.start(store, heartbeats, clock, patient)
    blobs = DiskBlobs(settings.artifacts, clock, aside)
    collector = Collector(store, blobs, clock, settings.artifacts.keep_seconds, aside)
    collector.start()
    credentials = open_credentials(settings)
    authenticator = OpenAuthenticator() if settings.auth == "none" else TokenAuthenticator(credentials, clock)
    app = create_app(
        Parts(
            store, heartbeats, clock, blobs, settings.http, exchange, aside, authenticator, credentials,
            open_audit(settings, clock), settings.audit.reads, settings.tls.terminated_by_proxy,
        )
    )  # fmt: skip
    return GlobalManager(app, store, exchange, controllers, collector, credentials)
