"""A new model on trial: when it begins and ends in a worker's record, and which model there is to go back to. Pure.

The library in the worker measures and judges (`sedna.core.trials`); what it cannot tell any more, that its program
ended, and what code without the library never tells, that the window is over, is found here. All of it rests on this
node's own memory: a deployment that fails is taken back with or without a GM.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sedna.api.times import format_time, parse_time
from sedna.api.workers import ModelReference, ServedModel, Worker
from sedna_lc.reconcile.views import is_same, wanted_model
from sedna_lc.runners.base import Activity, UnitState
from sedna_lc.state.records import Placed, WorkerRecord

ROLLED_BACK = "RolledBack"
#: What the library's own word may need on top of the window, before silence is taken for a good sign.
_MARGIN_SECONDS = 30


def way_back(record: WorkerRecord) -> Placed | None:
    """Return the last good model, if that is another one than the model the worker was told to serve."""
    serving, good = record.serving, record.last_good
    return good if serving is not None and good is not None and good.sha256 != serving.sha256 else None


def seconds_of_watch(wanted: Worker, record: WorkerRecord, placed: Placed) -> int:
    """Return how long a model is to be watched that is about to be served; 0 where there is nothing to go back to."""
    guard, good = wanted.spec.guard, record.last_good
    return guard.window_seconds if guard is not None and good is not None and good.sha256 != placed.sha256 else 0


def confirmed(record: WorkerRecord, serving: Placed, time: str, *, passed: bool, message: str | None) -> WorkerRecord:
    """Return the record of a worker that says that it serves what it was told to."""
    told = record.status.model
    good = way_back(record)
    if told is not None and told.state == "Refused" and (good is not None or told.sha256 != serving.sha256):
        # What the GM wants stays refused until it wants something else; or this word is older than the refusal.
        return replace(record, confirmed=serving.sha256)
    if good is None or passed or not record.watch_seconds:
        return _accepted(replace(record, confirmed=serving.sha256), serving, time, message)
    if told is not None and told.state == "Watching":
        return replace(record, confirmed=serving.sha256)
    ends = parse_time(time) + timedelta(seconds=record.watch_seconds + _MARGIN_SECONDS)
    watching = _model(serving, time, state="Watching", message=f"It is watched for {record.watch_seconds} s.")
    return replace(
        record,
        confirmed=serving.sha256,
        watch_until=format_time(ends),
        restarts_watched=record.status.restarts,
        status=record.status.model_copy(update={"model": watching}),
    )


def _accepted(record: WorkerRecord, serving: Placed, time: str, message: str | None) -> WorkerRecord:
    loaded = _model(serving, time, state="Loaded", message=message)
    status = record.status.model_copy(update={"model": loaded})
    return replace(record, last_good=serving, before=None, watch_seconds=0, watch_until="", status=status)


def is_over(record: WorkerRecord, now: datetime | None) -> bool:
    """Tell whether the window is over and the worker has said nothing that speaks against its model."""
    left = seconds_left(record, now)
    return left is not None and left <= 0


def seconds_left(record: WorkerRecord | None, now: datetime | None) -> float | None:
    """Return in how many seconds the window is over; None while no model is watched."""
    model = record.status.model if record is not None else None
    if record is None or now is None or model is None or model.state != "Watching":
        return None
    if not record.watch_until:
        # Without a moment this node has lost its memory, and with it the way back.
        return 0.0
    left = (parse_time(record.watch_until) - now).total_seconds()
    # More than there was when it began: the clock was set back since. By less than a window, as when it is put right
    # after a boot, the watch goes on and lasts twice as long at most; by more, it might go on for years.
    return left if left <= 2 * (record.watch_seconds + _MARGIN_SECONDS) else 0.0


def accepted_in_silence(record: WorkerRecord, time: str) -> WorkerRecord:
    """Return the record of a worker whose window is over. A verdict that comes late can still be followed."""
    model, serving, before = record.status.model, record.serving, way_back(record)
    message = "Its worker ran until its window was over, and has told nothing that speaks against it."
    if serving is None:
        loaded = model.model_copy(update={"state": "Loaded", "message": message, "time": time}) if model else None
        return replace(record, watch_until="", status=record.status.model_copy(update={"model": loaded}))
    return replace(_accepted(record, serving, time, message), before=before)


def taken_back(record: WorkerRecord, serving: Placed, time: str, message: str) -> WorkerRecord:
    """Return the record of a worker whose library has judged its model; without a way back nothing changes."""
    told = record.status.model
    if told is not None and told.state == "Refused":
        return record
    good = way_back(record) or record.before
    if good is None:
        return record
    refused = _model(serving, time, state="Refused", reason=ROLLED_BACK, message=message)
    status = record.status.model_copy(update={"model": refused})
    return replace(record, last_good=good, before=None, watch_until="", status=status)


def crashed(record: WorkerRecord, unit: UnitState, why: str | None) -> WorkerRecord:
    """Return the record, with the model refused if the worker's program has failed while it was watched.

    One end is enough: the model before it did not end the program, and whoever waits for a second one waits without
    predictions. A script that comes to its own end, as with a video, has not failed.
    """
    model = record.status.model
    if model is None or model.state != "Watching" or way_back(record) is None:
        return record
    failed = unit.signal is not None or bool(unit.exit_code)
    if unit.restarts > record.restarts_watched:
        # A running unit may tell nothing of its earlier end any more; what was seen of it then is in the record.
        code = unit.exit_code if unit.exit_code is not None else record.status.exit_code
        failed = failed or code != 0
    elif unit.activity is not Activity.STARTING:
        failed = False
    if not failed:
        return record
    how = f"signal {unit.signal}" if unit.signal is not None else f"exit code {unit.exit_code}"
    if unit.signal is None and unit.exit_code is None:
        how = "nobody saw how"
    said = f" {why}" if why else ""
    message = f"The worker ended ({how}) while the model was watched; no end is allowed.{said}"
    told = model.model_copy(update={"state": "Refused", "reason": ROLLED_BACK, "message": message})
    return replace(record, watch_until="", status=record.status.model_copy(update={"model": told}))


def is_refused(record: WorkerRecord, model: ModelReference) -> bool:
    """Tell whether this model was refused here, and another one is good."""
    told, good = record.status.model, record.last_good
    return told is not None and told.state == "Refused" and is_same(model, told) and good is not None


def is_to_go_back(wanted: Worker, record: WorkerRecord) -> bool:
    """Tell whether the worker is still told to serve a model that it has refused, although there is a good one."""
    model = wanted_model(wanted)
    return model is not None and is_refused(record, model) and way_back(record) is not None


def _model(serving: Placed, time: str, **fields: str | None) -> ServedModel:
    known = {"url": serving.url, "sha256": serving.sha256, "round": serving.round, "time": time}
    return ServedModel.model_validate({**known, **{name: value for name, value in fields.items() if value}})
