"""A job as its controller sees it, for whoever asks where no controller runs."""

from __future__ import annotations

from datetime import datetime

from sedna_gm.controllers.incremental_learning.controlling import snapshot_of
from sedna_gm.controllers.incremental_learning.settings import Settings
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.mirroring import Mirror
from sedna_gm.store.interface import Key, Store


def look_into(store: Store, key: Key, now: datetime) -> Snapshot | None:
    """Reads all that there is, for one job; None when there is no such job."""
    mirror = Mirror(store)
    try:
        mirror.load()
        return snapshot_of(mirror, key, now, Settings())
    finally:
        mirror.close()
