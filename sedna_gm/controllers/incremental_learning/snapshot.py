"""All that a decision about a job may look at, at one moment: typed, frozen, without a way back to the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone, tzinfo
from typing import TypeVar
from zoneinfo import ZoneInfo

from sedna.api.artifacts import Artifact
from sedna.api.datasets import Dataset
from sedna.api.incremental_learning import IncrementalLearningJob
from sedna.api.meta import Condition
from sedna.api.models import Model
from sedna.api.stages import Stage
from sedna.api.times import format_time
from sedna.api.validating import parse
from sedna.api.workers import FINAL_PHASES, Worker
from sedna_gm.controllers.decisions import JSON
from sedna_gm.controllers.fleet import Fleet, readiness
from sedna_gm.controllers.incremental_learning.settings import Settings
from sedna_gm.store.interface import Key

Owned = TypeVar("Owned", Worker, Artifact)


@dataclass(frozen=True)
class Snapshot:
    """A job, what it names, the workers and artifacts that name it, and all nodes."""

    job: IncrementalLearningJob
    now: datetime
    dataset: Dataset | None = None
    regression: Dataset | None = None
    """The job's `regressionDataset`."""
    models: Mapping[str, Model] = field(default_factory=dict)
    model_urls: frozenset[str] = frozenset()
    """What any Model names, of any job and namespace: what lies there is not the job's alone."""
    workers: tuple[Worker, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    nodes: Fleet = field(default_factory=Fleet)
    listening_since: datetime | None = None
    """Since when nodes can tell this process anything."""
    settings: Settings = field(default_factory=Settings)
    suffix: str = ""
    """Tells the names of a stage's second worker from those of its first; see `regressing`."""

    @property
    def key(self) -> Key:
        """The job's key."""
        return Key(self.job.kind, self.namespace, self.job.metadata.name)

    @property
    def namespace(self) -> str:
        """Where the job and all it names live."""
        return self.job.metadata.namespace or "default"

    @property
    def uid(self) -> str:
        """The job's identity, which also seeds the split of its samples."""
        return self.job.metadata.uid or ""

    @property
    def own(self) -> tuple[Worker, ...]:
        """The workers of this very job, not of a namesake before it."""
        return tuple(worker for worker in self.workers if worker.spec.job.uid == self.uid)

    @property
    def timestamp(self) -> str:
        """Now, as it is written."""
        return format_time(self.now)

    @property
    def zone(self) -> tzinfo:
        """The dataset node's time zone; UTC while it is not known."""
        node = self.nodes.get(self.dataset.spec.node_name) if self.dataset else None
        name = node.status.timezone if node else None
        if name is None:
            return timezone.utc
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            # The node knows a zone that this host does not: its windows are read in UTC rather than never.
            return timezone.utc

    def worker(self, name: str) -> Worker | None:
        """The worker of that name, whoever's it is."""
        return next((worker for worker in self.workers if worker.metadata.name == name), None)

    def artifact(self, name: str) -> Artifact | None:
        """The artifact of that name. Their names tell one job from its namesakes (`contents`)."""
        return next((artifact for artifact in self.artifacts if artifact.metadata.name == name), None)

    def readiness(self, node: str) -> Condition | None:
        """The Ready condition of a node, if it is registered and has one."""
        found = self.nodes.get(node)
        return readiness(found) if found else None

    def worker_name(self, stage: Stage, round_: int) -> str:
        """Names repeat from attempt to attempt of one step, so that a repeated step finds its own work."""
        job = self.job.metadata.name
        return f"{job}-inference" if stage is Stage.DEPLOY else f"{job}-{stage.value.lower()}-{round_}{self.suffix}"

    def after(self, seconds: float) -> datetime:
        """The moment that long from now."""
        return self.now + timedelta(seconds=seconds)


def alive(worker: Worker) -> bool:
    """Whether it may still be running somewhere."""
    return worker.status.phase not in FINAL_PHASES


def going(worker: Worker | Artifact) -> bool:
    """Whether somebody deleted it and its node has still to let go."""
    return worker.metadata.deletion_timestamp is not None


def unreadable(model: type[Owned], raw: JSON, error: ValueError) -> Owned:
    """A worker or artifact whose status makes no sense has failed: a job must not hang on what nobody can read."""
    first = str(error).partition("\n")[2].strip() or str(error)
    status = {
        "phase": "Failed",
        "reason": "UnreadableStatus",
        "message": f"its node reported a status that cannot be read: {' '.join(first.split())[:300]}",
    }
    return parse(model, {**raw, "status": status})
