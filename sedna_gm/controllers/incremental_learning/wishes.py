"""A stage that somebody has asked for by hand, and that cannot begin yet: it is told once, and said while it waits.

Without that, who asked for a training without samples, or for a deployment without a model, would hear nothing at all.
"""

from __future__ import annotations

from dataclasses import replace

from sedna.api.stages import START, Phase
from sedna_gm.controllers.decisions import Happening
from sedna_gm.controllers.incremental_learning.pausing import is_paused
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.steps import Status, Step, position, update
from sedna_gm.controllers.incremental_learning.training import asked, can_look_again

TOLD = "TriggerWaits"


def told(snapshot: Snapshot, step: Step) -> Step:
    """The step that says which stage was asked for by hand while that one waits, with an event when it is new."""
    wish = asked(snapshot, step.status)
    if wish is not None and position(step.status) != position(snapshot.job.status):
        # Where the job has just come, it may be granted at once.
        return step
    if wish is None:
        return step if step.status.heard_trigger is None else replace(step, status=_heard(step.status, None))
    sentence = f"Somebody asked for {wish} by hand; {_waits(snapshot, step.status, wish)}."
    news = () if step.status.heard_trigger == wish else (Happening(TOLD, sentence),)
    status = _heard(step.status, wish)
    said = status.message or ""
    if position(status) == START and not is_paused(snapshot) and sentence not in said:
        status = update(status, message=f"{said} {sentence}".lstrip())
    return replace(step, status=status, happenings=(*step.happenings, *news))


def _heard(status: Status, wish: str | None) -> Status:
    return update(status, heard_trigger=wish)


def _waits(snapshot: Snapshot, status: Status, wish: str) -> str:
    """Behind what it waits."""
    if is_paused(snapshot):
        return "it waits until somebody resumes the job"
    at = position(status)
    if at == START:
        if wish != "train" and not can_look_again(status, wish):
            return "it waits for the next round, since there is no finished one whose model it could mean"
        return "it waits for what is missing"
    if at.phase is Phase.FAILED and status.gave_up_at is not None:
        return "it cannot be granted, since no round has left a model: ask for train"
    return f"round {status.round} is under way, and it begins when that has come so far"
