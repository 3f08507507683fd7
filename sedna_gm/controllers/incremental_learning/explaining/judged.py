"""The last round whose models were measured: what triggers and gates of the deployment are told about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sedna.api.triggers import Metric
from sedna_gm.controllers.incremental_learning.steps import Status


@dataclass(frozen=True)
class Judged:
    """What a round has measured. `decision` is what was decided then, empty while that is still to come."""

    round: int
    new: Mapping[str, Metric]
    old: Mapping[str, Metric]
    decision: str = ""
    reason: str = ""
    new_round: int | None = None
    """The round that made the new model: an earlier one, where it was evaluated once more."""
    compared_round: int | None = None
    """The round that made the model which was deployed then; 0: the given file. None: that is not written down."""
    time: str | None = None
    """When the round ended; None while it is under way."""


def last_judged(status: Status, rounds: Iterable[Mapping[str, Any]]) -> Judged | None:
    """The round under way if it has metrics, else the newest finished one that has; None when there is none."""
    current = status.current
    if current is not None and current.new_metrics:
        new, old = current.new_model, current.compared_with
        return Judged(
            status.round or 0,
            current.new_metrics,
            current.old_metrics or {},
            current.outcome or "",
            current.reason or "",
            new_round=new.round if new is not None else None,
            compared_round=(old.round or 0) if old is not None else None,
        )
    for record in sorted(rounds, key=lambda each: -int(each.get("round") or 0)):
        metrics = record.get("metrics") or {}
        if metrics.get("new"):
            return Judged(
                int(record.get("round") or 0),
                metrics["new"],
                metrics.get("comparedWith") or {},
                str(record.get("decision") or ""),
                str(record.get("message") or ""),
                new_round=_made_in(record, "new"),
                compared_round=_made_in(record, "comparedWith"),
                time=record.get("finishedAt"),
            )
    return None


def _made_in(record: Mapping[str, Any], which: str) -> int | None:
    model = (record.get("models") or {}).get(which)
    return int(model.get("round") or 0) if isinstance(model, Mapping) else None
