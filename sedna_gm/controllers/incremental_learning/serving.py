"""The inference worker: there is one from the job's first moment to its last, and it serves what the stages say.

Which model that is follows from the status alone (`wanted`), so a refused or failed model leaves the worker's spec
by itself, and a deploy model that a user edits is followed as long as nothing newer has been deployed. How a worker
that needs nothing stands is told by `standing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sedna.api.incremental_learning import Serving
from sedna.api.models import ModelVersion
from sedna.api.stages import Phase, Stage
from sedna.api.times import format_time, parse_time
from sedna.api.workers import ModelReference, Worker
from sedna_gm.controllers.decisions import JSON, Happening, Removal
from sedna_gm.controllers.delays import doubling
from sedna_gm.controllers.incremental_learning import models
from sedna_gm.controllers.incremental_learning.failing import STOPPED
from sedna_gm.controllers.incremental_learning.making import ROUND_LABEL, inference_worker, serving_fields
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot, alive, going
from sedna_gm.controllers.incremental_learning.standing import standing, told
from sedna_gm.controllers.incremental_learning.steps import Status, position
from sedna_gm.controllers.incremental_learning.working import node_for, paused_sentence, silence
from sedna_gm.placing.candidates import NoNode
from sedna_gm.store.interface import Key


@dataclass(frozen=True)
class Service:
    """What is to be done for serving to go on, and how it stands."""

    serving: Serving
    create: tuple[JSON, ...] = ()
    change: tuple[Worker, ...] = ()
    delete: tuple[Removal, ...] = ()
    look_again_at: datetime | None = None
    happenings: tuple[Happening, ...] = ()


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


def in_the_way(snapshot: Snapshot) -> str | None:
    """A worker of the same name that has to go before this job's can be made."""
    found = snapshot.worker(snapshot.worker_name(Stage.DEPLOY, 0))
    if found is None or (found.spec.job.uid == snapshot.uid and not going(found)):
        return None
    where = found.spec.node_name
    return f"Waits until node {where} has let go of worker {found.metadata.name}.{silence(snapshot, where)}"


def serve(snapshot: Snapshot, status: Status) -> Service:
    """Keep the inference worker as it should be, given the status that this decision ends with."""
    before = status.serving or Serving()
    recheck = snapshot.after(snapshot.settings.recheck)
    blocked = in_the_way(snapshot)
    if blocked is not None:
        found = snapshot.worker(snapshot.worker_name(Stage.DEPLOY, 0))
        where = found.spec.node_name if found else None
        return Service(told(before, "Stopping", blocked, node=where), look_again_at=recheck)
    model = wanted(snapshot, status)
    if model is None:
        sentence = f"Waits for model {snapshot.job.spec.deploy_spec.model.name}, which does not exist."
        return Service(told(before, "Waiting", sentence), look_again_at=recheck)
    reference = models.deploy_reference(snapshot, model)
    worker = current_worker(snapshot)
    if worker is None:
        return _make(snapshot, before, reference)
    if worker.spec.node_name not in snapshot.nodes:
        sentence = f"Node {worker.spec.node_name}, on which the inference worker ran, was deleted."
        return _replace(before, worker, "NodeGone", sentence)
    if not alive(worker):
        return _after_the_end(snapshot, before, worker, reference)
    if _differs(snapshot, worker):
        return _replace(before, worker, "TemplateChanged", "The deploySpec changed: the inference worker is made anew.")
    changed = worker.spec.models != [reference]
    change = (_with_model(worker, reference),) if changed else ()
    stands = standing(snapshot, before, worker)
    return Service(stands.serving, change=change, look_again_at=stands.look_again_at, happenings=stands.happenings)


