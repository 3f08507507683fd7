"""The Deploy stage: decides on the metrics, has the inference worker take the new model, and closes the round.

Hot or cold is the node's business: in both cases this stage changes which model the inference worker is to serve
(`serving` writes that into its spec) and waits until the node says that it does, or why it does not.
"""

from __future__ import annotations

from typing import Any

from sedna.api.incremental_learning import RoundProgress, RoundRange, SampleCounts
from sedna.api.models import ModelVersion
from sedna.api.stages import START, Phase, Stage
from sedna.api.times import format_time, parse_time
from sedna.api.triggers import Verdict, holds, next_opening, window_open
from sedna.api.workers import ServedModel, Worker
from sedna_gm.controllers.incremental_learning import inference, rounds
from sedna_gm.controllers.incremental_learning.carrying import carry, fetching_time
from sedna_gm.controllers.incremental_learning.failing import STOPPED, fail, interrupt
from sedna_gm.controllers.incremental_learning.hosts import is_silent, paused_sentence, silence
from sedna_gm.controllers.incremental_learning.remembering import remembered
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot, alive, going
from sedna_gm.controllers.incremental_learning.standing import runs_since
from sedna_gm.controllers.incremental_learning.steps import Status, Step, move, progress, stay, update
from sedna_gm.controllers.incremental_learning.training import asked
from sedna_gm.controllers.incremental_learning.working import late, paused, wait_for_carrying
from sedna_gm.placing.candidates import NoNode

ROLLED_BACK = "RolledBack"
"""The reason that a node gives for a model that it took back by itself."""


def waiting(snapshot: Snapshot, status: Status) -> Step:
    """Decide. A model that does not win is kept as a candidate, and the round is complete all the same."""
    current = status.current or RoundProgress()
    by_hand = current.by_hand == "deploy" or asked(snapshot, status) == "deploy"
    if by_hand:
        chosen = progress(update(status, handled_trigger="deploy"), by_hand="deploy")
        return _deploy(snapshot, chosen, "it was asked for by hand")
    trigger = snapshot.job.spec.deploy_spec.trigger
    if trigger is None:
        return _deploy(snapshot, status, "there is no trigger, so every model is deployed")
    verdict = Verdict(True, "the window is open")
    if trigger.condition is not None:
        verdict = holds(trigger.condition, current.new_metrics or {}, current.old_metrics)
    if not verdict.holds:
        sentence = f"The model of round {status.round} is not deployed: {verdict.reason}."
        kept = progress(status, outcome="NotDeployed", reason=sentence)
        return move(snapshot, kept, (Stage.DEPLOY, Phase.COMPLETED), "NotDeployed", sentence, data=_metrics(current))
    if trigger.timer is not None and not window_open(trigger.timer, snapshot.now, snapshot.zone):
        opening = next_opening(trigger.timer, snapshot.now, snapshot.zone)
        window = f"{trigger.timer.start} to {trigger.timer.end}"
        sentence = f"Deployment waits for the window {window}, which opens {format_time(opening)}."
        return stay(status, sentence, min(opening, snapshot.after(trigger.check_period_seconds)))
    return _deploy(snapshot, status, verdict.reason)


