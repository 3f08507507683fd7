"""Another version of the deploy model, because somebody asked for it: the annotation `sedna.io/rollback` on the Model.

The wish is read once, written into the job's status with the version it means, and then removed from the Model. A
rollback is a round without samples of its own whose new model is that version, so it is placed, carried, guarded,
confirmed and recorded as every deployment is. It does not wait: a round that is under way is interrupted, and its
samples are new again. Where the next training begins is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sedna.api.incremental_learning import RoundProgress, SampleCounts
from sedna.api.models import (
    PREVIOUS,
    ROLLBACK_ANNOTATION,
    ROLLBACK_BY_ANNOTATION,
    Model,
    ModelVersion,
    RetainedVersion,
    Rollback,
)
from sedna.api.stages import START, Phase, Stage
from sedna_gm.controllers.decisions import JSON, Happening
from sedna_gm.controllers.incremental_learning import models, versions
from sedna_gm.controllers.incremental_learning.failing import INTERRUPTED, interrupt
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.steps import ROUND_BEGINS, Status, Step, move, position, progress, update

MOVES: frozenset[tuple[str, str]] = frozenset(
    {
        ("Accepted", "Deploying"),
        ("Deploying", "Deployed"),
        ("Deploying", "Failed"),
        # Its LocalController was stopped under it: it is tried again.
        ("Deploying", "Accepted"),
    }
)
"""How far one wish may come. A new wish begins anew, as Accepted or with its end: Refused, or Deployed already."""

_DIGITS = 9
_LONGEST_SHOWN = 80


@dataclass(frozen=True)
class Heard:
    """The status that knows of a wish, and what to tell about it."""

    status: Status
    happenings: tuple[Happening, ...] = ()


def heard(snapshot: Snapshot, status: Status) -> Heard:
    """Read the annotation, once."""
    wish = _wish(snapshot)
    if not wish:
        return Heard(update(status, handled_rollback=None) if status.handled_rollback is not None else status)
    if wish == status.handled_rollback:
        return Heard(status)
    rollback = _answered(snapshot, status, wish)
    kind = "RollbackRefused" if rollback.state == "Refused" else "RollbackAsked"
    news = Happening(kind, rollback.message or "", "Warning" if rollback.state == "Refused" else "Normal")
    return Heard(update(status, rollback=rollback, handled_rollback=wish), (news,))


def fulfilled(snapshot: Snapshot) -> tuple[JSON, ...]:
    """The Model without the annotation, once the stored status says that it was read: a crash must not lose it."""
    model, read = models.deploy_model(snapshot), snapshot.job.status.handled_rollback
    if model is None or read is None or _wish(snapshot) != read:
        return ()
    ours = (ROLLBACK_ANNOTATION, ROLLBACK_BY_ANNOTATION)
    left = {name: value for name, value in (model.metadata.annotations or {}).items() if name not in ours}
    metadata = model.metadata.model_copy(update={"annotations": left})
    return (model.model_copy(update={"metadata": metadata}).dump(),)


def intercepted(snapshot: Snapshot, status: Status) -> Step | None:
    """The step that a wish takes in place of the stage's own; None leaves the stage to itself."""
    at = position(status)
    wish = status.rollback
    if wish is not None and wish.state == "Accepted" and wish.to is not None:
        if at == START:
            return _begin(snapshot, status, wish)
        # These two go on to the next position by themselves.
        if at.phase in (Phase.COMPLETED, Phase.FAILED):
            return None
        if at == (Stage.DEPLOY, Phase.WAITING) and not _is_rollback(status):
            sentence = f"The model of round {status.round} is not deployed: {_asked(wish)}."
            left = progress(status, outcome="NotDeployed", reason=sentence)
            return move(snapshot, left, (Stage.DEPLOY, Phase.COMPLETED), "NotDeployed", sentence)
        return interrupt(snapshot, status, f"{_asked(wish)}.")
    if at == (Stage.DEPLOY, Phase.WAITING) and _is_rollback(status):
        current = status.current.rollback if status.current else None
        sentence = (current.message if current else None) or "A rollback was asked for."
        return move(snapshot, status, (Stage.DEPLOY, Phase.READY), "RollbackAsked", sentence)
    return None


def followed(snapshot: Snapshot, step: Step) -> Step:
    """The step with what it means for the wish: the round that carries it out has begun, or is over."""
    before, wish = snapshot.job.status.current, step.status.rollback
    if before is None or before.rollback is None or step.status.current is not None or wish is None:
        return step
    if not _is_same(wish, before.rollback) or wish.state != "Deploying":
        # A later wish took its place.
        return step
    what = _sentence(_what(snapshot, before.rollback))
    if before.outcome == "Deployed":
        state, message, news = "Deployed", f"{what} is served again.", "RolledBack"
    elif before.outcome == INTERRUPTED:
        state, message, news = "Accepted", before.rollback.message or "", ""
    else:
        why = before.reason or before.outcome or "no reason was given"
        state, message, news = "Failed", f"{what} is not served: {why}", "RollbackFailed"
    ended = _moved(wish, state, message)
    happening = Happening(news, message, "Warning" if state == "Failed" else "Normal")
    happenings = (*step.happenings, happening) if news else step.happenings
    return replace(step, status=update(step.status, rollback=ended), happenings=happenings)


