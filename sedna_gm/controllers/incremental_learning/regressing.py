"""Old knowledge: the second evaluation of a round, of the same two models on all samples of `regressionDataset`.

It goes through the Eval stage once more, after the round's own samples, with a worker of its own. What it measures is
kept beside the other metrics as `regression.NAME`, so that the deployment's trigger can refuse a model that forgets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sedna.api.datasets import Dataset
from sedna.api.incremental_learning import RegressionSamples
from sedna.api.triggers import Metric
from sedna.api.workers import SampleRange
from sedna_gm.controllers.incremental_learning.hosts import silence
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.steps import Status, progress

SUFFIX = "-regression"
PREFIX = "regression."


def is_under_way(status: Status) -> bool:
    """Whether the Eval stage is at its second evaluation."""
    return status.current is not None and status.current.regression is not None


def is_next(snapshot: Snapshot, status: Status) -> bool:
    """Whether the second evaluation is wanted and has not begun."""
    return snapshot.job.spec.eval_spec.regression_dataset is not None and not is_under_way(status)


def seen(snapshot: Snapshot, status: Status) -> Snapshot:
    """The snapshot as the evaluation under way sees it: the dataset and the names of the second one are others."""
    return replace(snapshot, dataset=snapshot.regression, suffix=SUFFIX) if is_under_way(status) else snapshot


def begun(snapshot: Snapshot, status: Status) -> Status:
    """The status at the second evaluation, before it is known which samples it takes."""
    named = snapshot.job.spec.eval_spec.regression_dataset
    name = named.name if named is not None else snapshot.job.spec.dataset.name
    return progress(status, regression=RegressionSamples(dataset=name, start=0, end=0))


def taken(status: Status, dataset: Dataset) -> Status:
    """The status with the samples that the second evaluation takes: those in the file as it is now."""
    end = dataset.status.samples_seen or 0
    start = max(0, end - (dataset.status.number_of_samples or 0))
    found = RegressionSamples(dataset=dataset.metadata.name, uid=dataset.metadata.uid, start=start, end=end)
    return progress(status, regression=found)


def missing(snapshot: Snapshot) -> str | None:
    """The sentence about what the second evaluation lacks; None when nothing, or when none is wanted."""
    named = snapshot.job.spec.eval_spec.regression_dataset
    if named is None:
        return None
    dataset = snapshot.regression
    if dataset is None:
        return f"Waits for dataset {named.name}, the regressionDataset of the job, which does not exist."
    if dataset.status.state == "Unavailable":
        told = dataset.status.message or dataset.status.reason or "its node gives no reason"
        return f"The regression dataset {named.name} is unavailable: {told.rstrip('.')}."
    if not dataset.status.number_of_samples:
        quiet = silence(snapshot, dataset.spec.node_name)
        return f"Waits for samples in the regression dataset {named.name}: it has none.{quiet}"
    return None


def is_replaced(snapshot: Snapshot, status: Status) -> bool:
    """Whether the dataset is not the one any more whose samples were taken."""
    found = status.current.regression if status.current else None
    return found is not None and (snapshot.regression is None or snapshot.regression.metadata.uid != found.uid)


def ranges(snapshot: Snapshot, status: Status) -> tuple[SampleRange, ...]:
    """The samples of the second evaluation."""
    found = status.current.regression if status.current else None
    if found is None:
        return ()
    told = {"start": found.start, "end": found.end, "seed": snapshot.uid, "round": status.round or 1}
    return (SampleRange(dataset=found.dataset, **told),)


def merged(metrics: Mapping[str, Metric] | None, measured: Mapping[str, Metric]) -> dict[str, Metric]:
    """The metrics of the round's own samples and, under names of their own, those of old knowledge."""
    return {**(metrics or {}), **{f"{PREFIX}{name}": value for name, value in measured.items()}}
