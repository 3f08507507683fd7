"""From a unit's state to a worker's status, as long as the worker has not ended. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sedna.api.times import format_time
from sedna.api.workers import Worker
from sedna_lc.reconcile.last_words import are_wanted, ended_with
from sedna_lc.runners.base import Activity, Reason, UnitState
from sedna_lc.state.records import WorkerRecord

_PHASES = {
    Activity.STARTING: "Starting",
    Activity.RUNNING: "Running",
    # Whoever stopped it: it still runs, and its end will be judged.
    Activity.STOPPING: "Running",
    Activity.PAUSED: "Paused",
}


def observed(wanted: Worker, record: WorkerRecord, unit: UnitState, last_words: str | None) -> WorkerRecord:
    """Return the record with what the runner sees of a unit that has not ended."""
    reason, message = _why(record, unit, last_words)
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
    return replace(record, launch="done", status=record.status.model_copy(update=changes))


def _why(record: WorkerRecord, unit: UnitState, last_words: str | None) -> tuple[str | None, str | None]:
    if unit.activity is Activity.PAUSED:
        return "PausedByOperator", "An operator stopped the job on this host."
    if are_wanted(unit):
        report = record.status.report
        said = report.message if report is not None and report.status == "failed" else None
        return Reason.EXIT_CODE, f"It is started again. {ended_with(unit, said or last_words)}"
    return None, None


def moment(time: datetime | None) -> str | None:
    """Return a time as it travels."""
    return format_time(time) if time is not None else None
