"""What a scrape looks at on this node: its store, its folders, and what it knows of the GlobalManager.

`sedna_lc.daemon` hands over where to look; `telling` makes samples of what is found.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sedna_lc.metrics.counting import Counts
from sedna_lc.state.stores import Key, Store


@dataclass(frozen=True)
class WorkerNumbers:
    """One worker of this node."""

    key: Key
    role: str
    phase: str
    restarts: int


@dataclass(frozen=True)
class View:
    """Everything that is told, at one moment."""

    letters: int
    oldest_seconds: float
    samples: Mapping[Key, int]
    workers: Sequence[WorkerNumbers]
    connected: bool | None
    heard_at: float | None
    """When the GlobalManager last answered, in seconds since 1970; None: not yet."""
    artifact_bytes: float
    free_bytes: int
    reports: Mapping[str, int]
    lines: Mapping[str, int]


@dataclass(frozen=True)
class Sources:
    """Where to look."""

    store: Store
    state_dir: Path
    counts: Counts
    oldest_seconds: Callable[[], float]
    connected: Callable[[], bool | None]
    heard_at: Callable[[], float | None]
    artifact_bytes: Callable[[], float]


def look(sources: Sources) -> View:
    """Return how things stand now. Raises OSError or sqlite3.Error when the state cannot be read."""
    store = sources.store
    wanted = store.wanted("workers")
    roles = {key: str(resource.get("spec", {}).get("role") or "") for key, resource in wanted.items()}
    datasets = {key: resource["metadata"].get("uid") or "" for key, resource in store.wanted("datasets").items()}
    progress = {key: store.progress(uid) for key, uid in datasets.items()}
    return View(
        letters=len(store.letters()),
        oldest_seconds=sources.oldest_seconds(),
        samples={key: found.samples for key, found in progress.items() if found is not None},
        workers=[
            WorkerNumbers(one.key, roles.get(one.key, ""), one.status.phase, one.status.restarts)
            for one in store.workers()
        ],
        connected=sources.connected(),
        heard_at=sources.heard_at(),
        artifact_bytes=sources.artifact_bytes(),
        free_bytes=shutil.disk_usage(sources.state_dir).free,
        reports=sources.counts.reports,
        lines=sources.counts.lines,
    )


def folder_bytes(folder: Path) -> int:
    """Return what the files below a folder take; one that has several names there counts once."""
    seen: dict[tuple[int, int], int] = {}
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                found = os.lstat(os.path.join(place, name))  # noqa: PTH118 - thousands of them
            except FileNotFoundError:
                # It went while we looked.
                continue
            seen[found.st_dev, found.st_ino] = found.st_size
    return sum(seen.values())
