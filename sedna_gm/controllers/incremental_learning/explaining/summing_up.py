"""One or two sentences: what the job does or waits for, and since when."""

from __future__ import annotations

from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.standing import FAILING
from sedna_gm.controllers.incremental_learning.steps import Status

_TROUBLE = (FAILING, "Failed", "Unknown", "Waiting", "Stopping")


def summary(snapshot: Snapshot, status: Status) -> str:
    """The job's own sentence, and that of its inference worker where that one does not serve."""
    if snapshot.job.metadata.deletion_timestamp is not None:
        left = ", ".join(sorted({worker.spec.node_name for worker in snapshot.workers}))
        waits = f" It waits until {left} {'have' if ',' in left else 'has'} let go of its workers." if left else ""
        return f"The job is being deleted since {snapshot.job.metadata.deletion_timestamp}.{waits}"
    if status.stage is None:
        return "The job was made and is looked at for the first time in a moment."
    said = [_ended(status.message or f"{status.stage} is {status.phase}.")]
    serving = status.serving
    if serving is not None and serving.phase in _TROUBLE and serving.message:
        said.append(_ended(serving.message))
    return " ".join(said)


def since(snapshot: Snapshot, status: Status) -> str | None:
    """When the job came where it stands."""
    if status.paused_since is not None:
        return status.paused_since
    here = [each for each in status.conditions if (each.stage, each.type) == (status.stage, status.phase)]
    if here and here[-1].last_transition_time:
        return here[-1].last_transition_time
    return status.start_time or snapshot.job.metadata.creation_timestamp


def _ended(sentence: str) -> str:
    text = sentence.strip()
    return text if text.endswith((".", "`", ")", "…")) else f"{text}."
