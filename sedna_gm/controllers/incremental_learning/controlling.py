"""Joins the pure decision with the world: takes the snapshot from the mirror, has the decision applied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar, cast

from sedna.api.artifacts import Artifact
from sedna.api.datasets import Dataset
from sedna.api.incremental_learning import IncrementalLearningJob
from sedna.api.models import Model
from sedna.api.workers import Worker
from sedna_gm.controllers.applying import Applier
from sedna_gm.controllers.incremental_learning.deciding import decide, decide_without_job
from sedna_gm.controllers.incremental_learning.models import named
from sedna_gm.controllers.incremental_learning.settings import Settings
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot, unreadable
from sedna_gm.controllers.mirroring import Mirror
from sedna_gm.store.interface import Key

KIND = "IncrementalLearningJob"

Owned = TypeVar("Owned", Worker, Artifact)


@dataclass(frozen=True)
class Controller:
    """Handles the keys of incremental-learning jobs; every key by one thread at a time."""

    mirror: Mirror
    applier: Applier
    clock: Callable[[], datetime]
    settings: Settings
    listening_since: datetime

    def handle(self, key: Key) -> datetime | None:
        """Decide about one job and apply it; returns when to look again."""
        self.applier.settle(key)
        snapshot = self.snapshot(key)
        if snapshot is None:
            return self.applier.apply(
                key, None, decide_without_job(owned(self.mirror, Worker, key), owned(self.mirror, Artifact, key))
            )
        return self.applier.apply(key, self.mirror.raw(key), decide(snapshot))

    def snapshot(self, key: Key) -> Snapshot | None:
        """All that concerns a job, at one revision of the store; None when there is no such job."""
        return snapshot_of(self.mirror, key, self.clock(), self.settings, self.listening_since)


def snapshot_of(
    mirror: Mirror, key: Key, now: datetime, settings: Settings, listening_since: datetime | None = None
) -> Snapshot | None:
    """All that concerns a job, at one revision of the store; None when there is no such job."""
    with mirror.locked():
        job = mirror.get(IncrementalLearningJob, key)
        if job is None:
            return None
        plain = Snapshot(job, now, settings=settings)
        second = job.spec.eval_spec.regression_dataset
        models = {
            name: model
            for name in named(plain)
            if (model := mirror.get(Model, Key("Model", key.namespace, name))) is not None
        }
        return Snapshot(
            job=job,
            now=plain.now,
            dataset=mirror.get(Dataset, Key("Dataset", key.namespace, job.spec.dataset.name)),
            regression=mirror.get(Dataset, Key("Dataset", key.namespace, second.name)) if second else None,
            models=models,
            model_urls=mirror.model_urls(),
            workers=owned(mirror, Worker, key),
            artifacts=owned(mirror, Artifact, key),
            nodes=mirror.nodes(),
            listening_since=listening_since,
            settings=settings,
        )


def owned(mirror: Mirror, model: type[Owned], key: Key) -> tuple[Owned, ...]:
    """What was made for a job; what cannot be read of it counts as failed."""
    found: list[Owned] = []
    for entry in mirror.owned(model.__name__, key):
        try:
            found.append(cast(Owned, entry.typed))
        except ValueError as error:
            found.append(unreadable(model, entry.raw, error))
    return tuple(found)
