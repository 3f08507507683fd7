"""Everything that has to be there before a unit starts, and the start itself."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from sedna.api.times import format_time
from sedna.api.validating import parse
from sedna.api.workers import ModelReference, ServedModel, Worker
from sedna_lc.datasets.materialising import materialise
from sedna_lc.errors import Again, Never
from sedna_lc.images import find_image
from sedna_lc.models.hot_config import publish
from sedna_lc.models.slots import ModelSlot
from sedna_lc.places import Places
from sedna_lc.preparing import prepare
from sedna_lc.reconcile.outputs import claim
from sedna_lc.reconcile.views import is_hot, is_same, wanted_model
from sedna_lc.runners.base import Runner, UnitSpec
from sedna_lc.runners.errors import RunnerUnavailable, UnitBusy, UnitRefused
from sedna_lc.state.records import Placed, WorkerRecord
from sedna_lc.state.stores import Store
from sedna_lc.units import describe, overruled, unit_name

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Means:
    """What the acts work with."""

    store: Store
    runner: Runner
    places: Places
    lc_server: str
    clock: Callable[[], datetime]

    def slot(self, worker: Worker) -> ModelSlot:
        """Return where the worker's models lie."""
        return ModelSlot(self.places.models_folder(worker))

    def now(self) -> str:
        """Return the time as it travels."""
        return format_time(self.clock())


def make_ready(means: Means, wanted: Worker, record: WorkerRecord) -> tuple[WorkerRecord, UnitSpec]:
    """Put everything in its place and return the record to keep, and the unit to start.

    Raises:
        Again: something is missing that may come.
        Never: it cannot run as it is described.
    """
    image = find_image(means.places.images_dir, wanted.spec.template.container.image)
    model = wanted_model(wanted)
    if model is not None:
        record = _serve_from_the_start(means, wanted, record, model)
        assert record.serving is not None  # noqa: S101 - for the type checker: the line above sets it
        wanted = _with_model(wanted, record.serving)
    claim(wanted, (parse(Worker, other) for other in means.store.wanted("workers").values()))
    problems = prepare(wanted, means.places)
    if problems:
        raise Again(problems[0].reason, " ".join(problem.message for problem in problems))
    if record.serving is not None and is_hot(wanted):
        publish(means.places.hot_update_file(wanted), record.serving, means.clock())
    materialise(wanted, means.store, means.places.state_dir / "datasets")
    unit = describe(wanted, image, means.places, means.lc_server)
    if names := overruled(wanted, means.places, means.lc_server):
        log.warning("Worker %s sets %s; Sedna's own values win.", wanted.metadata.name, ", ".join(names))
    status = record.status.model_copy(
        update={
            "phase": "Starting",
            "reason": None,
            "message": None,
            "unit": unit_name(wanted),
            "observed_generation": wanted.metadata.generation,
        }
    )
    started_with = record.serving.sha256 if record.serving is not None else ""
    return replace(record, launch="asked", started_with=started_with, status=status), unit


def start(means: Means, unit: UnitSpec) -> None:
    """Start a unit. Raises Again or Never."""
    try:
        means.runner.start(unit)
    except (RunnerUnavailable, UnitBusy) as problem:
        raise Again("RunnerUnavailable", f"Its unit cannot be started now: {problem}") from problem
    except UnitRefused as problem:
        raise Never("StartFailed", f"Its unit cannot be started as it is described: {problem}") from problem


def serve(means: Means, wanted: Worker, record: WorkerRecord, model: ModelReference) -> WorkerRecord:
    """Give a running worker another model: hot by the file it watches, cold by the restart that is decided next.

    A model that cannot be put in place is refused, and the worker goes on with the one it has.
    """
    slot = means.slot(wanted)
    try:
        placed = slot.place(model)
        if is_hot(wanted):
            publish(means.places.hot_update_file(wanted), placed, means.clock())
    except (Again, Never) as problem:
        return _told(record, _refused(model, problem.reason, problem.message, means.now()), wanted)
    except OSError as problem:
        reason = f"The hot-update file cannot be written: {problem}."
        return _told(record, _refused(model, "HotUpdateFailed", reason, means.now()), wanted)
    slot.prune([placed, record.serving, record.last_good])
    # A cold update makes the unit anew, and its restarts count from zero.
    before = record.status.restarts if is_hot(wanted) else 0
    return _told(replace(record, serving=placed, restarts_before=before), _loading(placed, means.now()), wanted)


def _serve_from_the_start(means: Means, wanted: Worker, record: WorkerRecord, model: ModelReference) -> WorkerRecord:
    if record.serving is not None and is_same(model, record.serving):
        # Its own version may be all that is left of it; the hash keeps it from being another one.
        model = model.model_copy(update={"sha256": record.serving.sha256})
    try:
        placed = means.slot(wanted).place(model)
    except Never as problem:
        # A file that is not what it should be can be mended by whoever put it there.
        raise Again(problem.reason, problem.message) from problem
    return _told(replace(record, serving=placed), _loading(placed, means.now()), wanted)


def _with_model(wanted: Worker, placed: Placed) -> Worker:
    model = wanted.spec.models[0].model_copy(update={"url": placed.path, "sha256": placed.sha256})
    return wanted.model_copy(update={"spec": wanted.spec.model_copy(update={"models": [model]})})


def _told(record: WorkerRecord, model: ServedModel, wanted: Worker) -> WorkerRecord:
    changes = {"model": model, "observed_generation": wanted.metadata.generation}
    return replace(record, status=record.status.model_copy(update=changes))


def _loading(placed: Placed, time: str) -> ServedModel:
    return ServedModel(url=placed.url, sha256=placed.sha256, round=placed.round, state="Loading", time=time)


def _refused(model: ModelReference, reason: str, message: str, time: str) -> ServedModel:
    return ServedModel(
        url=model.url,
        sha256=model.sha256,
        round=model.round,
        state="Refused",
        reason=reason,
        message=message,
        time=time,
    )