def ready(snapshot: Snapshot, status: Status) -> Step:
    """Wait for an inference worker that can take the model."""
    new = (status.current or RoundProgress()).new_model
    if new is None:
        return fail(snapshot, status, "NoModel", "the status does not say which model to deploy.")
    recheck = snapshot.after(snapshot.settings.recheck)
    worker = inference.current_worker(snapshot)
    if worker is None or not alive(worker):
        # None runs: the one that is made next serves the new model from its start.
        in_the_way = inference.in_the_way(snapshot)
        if in_the_way is not None:
            return stay(status, f"The deployment waits for the inference worker. {in_the_way}", recheck)
        where = inference.node(snapshot)
        if isinstance(where, NoNode):
            return stay(status, f"The deployment waits for the inference worker. {where.sentence}", recheck)
        return _give(snapshot, status, where, new)
    node = worker.spec.node_name
    if worker.status.phase == "Paused":
        return stay(status, paused_sentence(snapshot, node), recheck)
    if is_silent(snapshot, node):
        # The deadline of a deployment counts from when its node can know of it.
        return stay(status, f"The deployment waits for node {node}.{silence(snapshot, node)}", recheck)
    # One that cannot start as it is (its model may be what is missing) is given the new model all the same.
    can_take = worker.status.phase == "Running" or (worker.status.phase == "Pending" and worker.status.reason)
    if going(worker) or not (can_take or _given(snapshot, status, worker)):
        what = "to be gone" if going(worker) else "to run"
        sentence = f"The deployment waits for the inference worker on node {node} {what}.{silence(snapshot, node)}"
        return stay(status, sentence, recheck)
    return _give(snapshot, status, node, new)


def starting(snapshot: Snapshot, status: Status) -> Step:
    """Wait until the node has noticed."""
    status = _with_pause(snapshot, status)
    outcome = _judged(snapshot, status)
    if isinstance(outcome, Step):
        return outcome
    worker = inference.current_worker(snapshot)
    if outcome or (worker is not None and _given(snapshot, status, worker) and _noticed(worker)):
        node = worker.spec.node_name if worker else ""
        sentence = f"The inference worker on node {node} takes the model of round {status.round}."
        return move(snapshot, status, (Stage.DEPLOY, Phase.RUNNING), "ModelLoading", sentence)
    return _wait(snapshot, status, worker)


def running(snapshot: Snapshot, status: Status) -> Step:
    """Wait until the worker serves the new model, or has refused it."""
    status = _with_pause(snapshot, status)
    outcome = _judged(snapshot, status)
    if isinstance(outcome, Step):
        return outcome
    new = (status.current or RoundProgress()).new_model
    if not outcome or new is None:
        return _wait(snapshot, status, inference.current_worker(snapshot))
    sentence = f"The model of round {status.round} is deployed: {new.url}."
    reason = status.current.reason if status.current and status.current.reason else sentence
    version = new.model_copy(update={"time": snapshot.timestamp})
    deployed = progress(update(status, deployed_model=version), outcome="Deployed", reason=reason)
    current = status.current or RoundProgress()
    # That the Model's resource tells it, too, is `versions`' business.
    return move(snapshot, deployed, (Stage.DEPLOY, Phase.COMPLETED), "Deployed", sentence, data=_metrics(current))


def completed(snapshot: Snapshot, status: Status) -> Step:
    """Close the round: its samples are used, its model is where the next training begins."""
    current = status.current or RoundProgress()
    outcome = current.outcome or "Deployed"
    counts = status.samples or SampleCounts()
    used = max(counts.used, current.end)
    finished = status.finished_rounds
    if current.end > current.start:
        taken = RoundRange(round=status.round or 1, start=current.start, end=current.end)
        finished = [*finished, taken][-snapshot.settings.compared_rounds :]
    sentence = f"Round {status.round} is finished ({outcome}); the job waits for new samples."
    closed = update(
        status,
        samples=SampleCounts(seen=counts.seen, used=used, new=max(0, counts.seen - used)),
        finished_rounds=finished,
        last_trained_model=current.next_base or status.last_trained_model,
        # What a rollback brings back is no new candidate: the last trained model stays the one to look at by hand.
        candidate_model=status.candidate_model if current.rollback else current.new_model or status.candidate_model,
        failures=0,
        charged_failures=0,
        retry_after=None,
    )
    step = move(snapshot, closed, START, "RoundFinished", sentence)
    return Step(
        update(step.status, current=None),
        sentence,
        record=rounds.record(snapshot, status, outcome),
        happenings=step.happenings,
    )


