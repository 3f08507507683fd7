"""Which workers of stages, and which artifacts, have had their time.

A worker that ended stays until the next round works, for its logs and its exit code; not only until that begins, for
its removal would take turns with the start of a worker that somebody waits for. A retry begins within seconds, so one
that failed stays longer: until a later one of its stage has ended, too. One that may still run stays only as long as
its stage does.

An artifact stays while a worker refers to it, or may yet have to be told of it: samples while their stage gets its
worker, a model as long as the status or the job names that version, be it only for a rollback. The samples of the last
evaluation stay until the next one's have come: most are the same ones, and what the store keeps need not be sent again
over an edge's line.
When a round has failed, what has not arrived goes with it, so that the next one asks anew, and so does whatever is kept
for later only: a full store may have been the reason. So does what its worker fetched and found to be something else:
a store may have spoilt it, and asks for it when it is sent anew.
"""

from __future__ import annotations

from sedna.api.artifacts import Artifact
from sedna.api.models import ModelVersion
from sedna.api.stages import Phase, Stage
from sedna.api.workers import Worker
from sedna_gm.controllers.decisions import Removal
from sedna_gm.controllers.incremental_learning import contents, regressing, retaining
from sedna_gm.controllers.incremental_learning.carrying import came_wrong, references
from sedna_gm.controllers.incremental_learning.making import ROUND_LABEL, STAGE_LABEL, version_of
from sedna_gm.controllers.incremental_learning.removing import removals, strangers
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot, alive, going
from sedna_gm.controllers.incremental_learning.steps import Status, position

_GETS_ITS_WORKER = (Phase.READY, Phase.STARTING)
_WORKED_ON = (Phase.READY, Phase.STARTING, Phase.RUNNING)


def outdated(snapshot: Snapshot, status: Status) -> tuple[Removal, ...]:
    """Workers to delete, given the status that this decision ends with."""
    old = [worker for worker in snapshot.own if not going(worker) and _is_outdated(worker, snapshot, status)]
    return (*removals(old), *strangers(snapshot))


def unneeded(snapshot: Snapshot, status: Status) -> tuple[Removal, ...]:
    """Artifacts to delete, given the status that this decision ends with."""
    if not snapshot.artifacts:
        return ()
    gives_back = position(snapshot.job.status).phase is Phase.FAILED and snapshot.job.status.gave_up_at is None
    # What is kept for a rollback only can be sent again: it lies on its node as long as it is listed.
    names = _needed_models(snapshot, (retaining.in_use if gives_back else retaining.needed)(status))
    for worker in snapshot.own:
        if alive(worker) and not going(worker):
            names.update(references(worker))
    spoilt = _spoilt(snapshot) if gives_back else ()
    return removals(
        artifact
        for artifact in snapshot.artifacts
        if not going(artifact)
        and (
            (gives_back and artifact.status.phase != "Ready")
            or artifact.metadata.name in spoilt
            or not (
                artifact.metadata.name in names
                or _feeds(artifact, snapshot, status)
                or (not gives_back and _saves_sending(artifact, snapshot))
            )
        )
    )


def _needed_models(snapshot: Snapshot, needed: tuple[ModelVersion, ...]) -> set[str]:
    """The names of the artifacts of these versions and of those that the job names."""
    versions = [*needed, *(version_of(model) for model in snapshot.models.values())]
    # What version it is decides about the name, not which Model resource it stands for.
    found = (contents.of_model(snapshot, snapshot.job.spec.deploy_spec.model.name, version) for version in versions)
    return {content.name for content in found if content is not None}


def _spoilt(snapshot: Snapshot) -> tuple[str, ...]:
    """The names of the artifacts of which one was not what it was called, as the worker of the failed stage said."""
    status = snapshot.job.status
    stage = position(status).stage
    worker = snapshot.worker(_seen(snapshot, status, stage).worker_name(stage, status.round or 0))
    return came_wrong(worker) if worker is not None and worker.spec.job.uid == snapshot.uid else ()


def _feeds(artifact: Artifact, snapshot: Snapshot, status: Status) -> bool:
    """Whether these are the samples of the stage that is about to have its worker."""
    stage, phase = position(status)
    there = _samples_of(artifact, snapshot) == (stage.value, status.round or 0)
    return there and phase in _GETS_ITS_WORKER


def _saves_sending(artifact: Artifact, snapshot: Snapshot) -> bool:
    """Whether these are the newest samples of their dataset that have arrived for an evaluation."""
    arrived = [
        (found[1], each.metadata.name)
        for each in snapshot.artifacts
        if each.status.phase == "Ready"
        and (found := _samples_of(each, snapshot))
        and found[0] == Stage.EVAL.value
        and _dataset_of(each) == _dataset_of(artifact)
    ]
    return bool(arrived) and max(arrived)[1] == artifact.metadata.name


def _dataset_of(artifact: Artifact) -> str | None:
    return artifact.spec.samples.dataset.name if artifact.spec.samples is not None else None


def _samples_of(artifact: Artifact, snapshot: Snapshot) -> tuple[str, int] | None:
    """Stage and round of an artifact of this job's samples; None for any other."""
    labels = artifact.metadata.labels or {}
    if artifact.spec.job.uid != snapshot.uid or artifact.spec.samples is None:
        return None
    told = labels.get(ROUND_LABEL, "")
    # Anybody may edit labels.
    return labels.get(STAGE_LABEL, ""), int(told) if told.isdecimal() else 0


def _is_outdated(worker: Worker, snapshot: Snapshot, status: Status) -> bool:
    if worker.spec.role == "inference":
        return False
    stage, phase = position(status)
    if not alive(worker):
        is_old = worker.spec.round < (status.round or 0) and phase not in _GETS_ITS_WORKER
        return is_old and not _is_last_failure(worker, snapshot)
    wanted = _seen(snapshot, status, stage).worker_name(stage, status.round or 0)
    return not (phase in _WORKED_ON and worker.metadata.name == wanted)


def _seen(snapshot: Snapshot, status: Status, stage: Stage) -> Snapshot:
    return regressing.seen(snapshot, status) if stage is Stage.EVAL else snapshot


def _is_last_failure(worker: Worker, snapshot: Snapshot) -> bool:
    later = (
        each
        for each in snapshot.own
        if each.spec.role == worker.spec.role and each.spec.round > worker.spec.round and not alive(each)
    )
    return worker.status.phase == "Failed" and not any(later)
