"""The whole answer to "why?": one document out of one snapshot, the records of rounds and the job's events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sedna.api.incremental_learning import SampleCounts
from sedna.api.triggers import fewest
from sedna_gm.controllers.incremental_learning import samples
from sedna_gm.controllers.incremental_learning.explaining.actions import actions
from sedna_gm.controllers.incremental_learning.explaining.decisions import decisions
from sedna_gm.controllers.incremental_learning.explaining.gates import gates
from sedna_gm.controllers.incremental_learning.explaining.judged import last_judged
from sedna_gm.controllers.incremental_learning.explaining.served import served
from sedna_gm.controllers.incremental_learning.explaining.summing_up import since, summary
from sedna_gm.controllers.incremental_learning.explaining.triggers import new_samples, triggers
from sedna_gm.controllers.incremental_learning.explaining.workers import nodes, workers
from sedna_gm.controllers.incremental_learning.pausing import is_paused
from sedna_gm.controllers.incremental_learning.setting_right import set_right
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.steps import Status

Document = dict[str, Any]


def why(
    snapshot: Snapshot, rounds: Sequence[Mapping[str, Any]] = (), events: Sequence[Mapping[str, Any]] = ()
) -> Document:
    """Explain a job. `rounds` are its newest records, oldest first; `events` those about it, in any order.

    The counts and moments are those of the snapshot, as the controller would see them now.
    """
    # As the controller looks: with the present count, and without moments that a wrong clock wrote.
    status = samples.counted(snapshot, set_right(snapshot, snapshot.job.status))
    judged = last_judged(status, rounds)
    serving = served(snapshot, status, rounds)
    return {
        "kind": "Why",
        "apiVersion": snapshot.job.api_version,
        "job": snapshot.job.metadata.name,
        "namespace": snapshot.namespace,
        "time": snapshot.timestamp,
        "stage": status.stage,
        "phase": status.phase,
        "round": status.round or 0,
        "paused": is_paused(snapshot),
        "since": since(snapshot, status),
        "summary": summary(snapshot, status),
        "actions": actions(snapshot, status, judged),
        "triggers": triggers(snapshot, status, judged),
        "serving": serving,
        "gates": gates(snapshot, judged, rounds, serving["round"]),
        "workers": workers(snapshot),
        "nodes": nodes(snapshot),
        "samples": _samples(snapshot, status),
        "decisions": decisions(snapshot, rounds, events),
    }


def _samples(snapshot: Snapshot, status: Status) -> Document:
    """`needed`: so many new ones let the trigger's condition hold; null without one, or where no number does."""
    counts, condition = status.samples or SampleCounts(), snapshot.job.spec.train_spec.trigger.condition
    needed = fewest(condition) if condition is not None else None
    return {"seen": counts.seen, "used": counts.used, "new": new_samples(status), "needed": needed}
