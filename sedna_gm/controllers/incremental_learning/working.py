"""How a stage that runs a worker to its end gets the worker, watches it, and learns how it ended.

Training and evaluation differ in what goes in and what comes out (`training`, `evaluating`); the rest is here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sedna.api.incremental_learning import RoundProgress, RoundWorker
from sedna.api.pods import PodSpec
from sedna.api.stages import Phase, Stage
from sedna.api.times import format_time, parse_time
from sedna.api.workers import Progress, Worker
from sedna_gm.controllers.incremental_learning.carrying import (
    Cargo,
    Carried,
    again,
    carry,
    fetching_time,
)
from sedna_gm.controllers.incremental_learning.failing import STOPPED, fail, interrupt
from sedna_gm.controllers.incremental_learning.hosts import node_for, paused_on, paused_sentence, silence
from sedna_gm.controllers.incremental_learning.making import deadline, stage_worker
from sedna_gm.controllers.incremental_learning.remembering import remembered
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot, alive, going
from sedna_gm.controllers.incremental_learning.steps import Status, Step, move, progress, stay, update
from sedna_gm.placing.candidates import NoNode

Complete = Callable[[Worker], Step]


@dataclass(frozen=True)
class Ending:
    """Why a stage's worker will not bring its work to an end."""

    reason: str
    sentence: str


def get_worker(snapshot: Snapshot, status: Status, cargo: Cargo) -> Step:
    """Ready: find the node, have all it needs carried there, want the worker, and go on to Starting.

    Or say what is in the way.
    """
    stage = cargo.stage
    name = snapshot.worker_name(stage, status.round or 0)
    found = snapshot.worker(name)
    if found is not None and found.spec.job.uid == snapshot.uid and not going(found):
        # Made before a crash between making it and writing it down.
        sentence = f"{stage.value} of round {status.round} is to run on node {found.spec.node_name}."
        return _start(snapshot, status, stage, found.spec.node_name, sentence)
    recheck = snapshot.after(snapshot.settings.recheck)
    blocking = _blocking(snapshot, name)
    if blocking is not None:
        return stay(status, blocking, recheck)
    node = node_for(snapshot, _template(snapshot, stage))
    if isinstance(node, NoNode):
        return stay(status, f"{stage.value} of round {status.round} waits for a node. {node.sentence}", recheck)
    paused = paused_on(snapshot, node)
    if paused is not None:
        return stay(status, paused, recheck)
    carried = carry(snapshot, node, cargo)
    if not carried.is_complete:
        return wait_for_carrying(snapshot, status, carried)
    worker = stage_worker(
        snapshot,
        stage,
        cargo.round,
        node,
        samples=cargo.samples,
        models=carried.models,
        samples_artifact=carried.samples,
    )
    sentence = f"{stage.value} of round {status.round} is to run on node {node}."
    step = _start(snapshot, remembered(status, cargo, carried), stage, node, sentence)
    return Step(step.status, step.sentence, create=(worker,), happenings=step.happenings)


def wait_for_carrying(snapshot: Snapshot, status: Status, carried: Carried) -> Step:
    """Nothing moves until all has arrived; what cannot come fails the round."""
    if carried.failure is not None:
        return fail(snapshot, status, carried.failure.reason, carried.failure.sentence)
    waiting = update(status, message=carried.waits)
    recheck = snapshot.after(snapshot.settings.recheck)
    return Step(waiting, carried.brief or "", recheck, create=carried.create, happenings=carried.happenings)


def watch_start(snapshot: Snapshot, status: Status, cargo: Cargo) -> Step:
    """Starting: wait until the node says that the worker runs, or that it cannot."""
    stage = cargo.stage
    status = _with_pause(snapshot, status, stage)
    worker, ending = _observe(snapshot, status, stage)
    if ending is not None:
        return _end(snapshot, status, ending)
    assert worker is not None  # noqa: S101 - for the type checker: no worker is an ending
    if worker.status.phase in ("Running", "Succeeded"):
        sentence = f"{stage.value} of round {status.round} runs on node {worker.spec.node_name}."
        return move(snapshot, status, (stage, Phase.RUNNING), "WorkerRunning", sentence)
    waiting = _wait(snapshot, status, stage, worker, "starts")
    if worker.status.phase != "Pending":
        return waiting
    # While it is Pending its node may still fetch; what was taken away meanwhile is sent once more.
    carried = again(snapshot, worker, cargo)
    if carried.failure is not None:
        return fail(snapshot, status, carried.failure.reason, carried.failure.sentence)
    if not carried.create:
        return waiting
    news = (*waiting.happenings, *carried.happenings)
    return Step(waiting.status, waiting.sentence, waiting.look_again_at, create=carried.create, happenings=news)


def watch_run(snapshot: Snapshot, status: Status, stage: Stage, complete: Complete) -> Step:
    """Running: wait for the end; `complete` judges what a worker that succeeded has brought."""
    status = _with_pause(snapshot, status, stage)
    worker, ending = _observe(snapshot, status, stage)
    if ending is not None:
        return _end(snapshot, status, ending)
    assert worker is not None  # noqa: S101 - for the type checker: no worker is an ending
    if worker.status.phase == "Succeeded":
        return complete(worker)
    return _wait(snapshot, status, stage, worker, "runs")


def how_far(told: Progress | None) -> str:
    """What is done, in tenths: finer steps would write the job anew each time, and stand in the worker's own status."""
    if told is None or not told.total or told.done > told.total:
        return ""
    units = f"{told.unit}s are" if told.total != 1 else f"{told.unit} is"
    return f" {math.floor(10 * told.done / told.total) * 10} % of {_amount(told.total)} {units} done."


