"""The metrics that an evaluation reported, matched to the models that it was given."""

from __future__ import annotations

import math

from sedna.api.triggers import Metric
from sedna.api.workers import ModelReference, Worker, WorkerResult

Metrics = dict[str, Metric]


def of_both(worker: Worker) -> tuple[Metrics, Metrics] | str:
    """Metrics of the new and of the compared model; or the sentence that says what is wrong with the report."""
    results = worker.status.results
    if len(worker.spec.models) != 2:
        return f"worker {worker.metadata.name} was not given two models."
    new, old = worker.spec.models
    first, second = _result(results, new, 0), _result(results, old, 1)
    if first is None or second is None:
        absent = " and ".join(model.url for model, found in ((new, first), (old, second)) if found is None)
        return f"worker {worker.metadata.name} succeeded, but reported no metrics for {absent}."
    for result in (first, second):
        wrong = _wrong(result)
        if wrong is not None:
            return f"worker {worker.metadata.name} reported for {result.url}: {wrong}."
    return dict(first.metrics), dict(second.metrics)


def _result(results: list[WorkerResult], model: ModelReference, place: int) -> WorkerResult | None:
    """By path; a report with other paths (the code may have looked below a folder) by its place, if complete."""
    named = [result for result in results if result.url.rstrip("/") == model.url.rstrip("/")]
    if len(named) == 1:
        return named[0]
    # The same path twice: the deployed model is the new one. Their metrics are then taken in order, too.
    return results[place] if len(results) == 2 else None


def _wrong(result: WorkerResult) -> str | None:
    if not result.metrics:
        return "no metric"
    for name, value in result.metrics.items():
        values = value if isinstance(value, list) else [value]
        if not values:
            return f"the metric {name} is an empty list"
        if not all(math.isfinite(each) for each in values):
            return f"the metric {name} is not a number"
    return None
