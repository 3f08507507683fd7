"""The Train stage: waits for samples and the window of the day, then has a model made of what is new.

Nothing fails while it waits; a job whose dataset or models are missing says so and goes on when they come.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sedna.api.incremental_learning import TRIGGER_ANNOTATION, RoundProgress, SampleCounts
from sedna.api.stages import Phase, Stage
from sedna.api.times import format_time, parse_time
from sedna.api.triggers import NUM_OF_SAMPLES, holds, next_opening, window_open
from sedna.api.workers import Worker
from sedna_gm.controllers.incremental_learning import models, regressing, samples
from sedna_gm.controllers.incremental_learning.advising import advised
from sedna_gm.controllers.incremental_learning.carrying import Cargo
from sedna_gm.controllers.incremental_learning.failing import fail
from sedna_gm.controllers.incremental_learning.hosts import silence
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.steps import (
    ROUND_BEGINS,
    Status,
    Step,
    blocked,
    move,
    progress,
    stay,
    update,
)
from sedna_gm.controllers.incremental_learning.working import get_worker, watch_run, watch_start


def waiting(snapshot: Snapshot, status: Status) -> Step:
    """Leave when samples, window and backoff allow it, or when somebody asks by hand."""
    missing = models.missing(snapshot)
    recheck = snapshot.after(snapshot.settings.recheck)
    if missing is not None:
        return blocked(status, missing, recheck)
    by_hand = asked(snapshot, status)
    if by_hand in ("eval", "deploy"):
        if can_look_again(status, by_hand):
            return _look_again(snapshot, status, by_hand)
        # There is nothing to look at yet: the wish waits for the next round to come to that stage.
        by_hand = None
    lacks = regressing.missing(snapshot)
    if lacks is not None:
        # Before the training: a round that cannot be judged at its end is not worth beginning.
        return blocked(status, lacks, recheck)
    unavailable = _unavailable(snapshot)
    if unavailable is not None:
        # That its node has still to look is how every dataset begins, and nobody's business to mend.
        looked = snapshot.dataset is not None and snapshot.dataset.status.state is not None
        return (blocked if looked else stay)(status, unavailable, recheck)
    counts = status.samples or SampleCounts()
    if counts.seen < counts.used:
        told = f"Dataset {_name(snapshot)} now counts {counts.seen} samples, fewer than the {counts.used} used before."
        return stay(status, f"{told} It waits until there are more.", recheck)
    if by_hand is None:
        waits = _not_yet(snapshot, status, counts)
        if waits is not None:
            return stay(status, *waits)
    lacking = samples.one_part_only(snapshot, status.finished_rounds, counts.used, counts.seen)
    if lacking is not None:
        sentence = f"Waits for more samples: the split leaves none of {counts.new} new ones to {lacking}."
        return stay(status, sentence if counts.new else "Waits for samples: there is no new one.", recheck)
    begun = _begun(snapshot, status, counts.used, counts.seen, by_hand)
    begun = progress(begun, base_model=models.base(snapshot, status))
    why = "by hand" if by_hand else "the trigger holds"
    sentence = f"Round {begun.round} begins with {counts.new} new samples: {why}."
    if status.last_trained_model is not None and counts.used == 0:
        sentence = f"{sentence} {samples.made_anew(snapshot, counts.seen)}"
    return move(snapshot, begun, (Stage.TRAIN, Phase.READY), "ByHand" if by_hand else "TriggerHolds", sentence)


def ready(snapshot: Snapshot, status: Status) -> Step:
    """Have the worker made."""
    dataset = snapshot.dataset
    if dataset is None:
        return stay(status, models.missing(snapshot) or "", snapshot.after(snapshot.settings.recheck))
    if dataset.metadata.uid != status.dataset_uid:
        return fail(snapshot, status, "DatasetReplaced", f"dataset {_name(snapshot)} was deleted and made anew.")
    cargo = _cargo(snapshot, status)
    if not cargo.models:
        return fail(snapshot, status, "NoModel", "the status does not say which model to begin with.")
    return get_worker(snapshot, status, cargo)


def starting(snapshot: Snapshot, status: Status) -> Step:
    """Wait for the worker to run."""
    return watch_start(snapshot, status, _cargo(snapshot, status))


def running(snapshot: Snapshot, status: Status) -> Step:
    """Wait for the worker's model."""

    def complete(worker: Worker) -> Step:
        model = models.deploy_model(snapshot)
        format_ = model.spec.format if model else ""
        chips = model.spec.device_soc_versions if model else ()
        new, why = models.made(snapshot, worker, format_, chips)
        if new is None:
            return fail(snapshot, status, "NoModelReported", why)
        initial = snapshot.models.get(snapshot.job.spec.initial_model.name)
        base, _ = models.made(snapshot, worker, initial.spec.format if initial else format_)
        trained = progress(status, new_model=new, next_base=base or new)
        sentence = f"Round {status.round} has trained a model: {new.url}."
        data = {
            "input": {"models": [current.base_model.dump()] if (current := _current(status)).base_model else []},
            "output": {"models": [result.dump() for result in worker.status.results]},
        }
        return move(snapshot, trained, (Stage.TRAIN, Phase.COMPLETED), "ModelTrained", sentence, data=data)

    return watch_run(snapshot, status, Stage.TRAIN, complete)