def _wish(snapshot: Snapshot) -> str:
    """What the annotation says, if this job is the one that is meant; else empty."""
    model = models.deploy_model(snapshot)
    if model is None or not _is_meant(snapshot, model):
        return ""
    return _annotation(model, ROLLBACK_ANNOTATION)


def _is_meant(snapshot: Snapshot, model: Model) -> bool:
    """Of several jobs that deploy to one Model, the one that deployed last."""
    last = model.status.version.job if model.status.version is not None else None
    if last in (None, snapshot.job.metadata.name):
        return True
    return not any(each.job == last for each in model.status.versions)


def _annotation(model: Model, name: str) -> str:
    return (model.metadata.annotations or {}).get(name, "").strip()


def _answered(snapshot: Snapshot, status: Status, text: str) -> Rollback:
    """What becomes of a wish: the version that it means, or the sentence that says why there is none."""
    model = models.deploy_model(snapshot)
    by = _annotation(model, ROLLBACK_BY_ANNOTATION)[:_LONGEST_SHOWN] if model is not None else ""
    name = snapshot.job.metadata.name
    told = Rollback(asked=text[:_LONGEST_SHOWN], requested_at=snapshot.timestamp, job=name, state="Refused")
    told = told.model_copy(update={"by": by}) if by else told
    meant = _meant(snapshot, status, text.lower())
    if isinstance(meant, str):
        return told.model_copy(update={"message": f"Rollback refused: {meant}"})
    told = told.model_copy(update={"to": versions.plain(meant)})
    deployed = status.deployed_model
    # While another model takes its place, the deployed one is not what serves.
    if deployed is not None and not _is_replaced(status) and _same_version(deployed, meant):
        message = _sentence(f"{_what(snapshot, told)} is deployed already.")
        return told.model_copy(update={"state": "Deployed", "message": message})
    return told.model_copy(update={"state": "Accepted", "message": _sentence(f"{_asked(told)}.")})


def _meant(snapshot: Snapshot, status: Status, text: str) -> RetainedVersion | str:
    name = snapshot.job.spec.deploy_spec.model.name
    if text == PREVIOUS:
        return _previous(status) or f"model {name} has no version that was deployed before. {_offer(status)}"
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        shown = text[:_LONGEST_SHOWN]
        return f"{ROLLBACK_ANNOTATION} says {shown!r}; it can say {PREVIOUS} or the number of a round. {_offer(status)}"
    return versions.find(status, int(text)) or f"model {name} has no version of round {int(text)}. {_offer(status)}"


def _previous(status: Status) -> RetainedVersion | None:
    deployed = next((each for each in status.versions if each.state == "Deployed"), None)
    if deployed is None or _is_replaced(status):
        # The new model is on its way, or being watched: what was deployed until then is the previous one.
        return deployed
    earlier = [each for each in status.versions if (each.round or 0) < (deployed.round or 0)]
    return next((each for each in earlier if each.state == "Previous"), None)


def _offer(status: Status) -> str:
    if not status.versions:
        return "It has none yet."
    told = ", ".join(f"{each.round or 0} ({each.state})" for each in status.versions)
    return f"There are those of rounds {told}."


def _is_replaced(status: Status) -> bool:
    """Whether a model is being deployed right now."""
    stage, phase = position(status)
    return stage is Stage.DEPLOY and phase in (Phase.STARTING, Phase.RUNNING)


def _begin(snapshot: Snapshot, status: Status, wish: Rollback) -> Step:
    used = (status.samples or SampleCounts()).used
    deploying = _moved(wish, "Deploying", wish.message or "")
    current = RoundProgress(
        start=used, end=used, started_at=snapshot.timestamp, new_model=wish.to, rollback=deploying, reason=wish.message
    )
    if status.deployed_model is not None:
        current = current.model_copy(update={"compared_with": status.deployed_model})
    begun = update(status, round=(status.round or 0) + 1, current=current, rollback=deploying)
    sentence = f"Round {begun.round} begins: it brings back {_what(snapshot, wish)}: {_asked(wish)}."
    return move(snapshot, begun, (Stage.DEPLOY, Phase.WAITING), "RollbackAsked", sentence, news=ROUND_BEGINS)


def _moved(wish: Rollback, state: str, message: str) -> Rollback:
    assert (wish.state, state) in MOVES, f"a rollback does not go from {wish.state} to {state}"  # noqa: S101
    return wish.model_copy(update={"state": state, "message": message})


def _is_rollback(status: Status) -> bool:
    return status.current is not None and status.current.rollback is not None


def _is_same(one: Rollback, other: Rollback) -> bool:
    return (one.asked, one.by, one.requested_at) == (other.asked, other.by, other.requested_at)


def _same_version(one: ModelVersion, other: ModelVersion) -> bool:
    return (one.round or 0, one.url, one.sha256) == (other.round or 0, other.url, other.sha256)


def _what(snapshot: Snapshot, wish: Rollback) -> str:
    name = snapshot.job.spec.deploy_spec.model.name
    number = wish.to.round if wish.to is not None else None
    return f"the version of model {name} that round {number} made" if number else f"the given file of model {name}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _asked(wish: Rollback) -> str:
    who = f" by {wish.by}" if wish.by else ""
    number = (wish.to.round or 0) if wish.to is not None else wish.asked
    return f"a rollback to round {number} was asked for{who}"
