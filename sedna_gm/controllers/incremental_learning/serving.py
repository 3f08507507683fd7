"""The inference worker: there is one from the job's first moment to its last, and it serves what the stages say.

Which model that is, and where it can be served, is `inference`'s to say; how a worker that needs nothing stands, is
`standing`'s. A model that lies on another node is carried first (`carrying`, `fetching`), and what serves goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sedna.api.incremental_learning import Serving
from sedna.api.models import ModelVersion
from sedna.api.rounds import ROUND_ID_LABEL
from sedna.api.stages import Stage
from sedna.api.times import format_time, parse_time
from sedna.api.workers import ModelReference, Worker
from sedna_gm.controllers.decisions import JSON, Happening, Removal
from sedna_gm.controllers.delays import doubling
from sedna_gm.controllers.incremental_learning.carrying import again, came_wrong, carry
from sedna_gm.controllers.incremental_learning.failing import STOPPED
from sedna_gm.controllers.incremental_learning.fetching import fetch
from sedna_gm.controllers.incremental_learning.hosts import paused_on
from sedna_gm.controllers.incremental_learning.inference import (
    cargo,
    current_worker,
    has,
    in_the_way,
    node,
    wanted,
)
from sedna_gm.controllers.incremental_learning.making import inference_worker, round_labels, serving_fields
from sedna_gm.controllers.incremental_learning.removing import removals
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot, alive, going
from sedna_gm.controllers.incremental_learning.standing import standing, told
from sedna_gm.controllers.incremental_learning.steps import Status
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
    worker = current_worker(snapshot)
    if worker is None:
        return _make(snapshot, before, model)
    if worker.spec.node_name not in snapshot.nodes:
        sentence = f"Node {worker.spec.node_name}, on which the inference worker ran, was deleted."
        return _replace(before, worker, "NodeGone", sentence)
    if not alive(worker):
        return _after_the_end(snapshot, before, worker, model)
    if _differs(snapshot, worker):
        return _replace(before, worker, "TemplateChanged", "The deploySpec changed: the inference worker is made anew.")
    return _keep(snapshot, before, worker, model)


def _keep(snapshot: Snapshot, before: Serving, worker: Worker, model: ModelVersion) -> Service:
    """Nothing is wrong with it: it only has to be told of the model to serve, as soon as that is on its node."""
    stands = standing(snapshot, before, worker)
    service = Service(stands.serving, look_again_at=stands.look_again_at, happenings=stands.happenings)
    load = cargo(snapshot, model)
    if has(snapshot, worker, model):
        lost = again(snapshot, worker, load)
        if lost.is_complete or _serves(worker, model):
            return replace(service, create=lost.create, happenings=(*service.happenings, *lost.happenings))
    # Told of one that was lost before its node had it: as if it had not been told, or it would wait for ever.
    carried = carry(snapshot, worker.spec.node_name, load)
    if carried.is_complete:
        return replace(service, change=(_with_model(snapshot, worker, carried.models[0]),))
    coming = fetch(snapshot, carried)
    sentence = f"{stands.serving.message} {coming.sentence}"
    times = [when for when in (service.look_again_at, coming.look_again_at) if when is not None]
    return replace(
        service,
        serving=stands.serving.model_copy(update={"message": sentence}),
        create=coming.create,
        delete=coming.delete,
        look_again_at=min(times) if times else None,
        happenings=(*service.happenings, *coming.happenings),
    )


def _serves(worker: Worker, model: ModelVersion) -> bool:
    """Whether the model that this worker was told of is on its node: it needs no artifact for now."""
    served = worker.status.model
    if served is None:
        return worker.status.phase == "Running" and not worker.spec.hot_update
    same = (served.url, served.round or 0) == (model.url, model.round or 0)
    return served.state in ("Watching", "Loaded") and same and model.sha256 in (None, served.sha256)


def _make(snapshot: Snapshot, before: Serving, model: ModelVersion) -> Service:
    if before.retry_after is not None and snapshot.now < parse_time(before.retry_after):
        sentence = before.message or "The inference worker ended."
        return Service(told(before, "Waiting", sentence), look_again_at=parse_time(before.retry_after))
    where = node(snapshot)
    if isinstance(where, NoNode):
        sentence = f"The inference worker waits for a node. {where.sentence}"
        news = () if before.message == sentence else (Happening("InferenceBlocked", sentence, "Warning"),)
        again = snapshot.after(snapshot.settings.recheck)
        return Service(told(before, "Waiting", sentence), look_again_at=again, happenings=news)
    paused = paused_on(snapshot, where)
    if paused is not None:
        again_at = snapshot.after(snapshot.settings.recheck)
        return Service(told(before, "Waiting", paused, node=where), look_again_at=again_at)
    sentence = f"The inference worker is to run on node {where}."
    carried = carry(snapshot, where, cargo(snapshot, model))
    if not carried.is_complete:
        coming = fetch(snapshot, carried)
        # Without a node: whatever becomes of any node may change where it is to run.
        waiting = told(before, "Waiting", f"{sentence} {coming.sentence}")
        return Service(
            waiting,
            create=coming.create,
            delete=coming.delete,
            look_again_at=coming.look_again_at,
            happenings=coming.happenings,
        )
    pending = told(before, "Pending", sentence, node=where).model_copy(update={"retry_after": None})
    made = inference_worker(snapshot, where, carried.models[0])
    return Service(pending, create=(made,), happenings=(Happening("InferenceCreated", sentence),))


def _after_the_end(snapshot: Snapshot, before: Serving, worker: Worker, model: ModelVersion) -> Service:
    """It ended: it is replaced at once if that was not its fault or it is to differ, else with growing delay."""
    sentence = _end_sentence(worker)
    if not has(snapshot, worker, model) or _differs(snapshot, worker) or worker.status.reason == STOPPED:
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
    # What came wrong is sent anew; its store asks for what it has spoilt.
    wrong = [found for name in came_wrong(worker) if (found := snapshot.artifact(name)) and not going(found)]
    removal = (_removal(worker), *removals(wrong))
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


def _with_model(snapshot: Snapshot, worker: Worker, model: ModelReference) -> Worker:
    # An edited guard needs no other worker: it counts from the next model on.
    told = {"models": [model], "round": model.round, "guard": snapshot.job.spec.deploy_spec.guard}
    spec = worker.spec.model_copy(update=told)
    others = {name: value for name, value in (worker.metadata.labels or {}).items() if name != ROUND_ID_LABEL}
    labels = {**others, **round_labels(snapshot, model.round)}
    metadata = worker.metadata.model_copy(update={"labels": labels})
    return worker.model_copy(update={"metadata": metadata, "spec": spec})


def _removal(worker: Worker) -> Removal:
    metadata = worker.metadata
    return Removal(Key("Worker", metadata.namespace or "default", metadata.name), metadata.uid or "")


def _end_sentence(worker: Worker) -> str:
    status = worker.status
    why = status.message or status.reason or ("it came to its end" if status.phase == "Succeeded" else "no reason")
    return f"The inference worker on node {worker.spec.node_name} ended ({status.phase}): {why.rstrip('.')}."
