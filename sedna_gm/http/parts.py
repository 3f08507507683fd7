"""What the views work with, handed to the app factory once and found by each view through `parts()`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from flask import current_app

from sedna_gm.artifacts.disks import DiskBlobs
from sedna_gm.asides import Aside, at_once
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.looking import look_into
from sedna_gm.http.bindings import Bindings
from sedna_gm.http.exchange import Exchange
from sedna_gm.identity.auditing import Audit, NoAudit
from sedna_gm.identity.authenticating import Authenticator, OpenAuthenticator
from sedna_gm.identity.limiting import MOST_WRITES, WATCHES, WRITES, Failures, Places
from sedna_gm.metrics.exposing import Exposition
from sedna_gm.settings import HttpSettings
from sedna_gm.store.credentials import Credentials, MemoryCredentials
from sedna_gm.store.heartbeats import Heartbeats
from sedna_gm.store.interface import Clock, Key, Store

_NAME = "sedna_gm"


@dataclass(frozen=True)
class Parts:
    """The services behind the door."""

    store: Store
    heartbeats: Heartbeats
    clock: Clock
    blobs: DiskBlobs
    settings: HttpSettings = field(default_factory=HttpSettings)
    exchange: Exchange = field(default_factory=Exchange)
    aside: Aside = at_once
    authenticator: Authenticator = field(default_factory=OpenAuthenticator)
    credentials: Credentials = field(default_factory=MemoryCredentials)
    audit: Audit = field(default_factory=NoAudit)
    audit_reads: bool = False
    behind_proxy: bool = False
    """Whether a proxy of ours says where calls come from."""
    failures: Failures = field(default_factory=lambda: Failures(time.monotonic))
    looks: Callable[[Key], Snapshot | None] | None = None
    """How the controllers see a job. None where none run: the store is read for each question."""
    exposition: Exposition = field(default_factory=Exposition)
    """What `/metrics` shows."""
    bindings: Bindings = field(init=False)
    watches: Places = field(init=False)
    writes: Places = field(default_factory=lambda: Places(MOST_WRITES, MOST_WRITES, WRITES))

    def __post_init__(self) -> None:
        object.__setattr__(self, "bindings", Bindings(self.store, self.blobs, self.aside))
        most = self.settings.max_watches_per_client, self.settings.max_watches_per_node
        object.__setattr__(self, "watches", Places(*most, WATCHES))

    def look(self, key: Key) -> Snapshot | None:
        """All that concerns a job, at one revision of the store; None when there is no such job."""
        return self.looks(key) if self.looks is not None else look_into(self.store, key, self.clock())

    def install(self, extensions: dict[str, object]) -> None:
        """Makes these the parts of an app."""
        extensions[_NAME] = self


def parts() -> Parts:
    """The parts of the app that serves the current request."""
    found = current_app.extensions[_NAME]
    assert isinstance(found, Parts)  # noqa: S101 - for the type checker; only `install` writes it
    return found