def _make(snapshot: Snapshot, before: Serving, model: ModelReference) -> Service:
    if before.retry_after is not None and snapshot.now < parse_time(before.retry_after):
        sentence = before.message or "The inference worker ended."
        return Service(told(before, "Waiting", sentence), look_again_at=parse_time(before.retry_after))
    where = node(snapshot)
    if isinstance(where, NoNode):
        sentence = f"The inference worker waits for a node. {where.sentence}"
        news = () if before.message == sentence else (Happening("InferenceBlocked", sentence, "Warning"),)
        again = snapshot.after(snapshot.settings.recheck)
        return Service(told(before, "Waiting", sentence), look_again_at=again, happenings=news)
    for worker in snapshot.own:
        if worker.spec.node_name == where and worker.status.phase == "Paused":
            return Service(
                told(before, "Waiting", paused_sentence(snapshot, where), node=where),
                look_again_at=snapshot.after(snapshot.settings.recheck),
            )
    sentence = f"The inference worker is to run on node {where}."
    pending = told(before, "Pending", sentence, node=where).model_copy(update={"retry_after": None})
    made = inference_worker(snapshot, where, model)
    return Service(pending, create=(made,), happenings=(Happening("InferenceCreated", sentence),))


def _after_the_end(snapshot: Snapshot, before: Serving, worker: Worker, model: ModelReference) -> Service:
    """It ended: it is replaced at once if that was not its fault or it is to differ, else with growing delay."""
    sentence = _end_sentence(worker)
    if worker.spec.models != [model] or _differs(snapshot, worker) or worker.status.reason == STOPPED:
        return _replace(before, worker, "InferenceReplaced", f"{sentence} Another one is made.")
    if worker.status.phase == "Succeeded" and worker.spec.restart_policy != "Always":
        return Service(told(before, "Succeeded", sentence, node=worker.spec.node_name))
    if before.retry_after is None:
        failures = before.failures + 1
        delay = doubling(snapshot.settings.first_retry, snapshot.settings.longest_retry)(failures)
        again = snapshot.after(delay)
        counted = {"failures": failures, "retry_after": format_time(again)}
        failed = told(before, "Failed", sentence, node=worker.spec.node_name).model_copy(update=counted)
        happening = Happening("InferenceFailed", sentence, "Warning")
        return Service(failed, look_again_at=again, happenings=(happening,))
    again = parse_time(before.retry_after)
    if snapshot.now < again:
        return Service(told(before, "Failed", sentence, node=worker.spec.node_name), look_again_at=again)
    removal = (_removal(worker),)
    return Service(told(before, "Failed", sentence, node=worker.spec.node_name), delete=removal)


def _replace(before: Serving, worker: Worker, reason: str, sentence: str) -> Service:
    stopping = told(before, "Stopping", sentence, node=worker.spec.node_name)
    if going(worker):
        return Service(stopping)
    return Service(
        stopping.model_copy(update={"retry_after": None}),
        delete=(_removal(worker),),
        happenings=(Happening(reason, sentence),),
    )


def _differs(snapshot: Snapshot, worker: Worker) -> bool:
    """Whether somebody edited the deploySpec since the worker was made."""
    deploy = snapshot.job.spec.deploy_spec
    fields = serving_fields(deploy)
    spec = worker.spec
    return (
        spec.template != deploy.template.spec
        or spec.hard_example_mining != deploy.hard_example_mining
        or spec.hot_update != fields["hot_update"]
    )


def _with_model(worker: Worker, model: ModelReference) -> Worker:
    spec = worker.spec.model_copy(update={"models": [model], "round": model.round})
    labels = {**(worker.metadata.labels or {}), ROUND_LABEL: str(model.round)}
    metadata = worker.metadata.model_copy(update={"labels": labels})
    return worker.model_copy(update={"metadata": metadata, "spec": spec})


def _removal(worker: Worker) -> Removal:
    metadata = worker.metadata
    return Removal(Key("Worker", metadata.namespace or "default", metadata.name), metadata.uid or "")


def _end_sentence(worker: Worker) -> str:
    status = worker.status
    why = status.message or status.reason or ("it came to its end" if status.phase == "Succeeded" else "no reason")
    return f"The inference worker on node {worker.spec.node_name} ended ({status.phase}): {why.rstrip('.')}."