def _deploy(snapshot: Snapshot, status: Status, why: str) -> Step:
    chosen = progress(status, reason=f"{why}.")
    sentence = f"The model of round {status.round} is to be deployed: {why}."
    return move(snapshot, chosen, (Stage.DEPLOY, Phase.READY), "TriggerHolds", sentence)


def _give(snapshot: Snapshot, status: Status, node: str, new: ModelVersion) -> Step:
    """Have the model carried to the inference worker's node; the worker is told of it when it has arrived."""
    cargo = inference.cargo(snapshot, new)
    carried = carry(snapshot, node, cargo)
    if not carried.is_complete:
        return wait_for_carrying(snapshot, status, carried)
    return _start(snapshot, remembered(status, cargo, carried), node, new)


def _start(snapshot: Snapshot, status: Status, node: str, new: ModelVersion) -> Step:
    hot = snapshot.job.spec.deploy_spec.model.hot_update_enabled
    how = "without a stop" if hot else "with a restart"
    sentence = f"The inference worker on node {node} is to take {new.url} {how}."
    placed = update(status, nodes={**status.nodes, Stage.DEPLOY.value: node})
    return move(snapshot, placed, (Stage.DEPLOY, Phase.STARTING), "WorkerChanged", sentence)


def _judged(snapshot: Snapshot, status: Status) -> Step | bool:
    """A Step when the deployment has failed, else whether the worker serves the new model."""
    new = (status.current or RoundProgress()).new_model
    if new is None:
        return fail(snapshot, status, "NoModel", "the status does not say which model to deploy.")
    worker = inference.current_worker(snapshot)
    if worker is not None and _given(snapshot, status, worker):
        if worker.status.phase == "Failed" and worker.status.reason == STOPPED:
            return interrupt(snapshot, status)
        if worker.status.phase == "Failed":
            told = worker.status.message or "no reason was given"
            reason = worker.status.reason or "WorkerFailed"
            return fail(snapshot, status, reason, f"the inference worker ended with the new model: {told}")
        served = worker.status.model
        if served is not None and _same(served, new) and _noticed(worker):
            if served.state == "Refused":
                return _refused(snapshot, status, served)
            if served.state == "Loaded":
                return True
        if served is None and _keeps_running(snapshot, status, worker):
            return True
    if worker is not None and _rests(snapshot, worker):
        return False
    is_late, _ = late(snapshot, status, _allowed(snapshot, worker))
    if is_late and worker is not None and _keeps_running(snapshot, status, worker):
        return True
    if is_late:
        node = worker.spec.node_name if worker else status.nodes.get(Stage.DEPLOY.value, "")
        told = f"no node has confirmed the new model within {_allowed(snapshot, worker)} s.{silence(snapshot, node)}"
        return fail(snapshot, status, "DeadlineExceeded", told)
    return False


def _refused(snapshot: Snapshot, status: Status, served: ServedModel) -> Step:
    """The node has already gone back to the last good model; here it becomes what is wanted again."""
    told = served.message or served.reason or "no reason was given"
    if served.reason == ROLLED_BACK:
        sentence = f"the model was taken back while it was watched, and the last good one serves again: {told}"
    else:
        sentence = f"the model was refused: {told}"
    return fail(snapshot, status, served.reason or "ModelRefused", sentence)


def _with_pause(snapshot: Snapshot, status: Status) -> Status:
    worker = inference.current_worker(snapshot)
    return paused(snapshot, status, worker is not None and _rests(snapshot, worker))


def _rests(snapshot: Snapshot, worker: Worker) -> bool:
    """Whether the deadline rests: an operator has paused the worker, or nobody hears what its node has done.

    A node behind a cut line may well have taken the model. Its word comes with the line, and until then another
    training would only make another model that cannot be brought there either.
    """
    return worker.status.phase == "Paused" or is_silent(snapshot, worker.spec.node_name)


