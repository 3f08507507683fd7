"""A job that somebody has paused with the annotation `sedna.io/paused: "true"`: it begins nothing new.

No round and no deployment begins, by itself or by hand; what runs goes on to its end and what serves goes on serving.
Another version of the model can still be asked for: a pause is how one that was rolled back stays in place. The pause
of an operator on a host, who stops the job's target there, is `hosts`' matter.
"""

from __future__ import annotations

from sedna.api.incremental_learning import PAUSE_ANNOTATION, RoundProgress, says_paused
from sedna.api.stages import START, Phase, Position, Stage
from sedna_gm.controllers.decisions import Happening
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.steps import Status, Step, note, position, stay, update
from sedna_gm.controllers.incremental_learning.training import asked

_BEGINNINGS = frozenset(
    {
        (Position(Stage.DEPLOY, Phase.WAITING), Position(Stage.DEPLOY, Phase.READY)),
        (Position(Stage.DEPLOY, Phase.READY), Position(Stage.DEPLOY, Phase.STARTING)),
    }
)
"""The moves by which a deployment begins. Whatever leaves the start of a round begins a round."""


def is_paused(snapshot: Snapshot) -> bool:
    """Whether the annotation says so; any other value than true is none."""
    return says_paused(snapshot.job.metadata.annotations)


def rests(snapshot: Snapshot, status: Status) -> Step | None:
    """The step of a paused job that would look for a next round; None leaves it to the stage."""
    if not is_paused(snapshot) or position(status) != START:
        return None
    return _held(snapshot, status)


def held(snapshot: Snapshot, status: Status, step: Step) -> Step:
    """The step that a stage wants to take, or staying where it is when that step would begin a deployment."""
    before, after = position(status), position(step.status)
    if not is_paused(snapshot) or (before, after) not in _BEGINNINGS or _is_rollback(status):
        return step
    return _held(snapshot, status)


def sentence(snapshot: Snapshot) -> str:
    """Who may have it go on, and how."""
    name, namespace = snapshot.job.metadata.name, snapshot.namespace
    place = "" if namespace == "default" else f" -n {namespace}"
    return (
        f"Paused by the annotation {PAUSE_ANNOTATION}: no round and no deployment begins, "
        "what runs and serves goes on. "
        f"Whoever may edit the job resumes it: `sedna resume {name}{place}`."
    )


def told(snapshot: Snapshot, status: Status) -> Status:
    """The status that says whether the job is paused, with a condition when that is new."""
    paused = is_paused(snapshot)
    if paused == (status.paused_since is not None):
        return _appended(snapshot, status) if paused else status
    if paused:
        since = update(status, paused_since=snapshot.timestamp)
        noted = note(snapshot, since, "Paused", sentence(snapshot))
        return _appended(snapshot, update(noted, message=status.message))
    noted = note(snapshot, update(status, paused_since=None), "Resumed", _resumed(status.paused_since))
    return update(noted, message=status.message)


def happenings(snapshot: Snapshot, status: Status) -> tuple[Happening, ...]:
    """What to tell when that has changed."""
    before = snapshot.job.status.paused_since
    if (before is None) == (status.paused_since is None):
        return ()
    if status.paused_since is not None:
        return (Happening("Paused", sentence(snapshot)),)
    return (Happening("Resumed", _resumed(before)),)


def _resumed(since: str | None) -> str:
    return f"The job goes on; it was paused since {since}."


def _held(snapshot: Snapshot, status: Status) -> Step:
    wish = asked(snapshot, status)
    waits = f" The trigger {wish} that was set by hand waits for that." if wish else ""
    return stay(status, f"{sentence(snapshot)}{waits}", snapshot.after(snapshot.settings.recheck))


def _appended(snapshot: Snapshot, status: Status) -> Status:
    """The sentence of a stage that goes on while the job is paused."""
    message = status.message or ""
    if sentence(snapshot) in message:
        return status
    return update(status, message=f"{message} {sentence(snapshot)}".lstrip())


def _is_rollback(status: Status) -> bool:
    return (status.current or RoundProgress()).rollback is not None
