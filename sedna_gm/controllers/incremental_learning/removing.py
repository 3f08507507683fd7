"""A job that is being deleted, and workers that outlived theirs: nodes stop what runs before anything disappears."""

from __future__ import annotations

from collections.abc import Iterable

from sedna.api.incremental_learning import JOB_FINALIZER
from sedna.api.workers import Worker
from sedna_gm.controllers.decisions import Decision, Happening, Removal
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot, going
from sedna_gm.controllers.incremental_learning.steps import Status, update
from sedna_gm.controllers.incremental_learning.working import silence
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
    if not snapshot.own:
        kept = tuple(name for name in finalizers if name != JOB_FINALIZER)
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


def orphaned(workers: Iterable[Worker]) -> Decision:
    """The job does not exist: nobody wants its workers."""
    delete = removals(worker for worker in workers if not going(worker))
    if not delete:
        return Decision("There is no such job.")
    return Decision("There is no such job; its workers are deleted.", delete=delete)


def strangers(snapshot: Snapshot) -> tuple[Removal, ...]:
    """Workers of an earlier job of this name."""
    own = {worker.metadata.name for worker in snapshot.own}
    return removals(worker for worker in snapshot.workers if worker.metadata.name not in own and not going(worker))


def removals(workers: Iterable[Worker]) -> tuple[Removal, ...]:
    """The workers as applying deletes them."""
    return tuple(
        Removal(Key("Worker", worker.metadata.namespace or "default", worker.metadata.name), worker.metadata.uid or "")
        for worker in workers
    )
