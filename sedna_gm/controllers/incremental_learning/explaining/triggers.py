"""Each trigger of a job: its value now, its threshold, its window, and the first moment at which it can fire."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sedna.api.incremental_learning import SampleCounts
from sedna.api.times import format_time, parse_time
from sedna.api.triggers import (
    NUM_OF_SAMPLES,
    Trigger,
    TriggerCondition,
    TriggerTimer,
    fewest,
    holds,
    measure,
    next_closing,
    next_opening,
    window_open,
)
from sedna_gm.controllers.incremental_learning.explaining.judged import Judged
from sedna_gm.controllers.incremental_learning.pausing import is_paused
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.steps import Status

Document = dict[str, Any]


def triggers(snapshot: Snapshot, status: Status, judged: Judged | None) -> list[Document]:
    """The trigger of the training, then that of the deployment."""
    return [_train(snapshot, status), _deploy(snapshot, judged)]


def new_samples(status: Status) -> int:
    """The samples that the next round would take: those that neither a finished round nor the one under way has."""
    counts = status.samples or SampleCounts()
    taken = status.current.end if status.current else 0
    return max(0, counts.seen - max(counts.used, taken))


def _train(snapshot: Snapshot, status: Status) -> Document:
    trigger = snapshot.job.spec.train_spec.trigger
    value, window = new_samples(status), _window(snapshot, trigger.timer)
    told = _described("Train", trigger, window)
    retry = _retry(snapshot, status)
    earliest = _earliest(snapshot, status, trigger.timer)
    sentences = []
    met = True
    if trigger.condition is not None:
        verdict = holds(trigger.condition, {NUM_OF_SAMPLES: value})
        met = verdict.holds
        more = "" if met else _lacking(fewest(trigger.condition), value)
        sentences.append(f"{verdict.reason}{more}.")
        told |= {"value": value, "holds": met}
    sentences += _about_window(window)
    if retry is not None:
        sentences.append(f"After {_failed(status.failures)} no round begins before {format_time(retry)}.")
    if status.gave_up_at is not None:
        sentences.append("The job has given up: no round begins by itself.")
    if is_paused(snapshot):
        sentences.append("The job is paused: no round begins.")
    fires = met and earliest is not None and earliest <= snapshot.now
    return {**told, "fires": fires, "earliest": _time(earliest), "sentence": _joined(sentences)}


def _deploy(snapshot: Snapshot, judged: Judged | None) -> Document:
    trigger = snapshot.job.spec.deploy_spec.trigger
    held = is_paused(snapshot)
    if trigger is None:
        sentence = "There is no trigger: every new model is deployed."
        told: Document = {"stage": "Deploy", "metric": None, "value": None, "holds": True, "window": None}
        earliest = None if held else snapshot.now
        return {**told, "fires": not held, "earliest": _time(earliest), "sentence": sentence}
    window = _window(snapshot, trigger.timer)
    told = _described("Deploy", trigger, window)
    sentences = []
    met: bool | None = True
    if trigger.condition is not None:
        met = None if judged is None else holds(trigger.condition, judged.new, judged.old).holds
        told["value"] = None if judged is None else _value(trigger.condition.metric, judged)
        sentences.append(_last(trigger.condition, judged, told["value"]))
    sentences += _about_window(window)
    if held:
        sentences.append("The job is paused: no deployment begins.")
    earliest = None if held else _opening(snapshot, trigger.timer, snapshot.now)
    # What a finished round has measured was decided about then.
    undecided = judged is not None and not judged.decision
    fires = undecided and bool(met) and earliest is not None and earliest <= snapshot.now
    return {**told, "holds": met, "fires": fires, "earliest": _time(earliest), "sentence": _joined(sentences)}


def _described(stage: str, trigger: Trigger, window: Document | None) -> Document:
    condition = trigger.condition
    return {
        "stage": stage,
        "metric": condition.metric if condition else None,
        "value": None,
        "operator": condition.operator if condition else None,
        "threshold": condition.threshold if condition else None,
        "holds": True,
        "window": window,
        "checkPeriodSeconds": trigger.check_period_seconds,
    }


def _window(snapshot: Snapshot, timer: TriggerTimer | None) -> Document | None:
    if timer is None:
        return None
    is_open = window_open(timer, snapshot.now, snapshot.zone)
    opening = next_opening(timer, snapshot.now, snapshot.zone)
    closing = next_closing(timer, opening, snapshot.zone)
    return {
        "start": timer.start,
        "end": timer.end,
        "timezone": timer.timezone or str(snapshot.zone),
        "open": is_open,
        "opensAt": None if is_open else format_time(opening),
        "closesAt": _time(closing),
    }


def _about_window(window: Document | None) -> list[str]:
    if window is None:
        return []
    named = f"The window {window['start']} to {window['end']} ({window['timezone']})"
    if not window["open"]:
        return [f"{named} is closed; it opens {window['opensAt']}."]
    return [f"{named} is open{' until ' + window['closesAt'] if window['closesAt'] else ' all day'}."]


def _earliest(snapshot: Snapshot, status: Status, timer: TriggerTimer | None) -> datetime | None:
    """When window and backoff let a round begin, given the samples; None while nothing but a person does."""
    if is_paused(snapshot) or status.gave_up_at is not None:
        return None
    retry = _retry(snapshot, status)
    return _opening(snapshot, timer, snapshot.now if retry is None else retry)


def _opening(snapshot: Snapshot, timer: TriggerTimer | None, after: datetime) -> datetime:
    return after if timer is None else next_opening(timer, after, snapshot.zone)


def _retry(snapshot: Snapshot, status: Status) -> datetime | None:
    again = parse_time(status.retry_after) if status.retry_after else None
    return again if again is not None and again > snapshot.now else None


def _lacking(needed: int | None, value: int) -> str:
    if needed is None or needed <= value:
        return ""
    more = needed - value
    return f"; {more} more {'is' if more == 1 else 'are'} needed"


def _failed(failures: int) -> str:
    return "a failed round" if failures <= 1 else f"{failures} failed rounds in a row"


def _last(condition: TriggerCondition, judged: Judged | None, value: float | None) -> str:
    """What the deployment asks for, and how it was with the last model."""
    asked = f"A new model is deployed when {condition.metric} {condition.operator} {condition.threshold:g}"
    if judged is None:
        return f"{asked}; no round was evaluated yet."
    verdict = holds(condition, judged.new, judged.old)
    if value is None:
        return f"{asked}; in round {judged.round}, {verdict.reason}."
    return f"{asked}; in round {judged.round} that {'holds' if verdict.holds else 'does not hold'}: it is {value:.6g}."


def _value(metric: str, judged: Judged) -> float | None:
    try:
        return measure(metric, judged.new, judged.old)
    except LookupError:
        return None


def _joined(sentences: list[str]) -> str:
    return " ".join(sentences) or "It waits for nothing."


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)
