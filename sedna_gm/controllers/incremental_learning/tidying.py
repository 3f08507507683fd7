"""Which workers of stages have had their time.

A worker that ended stays until the next round begins, for its logs and its exit code. A retry begins within seconds,
so one that failed stays longer: until a later one of its stage has ended, too. One that may still run stays only as
long as its stage does.
"""

from __future__ import annotations

from sedna.api.stages import Phase
from sedna.api.workers import Worker
from sedna_gm.controllers.decisions import Removal
from sedna_gm.controllers.incremental_learning.removing import removals, strangers
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot, alive, going
from sedna_gm.controllers.incremental_learning.steps import Status, position

_WORKED_ON = (Phase.READY, Phase.STARTING, Phase.RUNNING)


def outdated(snapshot: Snapshot, status: Status) -> tuple[Removal, ...]:
    """Workers to delete, given the status that this decision ends with."""
    old = [worker for worker in snapshot.own if not going(worker) and _is_outdated(worker, snapshot, status)]
    return (*removals(old), *strangers(snapshot))


def _is_outdated(worker: Worker, snapshot: Snapshot, status: Status) -> bool:
    if worker.spec.role == "inference":
        return False
    if not alive(worker):
        return worker.spec.round < (status.round or 0) and not _is_last_failure(worker, snapshot)
    stage, phase = position(status)
    wanted = snapshot.worker_name(stage, status.round or 0)
    return not (phase in _WORKED_ON and worker.metadata.name == wanted)


def _is_last_failure(worker: Worker, snapshot: Snapshot) -> bool:
    later = (
        each
        for each in snapshot.own
        if each.spec.role == worker.spec.role and each.spec.round > worker.spec.round and not alive(each)
    )
    return worker.status.phase == "Failed" and not any(later)
