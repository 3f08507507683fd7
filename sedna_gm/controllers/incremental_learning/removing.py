"""A job that is being deleted, and what outlived its job: nodes stop what runs before anything disappears."""

from __future__ import annotations

from collections.abc import Iterable

from sedna.api.artifacts import Artifact
from sedna.api.incremental_learning import JOB_FINALIZER
from sedna.api.workers import Worker
from sedna_gm.controllers.decisions import Decision, Happening, Removal
from sedna_gm.controllers.incremental_learning import versions
from sedna_gm.controllers.incremental_learning.hosts import silence
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot, going
from sedna_gm.controllers.incremental_learning.steps import Status, update
from sedna_gm.store.interface import Key


def adopt(snapshot: Snapshot) -> Decision:
    """The first thing that happens to a job: from now on it cannot disappear before its workers."""
    finalizers = (*(snapshot.job.metadata.finalizers or ()), JOB_FINALIZER)
    return Decision("The job was taken up.", finalizers=finalizers)


def remove(snapshot: Snapshot, status: Status) -> Decision:
    """Have every worker stopped; when none is left, let the job go."""
    finalizers = snapshot.job.metadata.finalizers or []
    if JOB_FINALIZER not in finalizers:
        return Decision("The job is being deleted; others still hold it.")
    artifacts = removals(artifact for artifact in snapshot.artifacts if not going(artifact))
    if not snapshot.own and artifacts:
        return Decision("The job's workers are gone; what was sent for them is deleted.", delete=artifacts)
    if not snapshot.own:
        kept = tuple(name for name in finalizers if name != JOB_FINALIZER)
        withdrawn = versions.withdrawn(snapshot)
        if withdrawn:
            return Decision("The job's workers are gone; its versions are not offered any more.", statuses=withdrawn)
        return Decision("The job's workers are gone, and so is the job.", finalizers=kept)
    places = sorted({worker.spec.node_name for worker in snapshot.own})
    quiet = "".join(silence(snapshot, place) for place in places)
    sentence = f"The job is being deleted: waits until its workers have stopped on {', '.join(places)}.{quiet}"
    told = update(status, message=sentence)
    delete = removals(worker for worker in snapshot.own if not going(worker))
    return Decision(
        sentence,
        status=told.dump() if told != snapshot.job.status else None,
        delete=delete,
        happenings=(Happening("JobDeleting", sentence),) if delete else (),
        look_again_at=snapshot.after(snapshot.settings.recheck),
    )


def orphaned(workers: Iterable[Worker], artifacts: Iterable[Artifact]) -> Decision:
    """The job does not exist: nobody wants its workers, or what was sent for them."""
    left: list[Worker | Artifact] = [*workers, *artifacts]
    delete = removals(each for each in left if not going(each))
    if not delete:
        return Decision("There is no such job.")
    return Decision("There is no such job; its workers and artifacts are deleted.", delete=delete)


def strangers(snapshot: Snapshot) -> tuple[Removal, ...]:
    """Workers of an earlier job of this name."""
    own = {worker.metadata.name for worker in snapshot.own}
    return removals(worker for worker in snapshot.workers if worker.metadata.name not in own and not going(worker))


def removals(owned: Iterable[Worker | Artifact]) -> tuple[Removal, ...]:
    """Workers and artifacts as applying deletes them."""
    return tuple(
        Removal(Key(each.kind, each.metadata.namespace or "default", each.metadata.name), each.metadata.uid or "")
        for each in owned
    )
