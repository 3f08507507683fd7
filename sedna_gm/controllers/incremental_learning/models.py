"""Which model a stage begins with, compares with and hands on: always by what the resources say now.

A model that users name is looked up at each use, so an edit counts from the next start on; a model that a round
made is a version that the status remembers with its sha256.
"""

from __future__ import annotations

from collections.abc import Sequence

from sedna.api.models import Model, ModelVersion
from sedna.api.urls import is_remote
from sedna.api.workers import Worker, WorkerResult
from sedna_gm.controllers.incremental_learning.making import version_of
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.steps import Status


def missing(snapshot: Snapshot) -> str | None:
    """The sentence about what the job names and nobody has made yet; None when all is there."""
    if snapshot.dataset is None:
        return f"Waits for dataset {snapshot.job.spec.dataset.name}, which does not exist."
    for name in named(snapshot):
        if name not in snapshot.models:
            return f"Waits for model {name}, which does not exist."
    return None


def named(snapshot: Snapshot) -> tuple[str, ...]:
    """The Model resources that the job names, each once."""
    spec = snapshot.job.spec
    compared = (spec.eval_spec.initial_eval_model.name,) if spec.eval_spec.initial_eval_model else ()
    return tuple(dict.fromkeys((spec.initial_model.name, spec.deploy_spec.model.name, *compared)))


def base(snapshot: Snapshot, status: Status) -> ModelVersion:
    """Where the next training begins. The initial model must exist."""
    return status.last_trained_model or _version(snapshot, snapshot.job.spec.initial_model.name)


def compared(snapshot: Snapshot, status: Status) -> ModelVersion:
    """What a new model has to beat: the deployed one; before any was deployed, `initialEvalModel` if given."""
    if status.deployed_model is not None:
        return status.deployed_model
    spec = snapshot.job.spec
    first = spec.eval_spec.initial_eval_model
    return _version(snapshot, first.name if first else spec.deploy_spec.model.name)


def _version(snapshot: Snapshot, name: str) -> ModelVersion:
    """A user's model; with its sha256 if the inference worker was given it, since only then a node has read it.

    A model that is said to lie nowhere in particular is then known to lie on that worker's node.
    """
    version = version_of(snapshot.models[name])
    for worker in snapshot.own:
        served = worker.status.model
        if served is not None and served.sha256 and (served.url, served.round) == (version.url, 0):
            known = {"sha256": served.sha256, "node_name": version.node_name or worker.spec.node_name}
            return version.model_copy(update=known)
    return version


def deployed(snapshot: Snapshot, status: Status) -> ModelVersion | None:
    """What is to be served between deployments; None while the deploy model does not exist."""
    if status.deployed_model is not None:
        return status.deployed_model
    model = deploy_model(snapshot)
    return version_of(model) if model else None


def deploy_model(snapshot: Snapshot) -> Model | None:
    """The resource that stands for what is deployed."""
    return snapshot.models.get(snapshot.job.spec.deploy_spec.model.name)


def made(
    snapshot: Snapshot, worker: Worker, format_: str, chips: Sequence[str] = ()
) -> tuple[ModelVersion | None, str]:
    """The model of a finished training that has this format (and one of these chips), and why there is none.

    A training that made one model only is taken at its word: the format of a manifest is free text.
    """
    results = [result for result in worker.status.results if result.url and result.sha256]
    if not results:
        told = "no model" if not worker.status.results else "models without a file that could be read"
        return None, f"worker {worker.metadata.name} succeeded, but reported {told}."
    fitting = [result for result in results if result.format.lower() == format_.lower() and _fits(result, chips)]
    if not fitting and len(results) > 1:
        formats = ", ".join(sorted({result.format or "none" for result in results}))
        wanted = f"{format_} for {', '.join(chips)}" if chips else format_
        return None, f"a model of format {wanted} is needed; worker {worker.metadata.name} reported {formats}."
    result = fitting[0] if fitting else results[0]
    version = ModelVersion(
        url=result.url,
        sha256=result.sha256,
        format=result.format or format_,
        round=worker.spec.round,
        job=snapshot.job.metadata.name,
        time=worker.status.finish_time or snapshot.timestamp,
        **_whereabouts(snapshot, worker, result.url),
    )
    return version, ""


def _whereabouts(snapshot: Snapshot, worker: Worker, url: str) -> dict[str, str]:
    """Where a model lies that a training has made: on its node, or where the job's credential opens it."""
    if not is_remote(url):
        return {"node_name": worker.spec.node_name}
    name = snapshot.job.spec.credential_name
    return {} if name is None else {"credential_name": name}


def _fits(result: WorkerResult, chips: Sequence[str]) -> bool:
    return not chips or not result.device_soc_versions or bool(set(chips) & set(result.device_soc_versions))
