"""What a report changes in a worker's record. Pure.

Reports come from the door and, when a unit has ended, from its spool; one that comes twice changes nothing more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from sedna.api.workers import ReportSummary, ServedModel, WorkerReport, WorkerResult
from sedna_lc.reconcile.trials import ROLLED_BACK, confirmed, taken_back
from sedna_lc.reconcile.views import is_final
from sedna_lc.state.records import Placed, WorkerRecord

# As much of an exception's text as a status should carry; the whole of it is in the worker's log.
_MESSAGE_CHARACTERS = 4096
_STAGES = ("train", "eval")


def absorb(record: WorkerRecord, report: WorkerReport, time: str, role: str | None = None) -> WorkerRecord:
    """Return the record with a report taken in. A worker that has ended is not changed any more.

    `role` is the worker's, where it is known: a training that also evaluates its model, to print the numbers, is
    judged by the model it reported, not by what it did beside that.
    """
    if is_final(record) or (role in _STAGES and report.kind in _STAGES and report.kind != role):
        return record
    if report.kind == "deploy":
        return _confirm(record, report, time)
    summary = ReportSummary(status=report.status, message=_shortened(report.message), time=time)
    status = record.status.model_copy(update={"report": summary})
    changed = replace(record, status=status)
    if report.kind == "inference":
        return _confirm(changed, report, time) if report.status == "running" else _doubt(changed, report, time)
    if report.results is not None:
        results, complaint = read_results(report.results)
        status = changed.status.model_copy(update={"results": results})
        changed = replace(changed, status=status, complaint=complaint)
    return changed


def read_results(raw: Iterable[Mapping[str, Any]]) -> tuple[list[WorkerResult], str | None]:
    """Return the results that can be understood, and a sentence about what cannot."""
    results: list[WorkerResult] = []
    complaints: list[str] = []
    for number, one in enumerate(raw):
        metrics: dict[str, Any] = {}
        told = one.get("metrics") or {}
        if not isinstance(told, Mapping):
            complaints.append(f"result {number} has metrics that are no mapping")
            told = {}
        for name, value in told.items():
            if _is_metric(value):
                metrics[str(name)] = value
            else:
                complaints.append(f"metric {name} of result {number} is {str(value)[:80]!r}, which is no number")
        known = {key: one[key] for key in ("format", "url", "device_soc_versions") if one.get(key) is not None}
        try:
            results.append(WorkerResult.model_validate({**known, "metrics": metrics}))
        except ValidationError as problem:
            fields = ", ".join(".".join(map(str, error["loc"])) or "it" for error in problem.errors())
            complaints.append(f"result {number} cannot be read: {fields}")
    return results, ("; ".join(complaints) or None)


def _is_metric(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_is_number(one) for one in value)
    return _is_number(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _confirm(record: WorkerRecord, report: WorkerReport, time: str) -> WorkerRecord:
    """Take in that a model is served, or was refused. Word about another model than the one in question is late."""
    told = (report.results or [{}])[0]
    serving = record.serving
    if serving is None or not _is_about(told, serving):
        return record
    state, said = told.get("state"), _shortened(report.message)
    if report.status == "failed" and state == ROLLED_BACK:
        return taken_back(record, serving, time, said or "It has broken a limit of its guard.")
    if report.status != "failed":
        return confirmed(record, serving, time, passed=state == "Passed", message=said)
    known = {"url": serving.url, "sha256": serving.sha256, "round": serving.round, "time": time}
    message = said or "The worker refused it and gave no reason."
    refused = ServedModel.model_validate({**known, "state": "Refused", "reason": "ModelRefused", "message": message})
    return replace(record, status=record.status.model_copy(update={"model": refused}))


def _doubt(record: WorkerRecord, report: WorkerReport, time: str) -> WorkerRecord:
    """A worker that fails before it ever served the model it was started with has refused that model."""
    model, serving = record.status.model, record.serving
    fresh = serving is not None and record.started_with == serving.sha256
    if report.status != "failed" or model is None or model.state != "Loading" or not fresh:
        return record
    message = _shortened(report.message) or "The worker failed before it served it."
    told = {"state": "Refused", "reason": "ModelRefused", "message": message, "time": time}
    return replace(record, status=record.status.model_copy(update={"model": model.model_copy(update=told)}))


def _is_about(told: Mapping[str, Any], model: Placed) -> bool:
    sha256 = told.get("sha256")
    if isinstance(sha256, str) and sha256:
        return sha256.lower() == model.sha256
    return told.get("url") in (model.path, model.url)


def _shortened(text: str | None) -> str | None:
    if text is None or len(text) <= _MESSAGE_CHARACTERS:
        return text
    return f"{text[:_MESSAGE_CHARACTERS]}…"