def _given(snapshot: Snapshot, status: Status, worker: Worker) -> bool:
    """Whether this worker is the one that is to serve the new model."""
    new = status.current.new_model if status.current else None
    return new is not None and not going(worker) and inference.has(snapshot, worker, new)


def _same(served: ServedModel, new: ModelVersion) -> bool:
    """Whether it is this version: by its content where that is known, since a path may have held another one before."""
    if new.sha256 is not None:
        return served.sha256 is not None and served.sha256.lower() == new.sha256.lower()
    return (served.url.rstrip("/"), served.round or 0) == (new.url.rstrip("/"), new.round or 0)


def _noticed(worker: Worker) -> bool:
    """Whether the status speaks about the spec as it is now; a node that counts no generations is believed.

    Nobody has seen a later spec than there is: who says so speaks of another life of this store, before it was
    restored.
    """
    observed, wanted = worker.status.observed_generation, worker.metadata.generation
    if observed is None or wanted is None:
        return worker.status.phase != "Pending"
    return observed == wanted


def _keeps_running(snapshot: Snapshot, status: Status, worker: Worker) -> bool:
    """A cold start of code that never says what it serves: that it runs on and on with the new model must do.

    A hot update has no such sign, the process runs either way; there only the worker's word counts.
    """
    hot = snapshot.job.spec.deploy_spec.model.hot_update_enabled
    began, since = runs_since(snapshot, worker), status.current.stage_since if status.current else None
    if hot or began is None or since is None:
        return False
    if not (_given(snapshot, status, worker) and _noticed(worker)) or began < parse_time(since):
        return False
    return (snapshot.now - began).total_seconds() >= max(snapshot.settings.silent_start, _window(snapshot))


def _allowed(snapshot: Snapshot, worker: Worker | None) -> int:
    fetching = fetching_time(snapshot, worker) if worker is not None else 0
    watching = _window(snapshot) + snapshot.settings.watch_margin if _window(snapshot) else 0
    poll = snapshot.job.spec.deploy_spec.model.poll_period_seconds
    return snapshot.settings.deploy_deadline + poll + fetching + watching


def _window(snapshot: Snapshot) -> int:
    """Seconds that a new model is watched."""
    guard = snapshot.job.spec.deploy_spec.guard
    return guard.window_seconds if guard is not None else 0


def _wait(snapshot: Snapshot, status: Status, worker: Worker | None) -> Step:
    if worker is not None and worker.status.phase == "Paused":
        sentence = paused_sentence(snapshot, worker.spec.node_name)
        return stay(status, sentence, snapshot.after(snapshot.settings.recheck))
    _, ends = late(snapshot, status, _allowed(snapshot, worker))
    node = worker.spec.node_name if worker else status.nodes.get(Stage.DEPLOY.value, "")
    sentence = f"Waits for the inference worker on node {node} to load the model of round {status.round}."
    if worker is not None and _is_watched(snapshot, status, worker):
        sentence = f"The model of round {status.round} serves on node {node} and is watched for {_window(snapshot)} s."
    if worker is not None and worker.status.message:
        sentence = f"{sentence} {worker.status.message}"
    settings = snapshot.settings
    soon = snapshot.after(settings.silent_start if worker and worker.status.model is None else settings.recheck)
    again = soon if worker is not None and _rests(snapshot, worker) else min(ends, soon)
    return stay(status, f"{sentence}{silence(snapshot, node)}", again)


def _is_watched(snapshot: Snapshot, status: Status, worker: Worker) -> bool:
    served = worker.status.model
    return served is not None and served.state == "Watching" and _given(snapshot, status, worker)


def _metrics(current: RoundProgress) -> dict[str, Any]:
    told = current.dump()
    return {
        "input": {"models": [told[name] for name in ("newModel", "comparedWith") if name in told]},
        "output": {name: told[name] for name in ("newMetrics", "oldMetrics") if name in told},
    }
