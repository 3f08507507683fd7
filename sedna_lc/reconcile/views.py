"""One worker as it is at one moment, and the acts that may follow from it. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from sedna.api.urls import is_remote
from sedna.api.workers import FINAL_PHASES, ModelReference, ServedModel, Worker
from sedna_lc.runners.base import UnitState
from sedna_lc.state.records import Placed, WorkerRecord


@dataclass(frozen=True)
class Hindrance:
    """Why a worker cannot have the model it is to serve, for now: a CamelCase word for its status, and a sentence."""

    reason: str
    message: str


@dataclass(frozen=True)
class View:
    """Everything that a decision about one worker rests on."""

    wanted: Worker | None
    """The worker as the GM was last heard to want it."""
    record: WorkerRecord | None
    """What this node has done about it."""
    unit: UnitState | None
    """Its unit, as the runner sees it."""
    synced: bool
    """Whether `wanted` is complete: without a GM and without a memory of it, nothing is taken for unwanted."""
    last_words: str | None = None
    """What the unit's program wrote last, when it has ended with a failure."""
    stopping: bool = False
    """Whether this LC stops, and its workers with it."""
    hindrance: Hindrance | None = None
    """What has just kept it from another model; tried again with the next look."""
    now: datetime | None = None
    claimed_by: str | None = None
    """The uid of the worker for which its output folder is marked; asked where there is a unit and no record."""


class Act(Enum):
    """What may be done next for a worker."""

    REST = "rest"
    BEGIN = "begin"
    """Make its record."""
    START = "start"
    """Prepare and start its unit."""
    OBSERVE = "observe"
    """Take over what the runner sees."""
    SERVE = "serve"
    """Give it another model."""
    GO_BACK = "go back"
    """Give it the last good model, since it has refused the one that is wanted."""
    ACCEPT = "accept"
    """Take the model for good that was watched: its window is over."""
    STOP = "stop"
    FORGET = "forget"
    """Take in what the ended unit left behind and drop it, so that it can be started again."""
    PARK = "park"
    """Leave it to the next LC: its unit was stopped with this one."""
    SETTLE = "settle"
    """Judge how it ended, for good."""
    DISCARD = "discard"
    """Drop an ended unit that belongs to no worker, with all it left behind."""
    RELEASE = "release"
    """Nothing of it is left: forget it and let its resource go."""


@dataclass(frozen=True)
class Decision:
    """One act, and the sentence that is logged with it."""

    act: Act
    sentence: str


def is_final(record: WorkerRecord) -> bool:
    """Tell whether the worker has ended for good."""
    return record.status.phase in FINAL_PHASES


def is_hot(worker: Worker) -> bool:
    """Tell whether the worker swaps models while it runs."""
    return worker.spec.hot_update is not None and worker.spec.hot_update.enabled


def wanted_model(worker: Worker) -> ModelReference | None:
    """Return the model that an inference worker is to serve."""
    if worker.spec.role != "inference" or not worker.spec.models:
        return None
    return worker.spec.models[0]


def is_elsewhere(model: ModelReference) -> bool:
    """Tell whether a model has to be brought to this node before it can be used."""
    return model.artifact is not None or is_remote(model.url)


def is_same(model: ModelReference, other: Placed | ServedModel) -> bool:
    """Tell whether a model of the GM's words is this one."""
    same_content = model.sha256 is None or model.sha256.lower() == other.sha256
    return (model.url, model.round) == (other.url, other.round) and same_content
