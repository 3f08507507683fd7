"""How a worker ended: from its unit's end, its reports and what it left on disk, to a final phase and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sedna.api.workers import Worker, WorkerResult, WorkerStatus
from sedna_lc.models.findings import Found
from sedna_lc.reconcile.last_words import ended_with
from sedna_lc.reconcile.observing import moment
from sedna_lc.runners.base import Activity, Reason, UnitState
from sedna_lc.state.records import WorkerRecord

# When the host ended it, what the program still said is a consequence and not the cause.
_HOST_REASONS = (Reason.OUT_OF_MEMORY, Reason.DEADLINE_EXCEEDED, Reason.STOPPED, Reason.UNIT_VANISHED)


@dataclass(frozen=True)
class _Failure:
    reason: str
    message: str


def judge(
    wanted: Worker,
    record: WorkerRecord,
    unit: UnitState | None,
    found: Mapping[str, Found],
    last_words: str | None = None,
) -> WorkerStatus:
    """Return the final status of a worker whose unit has ended or vanished.

    `found` holds the models of its results that are really there, `last_words` what its program wrote last.
    """
    results = [_measured(one, found) for one in record.status.results]
    failure = _failure(wanted, record, unit, results, last_words)
    changes = {
        "phase": "Failed" if failure else "Succeeded",
        "reason": failure.reason if failure else None,
        "message": failure.message if failure else None,
        "pid": None,
        "results": results,
        "observed_generation": wanted.metadata.generation,
    }
    if unit is not None:
        changes |= {
            "unit": unit.name,
            "exit_code": unit.exit_code,
            "signal": unit.signal,
            "restarts": unit.restarts,
            "start_time": moment(unit.started_at),
            "finish_time": moment(unit.finished_at),
        }
    return record.status.model_copy(update=changes)


def _measured(result: WorkerResult, found: Mapping[str, Found]) -> WorkerResult:
    model = found.get(result.url)
    if model is None:
        return result
    return result.model_copy(update={"sha256": model.sha256, "size_bytes": model.size_bytes})


def _failure(
    wanted: Worker,
    record: WorkerRecord,
    unit: UnitState | None,
    results: list[WorkerResult],
    last_words: str | None,
) -> _Failure | None:
    if unit is None:
        return _Failure(Reason.UNIT_VANISHED, "Its unit vanished: nobody knows how it ended.")
    report = record.status.report
    said = report.message if report is not None and report.status == "failed" else None
    if unit.activity is Activity.FAILED:
        if said and unit.reason not in _HOST_REASONS:
            return _Failure("UserCodeFailed", said)
        if last_words:
            return _Failure(Reason.EXIT_CODE, ended_with(unit, last_words))
        return _Failure(unit.reason or Reason.EXIT_CODE, unit.message or _end_sentence(unit))
    if wanted.spec.role == "inference":
        return None
    if report is not None and report.status == "failed":
        return _Failure("UserCodeFailed", said or "It reported that it failed, and gave no reason.")
    completed = report is not None and report.status == "completed"
    missing = _missing(wanted.spec.role, completed, record.complaint, results)
    if missing and unit.reason == Reason.STOPPED:
        return _Failure(Reason.STOPPED, _end_sentence(unit))
    return missing


def _missing(role: str, completed: bool, complaint: str | None, results: list[WorkerResult]) -> _Failure | None:
    """A unit that exits 0 has done its work only if it also says what came of it."""
    what, reason = ("model", "NoModelReported") if role == "train" else ("metrics", "NoMetricsReported")
    if not completed:
        return _Failure(reason, f"It ended with exit code 0, but never reported {_a(what)}.")
    if complaint is not None:
        return _Failure("BadResults", f"It reported results that cannot be used: {complaint}.")
    if role == "train" and not any(one.sha256 for one in results):
        told = ", ".join(one.url for one in results) or "none"
        return _Failure(reason, f"It reported no model that is there and can be read; reported: {told}.")
    if role == "eval" and not any(one.metrics for one in results):
        return _Failure(reason, "It reported results without metrics.")
    return None


def _a(what: str) -> str:
    return what if what.endswith("s") else f"a {what}"


def _end_sentence(unit: UnitState) -> str:
    if unit.reason == Reason.OUT_OF_MEMORY:
        return "It needed more memory than it may have."
    if unit.reason == Reason.DEADLINE_EXCEEDED:
        return "It took longer than it may."
    if unit.reason == Reason.STOPPED:
        return "It was stopped."
    if unit.signal is not None:
        return f"It was ended by signal {unit.signal}."
    return ended_with(unit, None)
