"""The model that an inference worker is given: from a path of this node, or from another node, and the way back.

Used by `starting` before a unit runs and by `applying` while it does. A model that comes from another node is waited
for; a worker that has a good one goes on with it meanwhile, whether or not there is a GM.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from sedna.api.workers import ModelReference, ServedModel, Worker
from sedna_lc.allowed import outside
from sedna_lc.errors import Again, Hindered, Never
from sedna_lc.models.hot_config import publish
from sedna_lc.models.slots import ModelSlot
from sedna_lc.places import local_path
from sedna_lc.reconcile.means import Means
from sedna_lc.reconcile.providing import fetched_model
from sedna_lc.reconcile.trials import is_refused, seconds_of_watch
from sedna_lc.reconcile.views import is_elsewhere, is_hot, is_same
from sedna_lc.state.records import Placed, WorkerRecord

logger = logging.getLogger(__name__)


def serve(means: Means, wanted: Worker, record: WorkerRecord, model: ModelReference) -> WorkerRecord:
    """Give a running worker another model: hot by the file it watches, cold by the restart that is decided next.

    A model that cannot be put in place is refused, and the worker goes on with the one it has. Raises Hindered as
    long as it is on its way, or there is no room for it: then it is neither served nor refused.
    """
    slot = means.slot(wanted)
    model = _as_it_was(record, model)
    try:
        placed = _place(means, wanted, model, slot)
        watch = seconds_of_watch(wanted, record, placed)
        if is_hot(wanted):
            publish(means.places.hot_update_file(wanted), placed, means.clock(), wanted.spec.guard if watch else None)
    except Hindered:
        raise
    except (Again, Never) as problem:
        return _told(record, _refused(model, problem.reason, problem.message, means.now()), wanted)
    except OSError as problem:
        reason = f"The hot-update file cannot be written: {problem}."
        return _told(record, _refused(model, "HotUpdateFailed", reason, means.now()), wanted)
    slot.prune([placed, record.serving, record.last_good, record.before])
    runs_it = not is_hot(wanted) and placed.sha256 == record.started_with
    # A cold update makes the unit anew, and its restarts count from zero.
    before = record.status.restarts if is_hot(wanted) or runs_it else 0
    changed = replace(record, serving=placed, restarts_before=before, watch_seconds=watch, watch_until="", before=None)
    told = _loading(placed, means.now())
    if runs_it and record.confirmed == placed.sha256:
        # It went back to this one by itself, has said that it serves it, and has no reason to say so again.
        changed, told = replace(changed, last_good=placed), told.model_copy(update={"state": "Loaded"})
    return _told(changed, told, wanted)


def _as_it_was(record: WorkerRecord, model: ModelReference) -> ModelReference:
    """The way back leads to what was good, also where its owner has deleted or overwritten the file since."""
    told, good = record.status.model, record.last_good
    back = told is not None and told.state == "Refused" and good is not None and is_same(model, good)
    return model.model_copy(update={"sha256": good.sha256}) if back and good is not None else model


def go_back(means: Means, wanted: Worker, record: WorkerRecord, good: Placed) -> WorkerRecord:
    """Give a worker its last good model: hot by the file it watches, cold by the restart that is decided next.

    What the GM hears of is still the model that it wants, and why that was refused.
    """
    if is_hot(wanted):
        publish(means.places.hot_update_file(wanted), good, means.clock())
    before = record.status.restarts if is_hot(wanted) else 0
    return replace(record, serving=good, restarts_before=before, watch_seconds=0, watch_until="")


def serve_from_the_start(means: Means, wanted: Worker, record: WorkerRecord, model: ModelReference) -> WorkerRecord:
    """Put the model in place with which a worker's unit is started; see `record.serving` for which it is.

    One that has to come from another node, and has not, is no reason to stand still: then it is the last good one.
    Raises Again when there is none.
    """
    if record.serving is not None and is_same(model, record.serving):
        # Its own version may be all that is left of it; the hash keeps it from being another one.
        model = model.model_copy(update={"sha256": record.serving.sha256})
    slot = means.slot(wanted)
    if is_refused(record, model) and record.last_good is not None and slot.holds(record.last_good):
        return replace(record, serving=record.last_good, watch_seconds=0, watch_until="")
    try:
        placed = _place(means, wanted, model, slot)
    except (Hindered, Never) as problem:
        good = record.last_good or record.serving
        if good is None or not is_elsewhere(model) or not slot.holds(good):
            if isinstance(problem, Hindered):
                raise
            # A file that is not what it should be can be mended by whoever put it there.
            raise Again(problem.reason, problem.message) from problem
        logger.warning(
            "Worker %s starts with its last good model, of round %s: %s", wanted.metadata.name, good.round, problem
        )
        placed = good
    watch = seconds_of_watch(wanted, record, placed)
    changed = replace(record, serving=placed, watch_seconds=watch, watch_until="")
    return _told(changed, _loading(placed, means.now()), wanted)


def _place(means: Means, wanted: Worker, model: ModelReference, slot: ModelSlot) -> Placed:
    if not is_elsewhere(model):
        path = local_path(model.url)
        if path is not None and (sentence := outside(Path(path), means.places)) is not None:
            raise Again("PathNotAllowed", f"Model {model.name} cannot be used: {sentence}.")
        return slot.place(model, user=means.user())
    # Its own version may be all that is left of it, here and anywhere.
    return slot.find(model) or slot.place(model, fetched_model(means, wanted, model))


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
