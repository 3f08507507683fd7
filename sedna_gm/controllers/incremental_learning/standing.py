"""How an inference worker that has not ended stands, in a word and a sentence.

A node starts a worker that ends again by itself, so one that cannot even import what it needs never ends for good.
That shows only in the number of its restarts, which the status therefore keeps from one look to the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sedna.api.incremental_learning import Serving
from sedna.api.times import parse_time
from sedna.api.workers import Worker
from sedna_gm.controllers.decisions import Happening
from sedna_gm.controllers.incremental_learning.hosts import paused_sentence, silence
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot

FAILING = "Failing"


@dataclass(frozen=True)
class Standing:
    """What to tell of the worker, and when time alone may change that."""

    serving: Serving
    look_again_at: datetime | None = None
    happenings: tuple[Happening, ...] = ()


def standing(snapshot: Snapshot, before: Serving, worker: Worker) -> Standing:
    """Judge a worker that has not ended; `before` is what was told last."""
    counted = _counted(snapshot, before, worker)
    since = runs_since(snapshot, worker)
    if since is not None and _for(snapshot, since) >= snapshot.settings.settled:
        counted = counted.model_copy(update={"failures": 0})
    phase, sentence = _described(snapshot, counted, worker)
    changes: dict[str, Any] = {"model": before.model, "retry_after": None}
    served = worker.status.model
    if served is not None and served.state in ("Watching", "Loaded"):
        changes["model"] = served.url
    elif served is None and worker.status.phase != "Running":
        changes["model"] = None
    serving = told(counted, phase, sentence, node=worker.spec.node_name).model_copy(update=changes)
    if phase != FAILING:
        return Standing(serving)
    again = since + timedelta(seconds=snapshot.settings.silent_start) if since is not None else None
    if before.phase == FAILING:
        return Standing(serving, again)
    # Without the number of restarts: coming back, it is the same event and counts up.
    return Standing(serving, again, (Happening("InferenceFailing", _keeps_ending(worker), "Warning"),))


def runs_since(snapshot: Snapshot, worker: Worker) -> datetime | None:
    """Since when it has run without being started again; None while it does not run."""
    if worker.status.phase != "Running" or worker.status.start_time is None:
        return None
    counted = _counted(snapshot, snapshot.job.status.serving or Serving(), worker)
    # Nodes tell when the unit began, which is before its first restart.
    moments = (worker.status.start_time, counted.restarted_at)
    return max(parse_time(moment) for moment in moments if moment is not None)


def told(before: Serving, phase: str, message: str, *, node: str | None = None) -> Serving:
    """The same serving with another word and sentence."""
    changes: dict[str, Any] = {"phase": phase, "message": message, "node": node}
    if phase in ("Waiting", "Stopping", "Failed", "Succeeded"):
        changes["model"] = None
    return before.model_copy(update=changes)


def _counted(snapshot: Snapshot, before: Serving, worker: Worker) -> Serving:
    """Count what the node itself started again; fewer than before are those of another unit."""
    more = worker.status.restarts - before.restarts
    if more == 0:
        return before
    changes: dict[str, Any] = {"restarts": worker.status.restarts, "restarted_at": None}
    if more > 0:
        changes |= {"restarted_at": snapshot.timestamp, "failures": before.failures + more}
    return before.model_copy(update=changes)


def _described(snapshot: Snapshot, counted: Serving, worker: Worker) -> tuple[str, str]:
    where, phase, served = worker.spec.node_name, worker.status.phase, worker.status.model
    if phase == "Paused":
        return phase, paused_sentence(snapshot, where)
    ready = snapshot.readiness(where)
    if ready is not None and ready.status == "Unknown":
        did = "ran" if phase == "Running" else "was about to start"
        sentence = f"The inference worker {did} on node {where} when it was last heard."
        return "Unknown", f"{sentence}{silence(snapshot, where)}"
    if _is_failing(snapshot, counted, worker):
        sentence = f"{_keeps_ending(worker).rstrip('.')}, restarted {counted.failures} times."
        return FAILING, f"{sentence}{_why(worker)}{silence(snapshot, where)}"
    if served is not None and served.state == "Refused":
        why = served.message or served.reason or "no reason was given"
        return phase, f"The model {served.url} was refused: {why}"
    if phase == "Running":
        return phase, f"The inference worker runs on node {where}.{silence(snapshot, where)}"
    extra = f" {worker.status.message}" if worker.status.message else ""
    return phase, f"The inference worker starts on node {where}.{extra}{silence(snapshot, where)}"


def _is_failing(snapshot: Snapshot, counted: Serving, worker: Worker) -> bool:
    if counted.restarts == 0 or counted.failures < snapshot.settings.keeps_ending:
        return False
    since = runs_since(snapshot, worker)
    return worker.status.phase == "Starting" or (
        since is not None and _for(snapshot, since) < snapshot.settings.silent_start
    )


def _keeps_ending(worker: Worker) -> str:
    status = worker.status
    how = f": signal {status.signal}" if status.signal else ""
    if status.exit_code is not None:
        how = f": exit code {status.exit_code}"
    return f"The inference worker on node {worker.spec.node_name} keeps ending{how}."


def _why(worker: Worker) -> str:
    """What node and program said about it, if anything."""
    status = worker.status
    said = status.message
    if not said and status.model is not None and status.model.state == "Refused":
        said = status.model.message
    if not said and status.report is not None and status.report.status == "failed":
        said = status.report.message
    return f" {said}" if said else ""


def _for(snapshot: Snapshot, since: datetime) -> float:
    return (snapshot.now - since).total_seconds()
