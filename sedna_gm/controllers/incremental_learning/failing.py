"""A round that fails: its samples go back, the next attempt waits longer each time, and the reason is kept.

A round that was interrupted goes the same way, but says nothing about the job: it counts for no failure, and the
next one may begin at once.
"""

from __future__ import annotations

from sedna.api.incremental_learning import RoundProgress
from sedna.api.stages import START, Phase
from sedna.api.times import format_time
from sedna_gm.controllers.delays import doubling
from sedna_gm.controllers.incremental_learning import rounds
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.steps import Status, Step, move, position, progress, update

STOPPED = "Stopped"
"""The reason that a node gives for a worker that it stopped itself, such as at the end of `sedna up`."""
INTERRUPTED = "Interrupted"


def fail(snapshot: Snapshot, status: Status, reason: str, sentence: str) -> Step:
    """The stage under way has failed. `reason` is a CamelCase word, `sentence` says what happened."""
    stage = position(status).stage
    told = f"{stage.value} of round {status.round} failed: {sentence}"
    failed = progress(status, outcome=reason, reason=sentence)
    return move(snapshot, failed, (stage, Phase.FAILED), reason, told, warn=True)


def interrupt(snapshot: Snapshot, status: Status, sentence: str = "its LocalController stopped it.") -> Step:
    """The stage's worker was stopped in good order by its own LocalController, or something else comes first."""
    stage = position(status).stage
    told = f"{stage.value} of round {status.round} was interrupted: {sentence}"
    interrupted = progress(status, outcome=INTERRUPTED, reason=told)
    return move(snapshot, interrupted, (stage, Phase.FAILED), INTERRUPTED, told)


def counted(status: Status) -> bool:
    """Whether the failed round says something about the job: what becomes of a rollback says nothing of training."""
    current = status.current or RoundProgress()
    return current.outcome != INTERRUPTED and current.rollback is None


def give_back(snapshot: Snapshot, status: Status) -> Step:
    """From Failed to waiting for the next attempt: `samples.used` stays, so the samples are new again."""
    current = status.current or RoundProgress()
    again = None
    if counted(status):
        failures = status.failures + 1
        again = snapshot.after(doubling(snapshot.settings.first_retry, snapshot.settings.longest_retry)(failures))
        status = update(status, failures=failures)
    ended = "was interrupted" if current.outcome == INTERRUPTED else f"failed ({current.outcome})"
    sentence = (
        f"Round {status.round} {ended}: its {current.end - current.start} samples are new again; "
        f"the next round may begin {format_time(again) if again else 'at once'}."
    )
    waiting = update(status, retry_after=format_time(again) if again else None)
    step = move(snapshot, waiting, START, "RoundFailed", sentence)
    record = rounds.record(snapshot, status, "Failed")
    return Step(
        update(step.status, current=None),
        sentence,
        look_again_at=again,
        record=record,
        happenings=step.happenings,
    )
