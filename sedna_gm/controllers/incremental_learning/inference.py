"""The inference worker as `serving` and `deploying` ask about it: which one it is, what it shall serve, and where.

Which model it serves follows from the status alone, so a refused or failed model leaves the worker's spec by itself,
and a deploy model that a user edits is followed as long as nothing newer has been deployed.
"""

from __future__ import annotations

from sedna.api.models import ModelVersion
from sedna.api.stages import Phase, Stage
from sedna.api.workers import Worker
from sedna_gm.controllers.incremental_learning import models
from sedna_gm.controllers.incremental_learning.carrying import Cargo
from sedna_gm.controllers.incremental_learning.hosts import node_for, silence
from sedna_gm.controllers.incremental_learning.making import reference
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot, going
from sedna_gm.controllers.incremental_learning.steps import Status, position
from sedna_gm.placing.candidates import NoNode


def current_worker(snapshot: Snapshot) -> Worker | None:
    """This job's inference worker."""
    name = snapshot.worker_name(Stage.DEPLOY, 0)
    return next((worker for worker in snapshot.own if worker.metadata.name == name), None)


def wanted(snapshot: Snapshot, status: Status) -> ModelVersion | None:
    """The model to serve now: the new one while it is being deployed, else the deployed one."""
    stage, phase = position(status)
    if stage is Stage.DEPLOY and phase in (Phase.STARTING, Phase.RUNNING) and status.current is not None:
        return status.current.new_model
    return models.deployed(snapshot, status)


def node(snapshot: Snapshot) -> str | NoNode:
    """Where the inference worker can run."""
    return node_for(snapshot, snapshot.job.spec.deploy_spec.template.spec)


def cargo(snapshot: Snapshot, version: ModelVersion) -> Cargo:
    """What serving a version takes: nothing but the model."""
    name = snapshot.job.spec.deploy_spec.model.name
    return Cargo(Stage.DEPLOY, version.round or 0, models=((name, version),))


def has(snapshot: Snapshot, worker: Worker, version: ModelVersion) -> bool:
    """Whether this worker was told to serve that version, however it came to its node."""
    told = [model.model_copy(update={"artifact": None}) for model in worker.spec.models]
    return told == [reference(snapshot.job.spec.deploy_spec.model.name, version)]


def in_the_way(snapshot: Snapshot) -> str | None:
    """A worker of the same name that has to go before this job's can be made."""
    found = snapshot.worker(snapshot.worker_name(Stage.DEPLOY, 0))
    if found is None or (found.spec.job.uid == snapshot.uid and not going(found)):
        return None
    where = found.spec.node_name
    return f"Waits until node {where} has let go of worker {found.metadata.name}.{silence(snapshot, where)}"
