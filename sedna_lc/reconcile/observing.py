"""From a unit's state to a worker's status, as long as the worker has not ended. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sedna.api.times import format_time
from sedna.api.workers import Worker
from sedna_lc.runners.base import Activity, UnitState
from sedna_lc.state.records import WorkerRecord

_PHASES = {
    Activity.STARTING: "Starting",
    Activity.RUNNING: "Running",
    # Whoever stopped it: it still runs, and its end will be judged.
    Activity.STOPPING: "Running",
    Activity.PAUSED: "Paused",
}


def observed(wanted: Worker, record: WorkerRecord, unit: UnitState) -> WorkerRecord:
    """Return the record with what the runner sees of a unit that has not ended."""
    paused = unit.activity is Activity.PAUSED
    changes = {
        "phase": _PHASES[unit.activity],
        "reason": "PausedByOperator" if paused else None,
        "message": "An operator stopped the job on this host." if paused else None,
        "unit": unit.name,
        "pid": unit.pid,
        "restarts": unit.restarts,
        "exit_code": unit.exit_code,
        "signal": unit.signal,
        "start_time": moment(unit.started_at),
        "observed_generation": wanted.metadata.generation,
    }
    return replace(record, launch="done", status=record.status.model_copy(update=changes))


def moment(time: datetime | None) -> str | None:
    """Return a time as it travels."""
    return format_time(time) if time is not None else None
