"""A round that fails: its samples go back, the next attempt waits longer each time, and the reason is kept."""

from __future__ import annotations

from sedna.api.incremental_learning import RoundProgress
from sedna.api.stages import START, Phase
from sedna.api.times import format_time
from sedna_gm.controllers.delays import doubling
from sedna_gm.controllers.incremental_learning import rounds
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.steps import Status, Step, move, position, progress, update


def fail(snapshot: Snapshot, status: Status, reason: str, sentence: str) -> Step:
    """The stage under way has failed. `reason` is a CamelCase word, `sentence` says what happened."""
    stage = position(status).stage
    told = f"{stage.value} of round {status.round} failed: {sentence}"
    failed = progress(status, outcome=reason, reason=sentence)
    return move(snapshot, failed, (stage, Phase.FAILED), reason, told, warn=True)


def give_back(snapshot: Snapshot, status: Status) -> Step:
    """From Failed to waiting for the next attempt: `samples.used` stays, so the samples are new again."""
    failures = status.failures + 1
    delay = doubling(snapshot.settings.first_retry, snapshot.settings.longest_retry)(failures)
    again = snapshot.after(delay)
    current = status.current or RoundProgress()
    sentence = (
        f"Round {status.round} failed ({current.outcome}): its {current.end - current.start} samples are new again; "
        f"the next round may begin {format_time(again)}."
    )
    waiting = update(status, failures=failures, retry_after=format_time(again))
    step = move(snapshot, waiting, START, "RoundFailed", sentence)
    record = rounds.record(snapshot, status, "Failed")
    return Step(
        update(step.status, current=None),
        sentence,
        look_again_at=again,
        record=record,
        happenings=step.happenings,
    )