def completed(snapshot: Snapshot, status: Status) -> Step:
    """On to the evaluation."""
    sentence = f"The model of round {status.round} is to be evaluated."
    return move(snapshot, status, (Stage.EVAL, Phase.WAITING), "ModelTrained", sentence)


def asked(snapshot: Snapshot, status: Status) -> str | None:
    """The stage that somebody wants started by hand and that was not started yet for that wish."""
    value = wished(snapshot)
    return value if value in ("train", "eval", "deploy") and value != status.handled_trigger else None


def wished(snapshot: Snapshot) -> str:
    """What the annotation for starting by hand says; empty without one."""
    return (snapshot.job.metadata.annotations or {}).get(TRIGGER_ANNOTATION, "").strip().lower()


def _cargo(snapshot: Snapshot, status: Status) -> Cargo:
    """What the training takes in: the train part of the round's samples, and the model to begin with."""
    current, round_ = _current(status), status.round or 1
    taken = samples.train_range(snapshot, round_, current.start, current.end)
    base = ((snapshot.job.spec.initial_model.name, current.base_model),) if current.base_model else ()
    return Cargo(Stage.TRAIN, round_, models=base, samples=(taken,))


def _current(status: Status) -> RoundProgress:
    return status.current or RoundProgress()


def _name(snapshot: Snapshot) -> str:
    return snapshot.job.spec.dataset.name


def _begun(snapshot: Snapshot, status: Status, start: int, end: int, by_hand: str | None) -> Status:
    current = RoundProgress(start=start, end=end, started_at=snapshot.timestamp)
    if by_hand:
        current = current.model_copy(update={"by_hand": by_hand})
    changes: dict[str, Any] = {"round": (status.round or 0) + 1, "retry_after": None, "current": current}
    if by_hand:
        changes |= {"handled_trigger": by_hand, "charged_failures": 0}
    return update(status, **changes)


def can_look_again(status: Status, by_hand: str) -> bool:
    """Whether there is a model that such a wish can mean."""
    return status.candidate_model is not None and (by_hand == "deploy" or bool(status.finished_rounds))


def _look_again(snapshot: Snapshot, status: Status, by_hand: str) -> Step:
    """Somebody wants the last trained model evaluated or deployed once more: a round without samples of its own."""
    used = (status.samples or SampleCounts()).used
    begun = _begun(snapshot, status, used, used, by_hand)
    begun = progress(begun, new_model=status.candidate_model, next_base=status.last_trained_model)
    stage = Stage.EVAL if by_hand == "eval" else Stage.DEPLOY
    verb = "evaluates" if by_hand == "eval" else "deploys"
    made = status.candidate_model.round if status.candidate_model else None
    which = f", that of round {made}," if made else ""
    sentence = f"Round {begun.round} begins: it {verb} the last trained model{which} once more, by hand."
    return move(snapshot, begun, (stage, Phase.WAITING), "ByHand", sentence, news=ROUND_BEGINS)


def _unavailable(snapshot: Snapshot) -> str | None:
    dataset = snapshot.dataset
    if dataset is None or dataset.status.state == "Watching":
        return None
    node = dataset.spec.node_name
    if dataset.status.state is None:
        quiet = silence(snapshot, node)
        return f"Waits for node {node} to look at dataset {_name(snapshot)}.{quiet}"
    told = dataset.status.message or dataset.status.reason or "its node gives no reason"
    return f"Dataset {_name(snapshot)} is unavailable: {told.rstrip('.')}."


def _not_yet(snapshot: Snapshot, status: Status, counts: SampleCounts) -> tuple[str, datetime] | None:
    """Why the round may not begin now, and when to look again."""
    again = parse_time(status.retry_after) if status.retry_after else None
    if again is not None and snapshot.now < again:
        rounds = "round" if status.failures == 1 else "rounds"
        waits = f"Waits until {format_time(again)} after {status.failures} failed {rounds}."
        return f"{waits} {advised(snapshot, status)}".rstrip(), again
    trigger = snapshot.job.spec.train_spec.trigger
    check = snapshot.after(trigger.check_period_seconds)
    if trigger.condition is not None:
        verdict = holds(trigger.condition, {NUM_OF_SAMPLES: counts.new})
        if not verdict.holds:
            return f"Waits for samples: {verdict.reason}.", check
    if trigger.timer is not None and not window_open(trigger.timer, snapshot.now, snapshot.zone):
        opening = next_opening(trigger.timer, snapshot.now, snapshot.zone)
        window = f"{trigger.timer.start} to {trigger.timer.end}"
        return f"Waits for the window {window}, which opens {format_time(opening)}.", min(check, opening)
    return None
