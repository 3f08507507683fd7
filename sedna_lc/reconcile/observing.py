"""From a unit's state to a worker's status, as long as the worker has not ended. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sedna.api.times import format_time
from sedna.api.workers import Worker
from sedna_lc.reconcile.last_words import are_wanted, ended_with
from sedna_lc.reconcile.trials import crashed
from sedna_lc.reconcile.views import Hindrance
from sedna_lc.runners.base import Activity, Reason, UnitState
from sedna_lc.state.records import WorkerRecord

# One end may be chance; a second one before the model was ever served is the model's.
RESTARTS_OF_A_BAD_MODEL = 2
_PHASES = {
    Activity.STARTING: "Starting",
    Activity.RUNNING: "Running",
    # Whoever stopped it: it still runs, and its end will be judged.
    Activity.STOPPING: "Running",
    Activity.PAUSED: "Paused",
}


def observed(
    wanted: Worker,
    record: WorkerRecord,
    unit: UnitState,
    last_words: str | None,
    hindrance: Hindrance | None = None,
) -> WorkerRecord:
    """Return the record with what the runner sees of a unit that has not ended."""
    reason, message = _why(record, unit, last_words)
    if reason is None and hindrance is not None:
        reason, message = hindrance.reason, _meanwhile(record, hindrance)
    changes = {
        "phase": _PHASES[unit.activity],
        "reason": reason,
        "message": message,
        "unit": unit.name,
        "pid": unit.pid,
        "restarts": unit.restarts,
        "exit_code": unit.exit_code,
        "signal": unit.signal,
        "start_time": moment(unit.started_at),
        "observed_generation": wanted.metadata.generation,
    }
    # Judged by what was known before: an end that the unit no longer shows may still be in the record.
    judged = crashed(record, unit, _said(record, last_words))
    return _doubted(replace(judged, launch="done", status=judged.status.model_copy(update=changes)))


def _doubted(record: WorkerRecord) -> WorkerRecord:
    """A new model under which the program ends again and again is refused: the last good one did better."""
    model, serving, good, restarts = record.status.model, record.serving, record.last_good, record.status.restarts
    ended = restarts - record.restarts_before
    if model is None or model.state != "Loading" or ended < RESTARTS_OF_A_BAD_MODEL:
        return record
    if serving is None or good is None or good.sha256 == serving.sha256:
        return record
    message = f"The worker ended {ended} times before it served it. {record.status.message or ''}".rstrip()
    told = {"state": "Refused", "reason": "WorkerCrashed", "message": message}
    return replace(record, status=record.status.model_copy(update={"model": model.model_copy(update=told)}))


def _why(record: WorkerRecord, unit: UnitState, last_words: str | None) -> tuple[str | None, str | None]:
    if unit.activity is Activity.PAUSED:
        return "PausedByOperator", "An operator stopped the job on this host."
    if are_wanted(unit):
        return Reason.EXIT_CODE, f"It is started again. {ended_with(unit, _said(record, last_words))}"
    return None, None


def _said(record: WorkerRecord, last_words: str | None) -> str | None:
    """The program's own words about its end, if there are any."""
    report = record.status.report
    said = report.message if report is not None and report.status == "failed" else None
    return said or last_words


def _meanwhile(record: WorkerRecord, hindrance: Hindrance) -> str:
    served = f" The model of round {record.serving.round} is served meanwhile." if record.serving is not None else ""
    return f"{hindrance.message}{served}"


def moment(time: datetime | None) -> str | None:
    """Return a time as it travels."""
    return format_time(time) if time is not None else None
