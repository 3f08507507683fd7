"""The record that each finished round leaves in the job's history: the lineage of its model.

Built from the job's status alone, so a record that is written again after a crash says the same.
"""

from __future__ import annotations

from typing import Any

from sedna.api.incremental_learning import RoundProgress
from sedna.api.rounds import round_id
from sedna.api.stages import Phase
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.steps import Status, position


def record(snapshot: Snapshot, status: Status, decision: str) -> dict[str, Any]:
    """What the round took, made and measured, what was decided and why, and when each stage went where."""
    current = status.current or RoundProgress()
    steps = [each for each in status.conditions if each.round == status.round]
    told = current.dump()
    models = {
        "base": told.get("baseModel"),
        "new": told.get("newModel"),
        "comparedWith": told.get("comparedWith"),
        "deployed": status.deployed_model.dump() if status.deployed_model else None,
    }
    # The status remembers each stage's last node; what this round did not come to is an earlier round's.
    begun = {each.stage for each in steps if each.type == Phase.STARTING.value}
    metrics = {"new": told.get("newMetrics"), "comparedWith": told.get("oldMetrics")}
    return {
        "round": status.round or 0,
        "id": round_id(snapshot.uid, status.round or 0),
        "job": {"name": snapshot.job.metadata.name, "uid": snapshot.uid},
        "decision": decision,
        "stage": position(status).stage.value,
        "reason": current.outcome or decision,
        "message": current.reason or "",
        "samples": {
            "dataset": snapshot.job.spec.dataset.name,
            "datasetUid": status.dataset_uid,
            "start": current.start,
            "end": current.end,
            "trainProb": snapshot.job.spec.dataset.train_prob,
            "evaluatedRounds": [each.round for each in status.finished_rounds],
            **({"regression": told["regression"]} if current.regression else {}),
        },
        "models": {name: model for name, model in models.items() if model},
        "metrics": {name: values for name, values in metrics.items() if values},
        "workers": [each.dump() for each in current.workers],
        "nodes": {stage: node for stage, node in sorted(status.nodes.items()) if stage in begun},
        "startedAt": current.started_at,
        "finishedAt": steps[-1].last_transition_time if steps else snapshot.timestamp,
        "stages": [
            {
                "stage": each.stage,
                "phase": each.type,
                "time": each.last_transition_time,
                "reason": each.reason,
            }
            for each in steps
        ],
        **({"byHand": current.by_hand} if current.by_hand else {}),
        **({"rollback": told["rollback"]} if current.rollback else {}),
    }
