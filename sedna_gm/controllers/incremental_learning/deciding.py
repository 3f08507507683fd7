"""What to do about an incremental-learning job: one snapshot in, one decision out. No I/O, no clock, no threads.

Each call makes at most one move. The move is stored, the store's change wakes the job's key, and the next call makes
the next one; so every position shows to whoever watches, and a crash between two calls loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from sedna.api.artifacts import Artifact
from sedna.api.incremental_learning import JOB_FINALIZER, TRIGGER_ANNOTATION
from sedna.api.stages import Phase, Position, Stage
from sedna.api.workers import Worker
from sedna_gm.controllers.decisions import Decision, Happening
from sedna_gm.controllers.incremental_learning import (
    deploying,
    evaluating,
    giving_up,
    making,
    pausing,
    removing,
    rolling_back,
    samples,
    serving,
    tidying,
    training,
    versions,
    wishes,
)
from sedna_gm.controllers.incremental_learning.hosts import paused_sentence
from sedna_gm.controllers.incremental_learning.setting_right import set_right
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.steps import Status, Step, begin, position, update
from sedna_gm.controllers.incremental_learning.training import wished

STEPS: Mapping[Position, Callable[[Snapshot, Status], Step]] = {
    **{Position(stage, Phase.FAILED): giving_up.failed for stage in Stage},
    Position(Stage.TRAIN, Phase.WAITING): training.waiting,
    Position(Stage.TRAIN, Phase.READY): training.ready,
    Position(Stage.TRAIN, Phase.STARTING): training.starting,
    Position(Stage.TRAIN, Phase.RUNNING): training.running,
    Position(Stage.TRAIN, Phase.COMPLETED): training.completed,
    Position(Stage.EVAL, Phase.WAITING): evaluating.waiting,
    Position(Stage.EVAL, Phase.READY): evaluating.ready,
    Position(Stage.EVAL, Phase.STARTING): evaluating.starting,
    Position(Stage.EVAL, Phase.RUNNING): evaluating.running,
    Position(Stage.EVAL, Phase.COMPLETED): evaluating.completed,
    Position(Stage.DEPLOY, Phase.WAITING): deploying.waiting,
    Position(Stage.DEPLOY, Phase.READY): deploying.ready,
    Position(Stage.DEPLOY, Phase.STARTING): deploying.starting,
    Position(Stage.DEPLOY, Phase.RUNNING): deploying.running,
    Position(Stage.DEPLOY, Phase.COMPLETED): deploying.completed,
}


def decide(snapshot: Snapshot) -> Decision:
    """The decision about a job that exists."""
    job = snapshot.job
    if job.metadata.deletion_timestamp is not None:
        return removing.remove(snapshot, job.status)
    if JOB_FINALIZER not in (job.metadata.finalizers or ()):
        return removing.adopt(snapshot)
    wish = rolling_back.heard(snapshot, _refreshed(snapshot))
    step = _step(snapshot, wish.status)
    service = serving.serve(snapshot, step.status)
    misread = _misread(snapshot, job.status)
    status = _complete(snapshot, pausing.told(snapshot, step.status), service)
    shown = versions.shown(snapshot, status)
    times = [when for when in (step.look_again_at, service.look_again_at) if when is not None]
    delete = (*tidying.outdated(snapshot, status), *tidying.unneeded(snapshot, status), *service.delete)
    retaining = making.with_more_retained(snapshot, {removal.uid for removal in delete})
    obeyed = job.status.handled_trigger is not None and wished(snapshot) == job.status.handled_trigger
    return Decision(
        step.sentence,
        record=step.record,
        statuses=(*step.statuses, *shown),
        delete=delete,
        # Not in one decision with a status of the same Model, which gives it another version.
        change=(
            *(worker.dump() for worker in (*service.change, *retaining)),
            *(() if shown else rolling_back.fulfilled(snapshot)),
        ),
        create=(*step.create, *service.create),
        status=status.dump() if status != job.status else None,
        # Only after the status that obeys it was stored: a crash in between must not lose the wish.
        drop_annotation=TRIGGER_ANNOTATION if obeyed else None,
        happenings=(
            *_news(snapshot, status),
            *wish.happenings,
            *step.happenings,
            *service.happenings,
            *misread,
            *_pausing(snapshot, status),
            *pausing.happenings(snapshot, status),
        ),
        look_again_at=min(times) if times else None,
    )


def _step(snapshot: Snapshot, status: Status) -> Step:
    """The one move of this decision, with what follows from it for the versions of the model."""
    step = rolling_back.intercepted(snapshot, status) or pausing.rests(snapshot, status)
    step = pausing.held(snapshot, status, step or STEPS[position(status)](snapshot, status))
    step = rolling_back.followed(snapshot, step)
    return wishes.told(snapshot, replace(step, status=versions.listed(snapshot, step.status)))


def _news(snapshot: Snapshot, status: Status) -> tuple[Happening, ...]:
    before = snapshot.job.status
    if before.stage is None:
        return (Happening("JobCreated", "The job was taken up and waits for its first round."),)
    if status.dataset_uid != before.dataset_uid and before.samples is not None and before.samples.used:
        told = samples.made_anew(snapshot, status.samples.seen if status.samples else 0)
        return (Happening("DatasetReplaced", told, "Warning"),)
    return ()


def decide_without_job(workers: Iterable[Worker], artifacts: Iterable[Artifact]) -> Decision:
    """The decision about a key that no job has."""
    return removing.orphaned(workers, artifacts)


def _refreshed(snapshot: Snapshot) -> Status:
    """The stored status, with what is true now whatever the stage."""
    job, status = snapshot.job, set_right(snapshot, snapshot.job.status)
    changes: dict[str, object] = {}
    if status.stage is None:
        status = begin(snapshot, status)
    if status.observed_generation != job.metadata.generation:
        changes["observed_generation"] = job.metadata.generation
        if status.observed_generation is not None:
            # Somebody edited the job, perhaps to repair it: that is worth a try at once.
            changes |= {"retry_after": None, "charged_failures": 0}
    if status.handled_trigger is not None and wished(snapshot) != status.handled_trigger:
        changes["handled_trigger"] = None
    if _misread(snapshot, job.status):
        # Nothing to obey: it was told, and is removed like a wish that was granted.
        changes["handled_trigger"] = wished(snapshot)
    return samples.counted(snapshot, update(status, **changes) if changes else status)


def _misread(snapshot: Snapshot, status: Status) -> tuple[Happening, ...]:
    """What to tell who asked by hand for something that is no stage."""
    wish = wished(snapshot)
    if wish in ("", "train", "eval", "deploy") or wish == status.handled_trigger:
        return ()
    message = f"The annotation {TRIGGER_ANNOTATION} says {wish!r}; it can say train, eval or deploy."
    return (Happening("TriggerUnknown", message, "Warning"),)


def _complete(snapshot: Snapshot, status: Status, service: serving.Service) -> Status:
    """The status with what serving and the operators' pauses add to it."""
    nodes = dict(status.nodes)
    if service.serving.node is not None:
        nodes[Stage.DEPLOY.value] = service.serving.node
    places = sorted({worker.spec.node_name for worker in snapshot.own if worker.status.phase == "Paused"})
    if not places:
        return update(status, serving=service.serving, nodes=nodes, paused=None)
    paused = ", ".join(places)
    # Whatever else it waits for, this comes first: somebody has to go to that host.
    message = paused_sentence(snapshot, paused)
    return update(status, serving=service.serving, nodes=nodes, paused=paused, message=message)


def _pausing(snapshot: Snapshot, status: Status) -> tuple[Happening, ...]:
    """What to tell when an operator stopped the job on a host, or let it go on."""
    before = snapshot.job.status.paused
    if status.paused == before:
        return ()
    if status.paused is not None:
        return (Happening("JobPaused", paused_sentence(snapshot, status.paused)),)
    return (Happening("JobResumed", f"The job goes on on node {before}."),)
