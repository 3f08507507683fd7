"""One step of a job: it stays where it is, or makes one allowed move. Built by the stages' modules.

A move appends one condition; conditions reach back a few rounds only, the history keeps the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sedna.api.incremental_learning import IncrementalLearningJobStatus, JobCondition, RoundProgress
from sedna.api.stages import START, Phase, Position, Stage, may_move
from sedna_gm.controllers.decisions import JSON, Happening
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot

Status = IncrementalLearningJobStatus

CONDITIONS_AT_MOST = 48
"""Three rounds of three stages with five steps each, and a bit: what fits on two screens of `kubectl describe`."""


ROUND_BEGINS = "RoundBegins"
"""The event of a round that begins with another stage than Train, and so without the event TrainReady."""


class ForbiddenMoveError(RuntimeError):
    """A stage asked for a move that is not among the allowed ones; this is a bug, and nothing is applied."""


@dataclass(frozen=True)
class Step:
    """The status after this step, and what has to be done for it to be true."""

    status: Status
    sentence: str
    look_again_at: datetime | None = None
    create: tuple[JSON, ...] = ()
    statuses: tuple[JSON, ...] = ()
    record: JSON | None = None
    happenings: tuple[Happening, ...] = ()


def position(status: Status) -> Position:
    """Where a job stands; one without a status is about to begin."""
    if status.stage is None or status.phase is None:
        return START
    return Position(Stage(status.stage), Phase(status.phase))


def update(status: Status, **changes: Any) -> Status:
    """The same status with other values."""
    return status.model_copy(update=changes)


def progress(status: Status, **changes: Any) -> Status:
    """The same status with other values of the round under way."""
    return update(status, current=(status.current or RoundProgress()).model_copy(update=changes))


def stay(status: Status, sentence: str, look_again_at: datetime | None = None) -> Step:
    """Nothing moves; the sentence says what is waited for."""
    return Step(update(status, message=sentence), sentence, look_again_at)


def blocked(status: Status, sentence: str, look_again_at: datetime | None = None) -> Step:
    """Nothing moves until somebody provides what is missing; said as an event, too, when it is news."""
    step = stay(status, sentence, look_again_at)
    # More may stand behind it: that the job is paused, or that somebody asked for a stage by hand.
    if (status.message or "").startswith(sentence):
        return step
    return Step(step.status, sentence, look_again_at, happenings=(Happening("Blocked", sentence, "Warning"),))


def move(
    snapshot: Snapshot,
    status: Status,
    to: tuple[Stage, Phase],
    reason: str,
    sentence: str,
    *,
    data: Mapping[str, Any] | None = None,
    warn: bool = False,
    news: str = "",
) -> Step:
    """The job goes on to another position, for a reason; `news` is what the event is called if not by that position.

    Raises ForbiddenMoveError for a move that is not allowed.
    """
    before, after = position(status), Position(*to)
    if not may_move(before, after):
        raise ForbiddenMoveError(f"{before.stage.value} {before.phase.value} to {to[0].value} {to[1].value}")
    condition = _condition(snapshot, status, after, reason, sentence)
    if data is not None:
        condition = condition.model_copy(update={"data": json.dumps(data, sort_keys=True)})
    moved = update(
        status,
        stage=after.stage.value,
        phase=after.phase.value,
        message=sentence,
        conditions=_conditions(snapshot, status, condition),
    )
    if after.phase in (Phase.WAITING, Phase.STARTING):
        # The deadline counts from when the stage has a worker to wait for, never while it waits for its turn.
        moved = progress(moved, stage_since=snapshot.timestamp, paused_at=None)
    kind: Literal["Normal", "Warning"] = "Warning" if warn else "Normal"
    happening = Happening(news or f"{after.stage.value}{after.phase.value}", sentence, kind)
    # The move shows in the store, its change wakes this key, and the next step follows at once.
    return Step(moved, sentence, happenings=(happening,))


def note(snapshot: Snapshot, status: Status, reason: str, sentence: str) -> Status:
    """The job stays where it is, and this is worth a condition of its own."""
    condition = _condition(snapshot, status, position(status), reason, sentence)
    return update(status, message=sentence, conditions=_conditions(snapshot, status, condition))


def begin(snapshot: Snapshot, status: Status) -> Status:
    """The status of a job that was never looked at: it waits for its first round."""
    first = _condition(snapshot, status, START, "JobCreated", "The job waits for its first round.")
    return update(
        status,
        stage=START.stage.value,
        phase=START.phase.value,
        round=0,
        start_time=snapshot.timestamp,
        conditions=[first],
    )


def _condition(snapshot: Snapshot, status: Status, at: Position, reason: str, sentence: str) -> JobCondition:
    return JobCondition(
        type=at.phase.value,
        status="True",
        stage=at.stage.value,
        round=status.round or 0,
        reason=reason,
        message=sentence,
        last_transition_time=snapshot.timestamp,
        last_heartbeat_time=snapshot.timestamp,
    )


def _conditions(snapshot: Snapshot, status: Status, newest: JobCondition) -> list[JobCondition]:
    oldest = newest.round - snapshot.settings.told_rounds + 1
    kept = [each for each in status.conditions if each.round >= oldest]
    before = [each.model_copy(update={"status": "False"}) if each.status == "True" else each for each in kept]
    return [*before, newest][-CONDITIONS_AT_MOST:]
