"""What was decided about a job lately, as sentences: events, the conditions of its status and the records of rounds.

Events tell most and are kept a day; conditions reach back three rounds, records as long as the history does. Whatever
is in two of them is told once. Steps that only go on (a worker starts, runs, ends well) are no decisions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from sedna.api.incremental_learning import JobCondition
from sedna.api.stages import Phase, Stage
from sedna.api.times import parse_time
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot

Document = dict[str, Any]
MOST = 20

_GOES_ON = {
    f"{stage.value}{phase.value}"
    for stage in Stage
    for phase in (Phase.WAITING, Phase.READY, Phase.STARTING, Phase.RUNNING, Phase.COMPLETED)
} - {"TrainWaiting", "TrainReady", "DeployReady", "DeployCompleted"}
_STAGES = tuple(stage.value for stage in Stage)
_NEVER = datetime.min.replace(tzinfo=timezone.utc)
_SAID_IN = "round "


def decisions(
    snapshot: Snapshot, rounds: Iterable[Mapping[str, Any]], events: Iterable[Mapping[str, Any]]
) -> list[Document]:
    """The last of them, newest first."""
    told: dict[str, Document] = {}
    for condition in snapshot.job.status.conditions:
        # That a job was made is told by its first event, too, in other words.
        if (_kind_of(condition) not in _GOES_ON or _begins(condition)) and condition.reason != "JobCreated":
            _add(told, _from_condition(condition))
    for event in events:
        if event.get("reason") not in _GOES_ON:
            _add(told, _from_event(event))
    ended = {each["round"] for each in told.values() if _is_end(each)}
    for record in rounds:
        if record.get("round") not in ended:
            _add(told, _from_record(record))
    oldest_first = sorted(told.values(), key=lambda each: _moment(each["time"]))
    return oldest_first[::-1][:MOST]


def _add(told: dict[str, Document], decision: Document) -> None:
    """The same sentence once, with the later time; the stage and round of whoever knows them."""
    before = told.pop(decision["sentence"], None)
    if before is not None:
        decision = {**decision, **{name: before[name] for name in ("stage", "round") if before[name] is not None}}
        if _moment(before["time"]) > _moment(decision["time"]):
            decision["time"] = before["time"]
    told[decision["sentence"]] = decision


def _begins(condition: JobCondition) -> bool:
    """Whether it is where a round began that has no training of its own: asked for by hand, or a rollback."""
    return condition.type == Phase.WAITING.value and condition.reason in ("ByHand", "RollbackAsked")


def _kind_of(condition: JobCondition) -> str:
    # Without a move: something that was noted where the job stood.
    return f"{condition.stage}{condition.type}" if condition.reason not in ("GaveUp", "Paused", "Resumed") else ""


def _from_condition(condition: JobCondition) -> Document:
    failed = condition.type == Phase.FAILED.value
    return {
        "time": condition.last_transition_time,
        "stage": condition.stage,
        "round": condition.round,
        "reason": condition.reason or "",
        "sentence": condition.message or "",
        "type": "Warning" if failed else "Normal",
    }


def _from_event(event: Mapping[str, Any]) -> Document:
    reason, sentence = str(event.get("reason") or ""), str(event.get("message") or "")
    metadata = event.get("metadata") or {}
    return {
        "time": event.get("lastTimestamp") or event.get("firstTimestamp") or metadata.get("creationTimestamp"),
        "stage": next((stage for stage in _STAGES if reason.startswith(stage)), None),
        "round": _round_in(sentence),
        "reason": reason,
        "sentence": sentence,
        "type": str(event.get("type") or "Normal"),
    }


def _from_record(record: Mapping[str, Any]) -> Document:
    number, decision = record.get("round"), str(record.get("decision") or "")
    said = str(record.get("message") or "")
    sentence = f"Round {number} ended ({decision}){': ' + said if said else '.'}"
    return {
        "time": record.get("finishedAt") or record.get("startedAt"),
        "stage": record.get("stage"),
        "round": number,
        "reason": str(record.get("reason") or decision),
        "sentence": sentence,
        "type": "Warning" if decision == "Failed" else "Normal",
    }


def _is_end(decision: Document) -> bool:
    stage, reason = decision["stage"], decision["reason"]
    return reason in ("RoundFinished", "RoundFailed", "TrainWaiting") or (
        stage == Stage.DEPLOY.value and reason in ("Deployed", "NotDeployed", "DeployCompleted")
    )


def _round_in(sentence: str) -> int | None:
    """The number behind the first "round "; every sentence of the controller that is about one names it so."""
    _, _, rest = sentence.lower().partition(_SAID_IN)
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    return int(digits) if digits and len(digits) < 10 else None


def _moment(text: Any) -> datetime:
    try:
        return parse_time(str(text))
    except ValueError:
        # A node's event may say anything.
        return _NEVER
