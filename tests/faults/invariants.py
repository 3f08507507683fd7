"""What must be true of a site however often its parts were killed: facts in, sentences about what is broken out.

`gathered` asks and reads; `broken` is pure, so it is itself tested. Used by the sweeps and by chaos alike.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sedna.api.splitting import in_train_part
from tests.faults.sites import JOB, Site
from tests.faults.worker_models import content_of


@dataclass(frozen=True)
class Facts:
    """A site that has come to rest."""

    fed: int
    """Samples that were written to the list."""
    seen: int
    """Samples that the dataset counts."""
    used: int
    uid: str
    """The job's, which draws which samples train."""
    rounds: tuple[Mapping[str, Any], ...]
    served: tuple[str, ...]
    """The samples that the served model knows."""
    told: Mapping[str, Any]
    """What the worker told of the model that it serves."""
    models: Mapping[str, str | None]
    """The sha256 of each record's new model as it lies on the disk, by its path; None where there is none."""
    versions: frozenset[str]
    """The paths of the versions that are kept; older ones are removed by and by."""
    worker_names: tuple[str, ...]
    twice: tuple[str, ...]
    half_models: tuple[str, ...]
    processes: int
    """Workers that run, with their supervisors."""


def gathered(site: Site) -> Facts:
    """Look at everything."""
    job = site.find("IncrementalLearningJob", JOB) or {}
    dataset = site.find("Dataset", "samples") or {}
    worker = site.find("Worker", f"{JOB}-inference") or {}
    rounds = tuple(site.rounds())
    paths = [str(each["models"]["new"]["url"]) for each in rounds if "new" in each.get("models", {})]
    return Facts(
        fed=site.fed,
        seen=dataset["status"].get("samplesSeen", 0),
        used=job["status"]["samples"]["used"],
        uid=job["metadata"]["uid"],
        rounds=rounds,
        served=tuple(json.loads(site.served.read_text())["known"]),
        told=worker["status"]["model"],
        models={path: _sha256(Path(path)) for path in paths},
        versions=frozenset(str(each["url"]) for each in job["status"].get("versions") or ()),
        worker_names=tuple(each["metadata"]["name"] for each in site.items("Worker")),
        twice=_lines(site.ledger / "twice"),
        half_models=_lines(site.ledger / "half-models"),
        processes=len(site.workers()),
    )


def broken(facts: Facts, *, failures_allowed: bool = False) -> list[str]:
    """Every rule that does not hold, as a sentence."""
    return [*_samples(facts), *_rounds(facts, failures_allowed), *_models(facts), *_workers(facts)]


def _samples(facts: Facts) -> Iterator[str]:
    if facts.seen != facts.fed:
        yield f"{facts.fed} samples were written, and {facts.seen} are counted"
    if facts.used != facts.fed:
        yield f"{facts.fed} samples were written, and {facts.used} are used"
    position = 0
    for record in _finished(facts):
        start, end = record["samples"]["start"], record["samples"]["end"]
        if start != position:
            yield f"round {record['round']} begins at sample {start}, and the one before ended at {position}"
        position = end
    if position != facts.fed:
        yield f"the rounds end at sample {position} of {facts.fed}"
    wanted = Counter(f"{number:06}" for number in range(facts.fed) if in_train_part(facts.uid, number, 0.5))
    known = Counter(facts.served)
    if lost := wanted - known:
        yield f"lost samples: the served model does not know {sorted(lost)}"
    if more := known - wanted:
        yield f"samples used twice, or not to be used: the served model knows {sorted(more.elements())} too often"


def _rounds(facts: Facts, failures_allowed: bool) -> Iterator[str]:
    numbers = [record["round"] for record in facts.rounds]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"rounds are repeated or skipped: {numbers}"
    if not failures_allowed:
        for record in facts.rounds:
            if record["decision"] == "Failed":
                yield f"round {record['round']} failed: {record['message']}"


def _models(facts: Facts) -> Iterator[str]:
    yield from (f"half a model: {line}" for line in facts.half_models)
    finished = _finished(facts)
    for record in finished:
        new = record["models"]["new"]
        if facts.models.get(new["url"]) is None and new["url"] not in facts.versions:
            continue
        if facts.models.get(new["url"]) != new["sha256"]:
            found = facts.models.get(new["url"])
            yield f"round {record['round']}'s model {new['url']} is {found}, and its record says {new['sha256']}"
    if finished:
        last = finished[-1]
        wanted = hashlib.sha256(content_of(facts.served).encode()).hexdigest()
        if (facts.told.get("round"), facts.told.get("sha256")) != (last["round"], wanted):
            yield f"what is served is not what is told: {dict(facts.told)}, and round {last['round']} has {wanted}"


def _workers(facts: Facts) -> Iterator[str]:
    yield from (f"a worker twice: {line}" for line in facts.twice)
    counted = Counter(facts.worker_names)
    if too_many := [name for name, count in counted.items() if count > 1]:
        yield f"workers twice: {too_many}"
    # The inference worker and its supervisor; training and evaluation have ended.
    if facts.processes != 2:
        yield f"{facts.processes} processes of workers run, and there should be 2"


def _finished(facts: Facts) -> list[Mapping[str, Any]]:
    return [record for record in facts.rounds if record["decision"] != "Failed"]


def _sha256(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _lines(path: Path) -> tuple[str, ...]:
    return tuple(path.read_text().splitlines()) if path.exists() else ()