def _amount(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:g}"


def late(snapshot: Snapshot, status: Status, seconds: float) -> tuple[bool, datetime]:
    """Whether a stage that may take so long has taken longer, and the moment at which it has."""
    since = status.current.stage_since if status.current else None
    ends = (parse_time(since) if since else snapshot.now) + timedelta(seconds=seconds)
    if snapshot.listening_since is not None:
        # After an absence of the GlobalManager, what nodes have to tell from that time comes first.
        ends = max(ends, snapshot.listening_since + timedelta(seconds=snapshot.settings.grace))
    return snapshot.now >= ends, ends


def paused(snapshot: Snapshot, status: Status, is_paused: bool) -> Status:
    """Stops and restarts the stage's deadline as an operator pauses and resumes its worker."""
    current = status.current
    if current is None or is_paused == (current.paused_at is not None):
        return status
    if is_paused:
        return progress(status, paused_at=snapshot.timestamp)
    gap = snapshot.now - parse_time(current.paused_at or snapshot.timestamp)
    since = parse_time(current.stage_since or snapshot.timestamp) + gap
    return progress(status, paused_at=None, stage_since=format_time(since))


def _template(snapshot: Snapshot, stage: Stage) -> PodSpec:
    spec = snapshot.job.spec
    return (spec.train_spec if stage is Stage.TRAIN else spec.eval_spec).template.spec


def _with_pause(snapshot: Snapshot, status: Status, stage: Stage) -> Status:
    worker = snapshot.worker(snapshot.worker_name(stage, status.round or 0))
    return paused(snapshot, status, worker is not None and worker.status.phase == "Paused")


def _start(snapshot: Snapshot, status: Status, stage: Stage, node: str, sentence: str) -> Step:
    nodes = {**status.nodes, stage.value: node}
    mine = RoundWorker(
        name=snapshot.worker_name(stage, status.round or 0), role="train" if stage is Stage.TRAIN else "eval", node=node
    )
    others = [each for each in (status.current or RoundProgress()).workers if each.name != mine.name]
    placed = progress(update(status, nodes=nodes), workers=[*others, mine])
    return move(snapshot, placed, (stage, Phase.STARTING), "WorkerCreated", sentence)


def _blocking(snapshot: Snapshot, name: str) -> str | None:
    """A stage never has two workers: whatever may still run must have ended before another is made."""
    for worker in snapshot.workers:
        ours = worker.spec.job.uid == snapshot.uid
        if not ours or worker.metadata.name == name or (worker.spec.role != "inference" and alive(worker)):
            whose = "" if ours else " of an earlier job of this name"
            return (
                f"Waits until node {worker.spec.node_name} has let go of worker {worker.metadata.name}{whose}."
                f"{silence(snapshot, worker.spec.node_name)}"
            )
    return None


def _observe(snapshot: Snapshot, status: Status, stage: Stage) -> tuple[Worker | None, Ending | None]:
    """The stage's worker, and why nothing more can be hoped of it, if so."""
    name = snapshot.worker_name(stage, status.round or 0)
    worker = snapshot.worker(name)
    if worker is None or worker.spec.job.uid != snapshot.uid:
        return None, Ending("WorkerDeleted", f"worker {name} is gone: somebody deleted it.")
    node = worker.spec.node_name
    if worker.status.phase == "Failed":
        reason = worker.status.reason or "WorkerFailed"
        told = worker.status.message or (worker.status.report.message if worker.status.report else None)
        return worker, Ending(reason, f"worker {name} on node {node}: {told or 'no reason was given'}")
    if worker.status.phase == "Succeeded":
        return worker, None
    if going(worker):
        return worker, Ending("WorkerDeleted", f"somebody deleted worker {name} before it had ended.")
    if node not in snapshot.nodes:
        return worker, Ending("NodeGone", f"node {node}, on which worker {name} ran, was deleted.")
    if worker.status.phase == "Paused":
        return worker, None
    allowed = _allowed(snapshot, worker)
    is_late, _ = late(snapshot, status, allowed + snapshot.settings.grace)
    if is_late:
        told = f"worker {name} has not ended within {allowed} s.{silence(snapshot, node)}"
        return worker, Ending("DeadlineExceeded", told)
    return worker, None


def _allowed(snapshot: Snapshot, worker: Worker) -> int:
    return deadline(snapshot, worker.spec.template) + fetching_time(snapshot, worker)


def _end(snapshot: Snapshot, status: Status, ending: Ending) -> Step:
    if ending.reason == STOPPED:
        return interrupt(snapshot, status)
    return fail(snapshot, status, ending.reason, ending.sentence)


def _wait(snapshot: Snapshot, status: Status, stage: Stage, worker: Worker, verb: str) -> Step:
    node = worker.spec.node_name
    if worker.status.phase == "Paused":
        return stay(status, paused_sentence(snapshot, node), snapshot.after(snapshot.settings.recheck))
    _, ends = late(snapshot, status, _allowed(snapshot, worker) + snapshot.settings.grace)
    told = worker.status.message if worker.status.phase in ("Pending", "Starting") else None
    sentence = f"{stage.value} of round {status.round} {verb} on node {node}."
    if told:
        sentence = f"{sentence} {told}"
    if worker.status.phase == "Running":
        sentence += how_far(worker.status.progress)
    return stay(status, f"{sentence}{silence(snapshot, node)}", ends)
