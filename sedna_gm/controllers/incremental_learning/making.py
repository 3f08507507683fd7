"""Builds the Worker that a stage wants: named by job, stage and round, owned by the job, bound to its node."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sedna.api.incremental_learning import DeploySpec
from sedna.api.models import Model, ModelVersion
from sedna.api.pods import PodSpec
from sedna.api.rounds import ROUND_ID_LABEL, round_id
from sedna.api.stages import Stage
from sedna.api.trees import ArtifactReference
from sedna.api.urls import is_remote
from sedna.api.workers import (
    NODE_FINALIZER,
    DatasetReference,
    HotUpdate,
    JobReference,
    ModelReference,
    SampleRange,
    Worker,
    WorkerSpec,
)
from sedna_gm.controllers.incremental_learning.retaining import retained_rounds
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot

JOB_LABEL = "sedna.io/job"
STAGE_LABEL = "sedna.io/stage"
ROUND_LABEL = "sedna.io/round"


def version_of(model: Model) -> ModelVersion:
    """A user's model as it is now."""
    version = ModelVersion(url=model.spec.url, format=model.spec.format, round=0)
    told = {"node_name": model.spec.node_name}
    if is_remote(model.spec.url):
        # On a node's own path nothing has to be opened with it.
        told["credential_name"] = model.spec.credential_name
    return version.model_copy(update={name: value for name, value in told.items() if value is not None})


def reference(name: str, version: ModelVersion, artifact: ArtifactReference | None = None) -> ModelReference:
    """A version as workers are told of it; `name` is the Model resource it stands for."""
    values: dict[str, Any] = {"name": name, "url": version.url, "format": version.format or ""}
    if version.sha256 is not None:
        values["sha256"] = version.sha256
    if artifact is not None:
        values["artifact"] = artifact
    if version.credential_name is not None:
        values["credential_name"] = version.credential_name
    return ModelReference(**values, round=version.round or 0)


def stage_worker(
    snapshot: Snapshot,
    stage: Stage,
    round_: int,
    node: str,
    *,
    samples: Sequence[SampleRange],
    models: Sequence[ModelReference],
    samples_artifact: ArtifactReference | None = None,
) -> dict[str, Any]:
    """A worker that trains or evaluates: it runs once and comes to an end."""
    spec = snapshot.job.spec
    template = (spec.train_spec if stage is Stage.TRAIN else spec.eval_spec).template
    role = stage.value.lower()
    fetched: dict[str, Any] = {} if samples_artifact is None else {"samples_artifact": samples_artifact}
    worker = WorkerSpec(
        node_name=node,
        role="train" if stage is Stage.TRAIN else "eval",
        job=job_reference(snapshot),
        round=round_,
        template=template.spec,
        dataset=dataset_reference(snapshot),
        samples=list(samples),
        models=list(models),
        output_dir=f"{spec.output_dir.rstrip('/')}/{role}{snapshot.suffix}/{round_}",
        job_output_dir=spec.output_dir,
        # By what is stored: what this very decision gives up might yet be asked for, should it not be carried out.
        retained_rounds=retained_rounds(snapshot.job.status, spec.output_dir, snapshot.model_urls),
        # A run that is started again after it succeeded would never end.
        restart_policy="Never" if template.spec.restart_policy in (None, "Never") else "OnFailure",
        active_deadline_seconds=deadline(snapshot, template.spec),
        termination_grace_period_seconds=template.spec.termination_grace_period_seconds,
        **_credential(snapshot),
        **fetched,
    )
    return _resource(snapshot, stage, round_, template.metadata.labels, worker)


def with_more_retained(snapshot: Snapshot, gone: Collection[str]) -> tuple[Worker, ...]:
    """The workers that have not begun, and do not know of a round that a Model names since they were made.

    A worker may wait for days, and removes old outputs when it begins. `gone` are the uids of those that are deleted.
    """
    found: list[Worker] = []
    for worker in snapshot.own:
        spec = worker.spec
        if worker.status.phase != "Pending" or spec.retained_rounds is None:
            continue
        if worker.metadata.deletion_timestamp is not None or worker.metadata.uid in gone:
            continue
        rounds = retained_rounds(snapshot.job.status, spec.job_output_dir, snapshot.model_urls)
        if rounds is not None:
            rounds = sorted({*rounds, *spec.retained_rounds})
        if rounds != spec.retained_rounds:
            told = spec.model_copy(update={"retained_rounds": rounds})
            found.append(worker.model_copy(update={"spec": told}))
    return tuple(found)


