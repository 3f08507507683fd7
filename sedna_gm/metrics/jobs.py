"""Jobs as families of samples: how many stand where, how far each one's samples are, and how good its models. Pure.

`exposing` asks at each scrape, with the resources as they are stored; a job that a controller has not looked at yet
has no status, and is told as `Waiting` to train.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from sedna.api.times import parse_time
from sedna.api.triggers import NUM_OF_SAMPLES

Raw = Mapping[str, Any]

_ONE = ("namespace", "job")
_AT_LEAST = frozenset({">=", "ge"})
_MORE_THAN = frozenset({">", "gt"})


def standing(jobs: Iterable[Raw]) -> Iterator[Metric]:
    """How many jobs stand where; however many there are, it has few series."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for job in jobs:
        status = job.get("status") or {}
        where = _name(job)[0], str(status.get("stage") or "Train"), str(status.get("phase") or "Waiting")
        counts[where] += 1
    family = GaugeMetricFamily("sedna_jobs", "Jobs by stage and phase.", labels=("namespace", "stage", "phase"))
    for labels, count in sorted(counts.items()):
        family.add_metric(labels, count)
    yield family


def each(jobs: Iterable[Raw], last: Callable[[Raw], Raw] = lambda _job: {}) -> Iterator[Metric]:
    """What there is to tell of each job by itself; `last` gives what its last evaluation measured."""
    listed = [(_name(job), job) for job in jobs]
    yield from _numbers(listed)
    yield _samples(listed)
    yield _ratio(listed)
    yield _models(listed, last)
    yield _since(listed)


def _numbers(jobs: list[tuple[tuple[str, str], Raw]]) -> Iterator[Metric]:
    round_ = GaugeMetricFamily("sedna_job_round", "The job's present or last round.", labels=_ONE)
    failures = GaugeMetricFamily("sedna_job_failed_rounds", "Rounds that failed in a row.", labels=_ONE)
    gave_up = GaugeMetricFamily("sedna_job_gave_up", "1: the job begins no round by itself any more.", labels=_ONE)
    paused = GaugeMetricFamily("sedna_job_paused", "1: an operator has stopped it.", labels=_ONE)
    for name, job in jobs:
        status = job.get("status") or {}
        round_.add_metric(name, status.get("round") or 0)
        failures.add_metric(name, status.get("failures") or 0)
        gave_up.add_metric(name, 1 if status.get("gaveUpAt") else 0)
        paused.add_metric(name, 1 if status.get("paused") or status.get("pausedSince") else 0)
    yield from (round_, failures, gave_up, paused)


def _samples(jobs: list[tuple[tuple[str, str], Raw]]) -> Metric:
    family = GaugeMetricFamily(
        "sedna_job_samples",
        "Samples of the job's dataset: seen in all, used by finished rounds, new since then.",
        labels=(*_ONE, "state"),
    )
    for name, job in jobs:
        counts = (job.get("status") or {}).get("samples") or {}
        for state in ("seen", "used", "new"):
            family.add_metric((*name, state), counts.get(state) or 0)
    return family


def _ratio(jobs: list[tuple[tuple[str, str], Raw]]) -> Metric:
    family = GaugeMetricFamily(
        "sedna_job_trigger_ratio",
        "New samples, of those that the training waits for; 1: there are enough.",
        labels=_ONE,
    )
    for name, job in jobs:
        needed = needed_samples(job)
        if needed is not None:
            new = ((job.get("status") or {}).get("samples") or {}).get("new") or 0
            family.add_metric(name, new / needed)
    return family


def needed_samples(job: Raw) -> int | None:
    """How many new samples let the job train; None where it waits for no number of them, or not for a smallest one."""
    trigger = ((job.get("spec") or {}).get("trainSpec") or {}).get("trigger") or {}
    condition = trigger.get("condition") or {}
    threshold, relation = condition.get("threshold"), condition.get("operator")
    if condition.get("metric") != NUM_OF_SAMPLES or not isinstance(threshold, (int, float)):
        return None
    if relation in _AT_LEAST:
        needed = math.ceil(threshold)
    elif relation in _MORE_THAN:
        needed = math.floor(threshold) + 1
    else:
        return None
    return needed if needed > 0 else None


def _models(jobs: list[tuple[tuple[str, str], Raw]], last: Callable[[Raw], Raw]) -> Metric:
    family = GaugeMetricFamily(
        "sedna_job_model_metric",
        "What the last evaluation measured; a list counts by its mean.",
        labels=(*_ONE, "metric", "model"),
    )
    for name, job in jobs:
        current = (job.get("status") or {}).get("current") or {}
        measured = {"new": current.get("newMetrics"), "comparedWith": current.get("oldMetrics")}
        if not any(measured.values()):
            measured = dict(last(job))
        for model, key in (("new", "new"), ("deployed", "comparedWith")):
            for metric, value in sorted((measured.get(key) or {}).items()):
                if (number := _mean(value)) is not None:
                    family.add_metric((*name, metric, model), number)
    return family


def _since(jobs: list[tuple[tuple[str, str], Raw]]) -> Metric:
    family = GaugeMetricFamily(
        "sedna_job_stage_start_timestamp_seconds", "Since when the round under way is in its stage.", labels=_ONE
    )
    for name, job in jobs:
        since = ((job.get("status") or {}).get("current") or {}).get("stageSince")
        if since:
            family.add_metric(name, parse_time(since).timestamp())
    return family


def stage_seconds(record: Raw) -> Iterator[tuple[str, str, float]]:
    """Stage, how it ended, and seconds from its being made ready to its end, of a finished round's record."""
    begun: dict[str, datetime] = {}
    for step in record.get("stages") or ():
        stage, phase, time = step.get("stage"), step.get("phase"), step.get("time")
        if not time or phase == "Waiting":
            continue
        moment = parse_time(time)
        began = begun.setdefault(stage, moment)
        if phase in ("Completed", "Failed"):
            # An evaluation on a second dataset is a second run of the stage.
            del begun[stage]
            yield str(stage), str(phase), max(0.0, (moment - began).total_seconds())


def _mean(value: Any) -> float | None:
    numbers = value if isinstance(value, list) else [value]
    if not numbers or not all(isinstance(one, (int, float)) for one in numbers):
        return None
    return float(sum(numbers)) / len(numbers)


def _name(resource: Raw) -> tuple[str, str]:
    metadata = resource["metadata"]
    return metadata.get("namespace") or "", metadata["name"]