def inference_worker(snapshot: Snapshot, node: str, model: ModelReference) -> dict[str, Any]:
    """The worker that serves, until the job is deleted."""
    deploy = snapshot.job.spec.deploy_spec
    worker = WorkerSpec(
        node_name=node,
        role="inference",
        job=job_reference(snapshot),
        round=model.round,
        template=deploy.template.spec,
        models=[model],
        job_output_dir=snapshot.job.spec.output_dir,
        termination_grace_period_seconds=deploy.template.spec.termination_grace_period_seconds,
        **_credential(snapshot),
        **serving_fields(deploy),
    )
    return _resource(snapshot, Stage.DEPLOY, model.round, deploy.template.metadata.labels, worker)


def serving_fields(deploy: DeploySpec) -> dict[str, Any]:
    """What else the deploySpec says about its worker; a worker that differs in it is made again."""
    template = deploy.template.spec
    fields: dict[str, Any] = {
        "restart_policy": template.restart_policy or "Always",
        "hot_update": HotUpdate(
            enabled=deploy.model.hot_update_enabled, poll_period_seconds=deploy.model.poll_period_seconds
        ),
    }
    if template.active_deadline_seconds is not None:
        fields["active_deadline_seconds"] = template.active_deadline_seconds
    if deploy.hard_example_mining is not None:
        fields["hard_example_mining"] = deploy.hard_example_mining
    if deploy.guard is not None:
        fields["guard"] = deploy.guard
    return fields


def round_labels(snapshot: Snapshot, round_: int) -> dict[str, str]:
    """What a resource that belongs to a round carries."""
    found = round_id(snapshot.uid, round_)
    return {ROUND_LABEL: str(round_), **({ROUND_ID_LABEL: found} if found else {})}


def deadline(snapshot: Snapshot, template: PodSpec) -> int:
    """Seconds that a training or evaluation may run."""
    return template.active_deadline_seconds or snapshot.settings.default_deadline


def dataset_reference(snapshot: Snapshot) -> DatasetReference:
    """The job's dataset as nodes are told of it. It must exist."""
    dataset = snapshot.dataset
    assert dataset is not None, "a stage without its dataset is still waiting"  # noqa: S101 - for the type checker
    told = DatasetReference(name=dataset.metadata.name, url=dataset.spec.url, format=dataset.spec.format.lower())
    credential = dataset.spec.credential_name
    return told if credential is None else told.model_copy(update={"credential_name": credential})


def _credential(snapshot: Snapshot) -> dict[str, Any]:
    name = snapshot.job.spec.credential_name
    return {} if name is None else {"credential_name": name}


def job_reference(snapshot: Snapshot) -> JobReference:
    """The job, as what is made for it names it."""
    return JobReference(kind=snapshot.job.kind, name=snapshot.job.metadata.name, uid=snapshot.uid)


def owner_references(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Makes the job the owner of what is made for it."""
    job = snapshot.job
    return [
        {
            "apiVersion": job.api_version,
            "kind": job.kind,
            "name": job.metadata.name,
            "uid": snapshot.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]


def _resource(
    snapshot: Snapshot, stage: Stage, round_: int, labels: dict[str, str], spec: WorkerSpec
) -> dict[str, Any]:
    job = snapshot.job
    own = {JOB_LABEL: job.metadata.name, STAGE_LABEL: stage.value, **round_labels(snapshot, round_)}
    return {
        "apiVersion": job.api_version,
        "kind": "Worker",
        "metadata": {
            "name": snapshot.worker_name(stage, round_),
            "namespace": snapshot.namespace,
            "labels": {**labels, **own},
            "ownerReferences": owner_references(snapshot),
            "finalizers": [NODE_FINALIZER],
        },
        "spec": spec.dump(),
    }
