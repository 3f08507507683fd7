"""Everything that has to be there before a unit starts, and the start itself."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

from sedna.api.validating import parse
from sedna.api.workers import Worker
from sedna.common.faults import reached
from sedna_lc.artifacts.listing import list_samples
from sedna_lc.credentials import credentials_of, with_token
from sedna_lc.datasets.materialising import materialise
from sedna_lc.errors import Again, Never
from sedna_lc.images import find_image
from sedna_lc.models.hot_config import publish
from sedna_lc.places import local_path, sample_list
from sedna_lc.preparing import Problem, check_samples, not_open, prepare, refused
from sedna_lc.reconcile.delivering import at_home
from sedna_lc.reconcile.means import Means
from sedna_lc.reconcile.outputs import claim, discard
from sedna_lc.reconcile.providing import provide
from sedna_lc.reconcile.serving import serve_from_the_start
from sedna_lc.reconcile.views import is_hot, wanted_model
from sedna_lc.runners.base import UnitSpec
from sedna_lc.runners.errors import RunnerUnavailable, UnitBusy, UnitRefused
from sedna_lc.state.records import Placed, WorkerRecord
from sedna_lc.units import describe, overruled, unit_name

log = logging.getLogger(__name__)

GUARD_VARIABLE = "SEDNA_GUARD"


def make_ready(means: Means, wanted: Worker, record: WorkerRecord) -> tuple[WorkerRecord, UnitSpec]:
    """Put everything in its place and return the record to keep, and the unit to start.

    Raises:
        Again: something is missing that may come.
        Never: it cannot run as it is described.
    """
    image = find_image(means.places.images_dir, wanted.spec.template.container.image)
    _raise_first(not_open(wanted, means.places))
    # Before any URL becomes a path of this node.
    credentials = credentials_of(wanted, means.places.credentials_dir)
    wanted = at_home(wanted, means.places)
    model = wanted_model(wanted)
    if model is not None:
        record = serve_from_the_start(means, wanted, record, model)
        assert record.serving is not None  # noqa: S101 - for the type checker: the line above sets it
        wanted = _with_model(wanted, record.serving)
    wanted, samples = provide(means, wanted)
    _raise_first(refused(wanted, means.places, means.user()))
    others = [parse(Worker, other) for other in means.store.wanted("workers").values()]
    claim(wanted, others)
    if means.heard():
        discard(wanted, others, means.keep_rounds)
    _raise_first(prepare(wanted, means.places, means.user()))
    if record.serving is not None and is_hot(wanted):
        guard = wanted.spec.guard if record.watch_seconds else None
        publish(means.places.hot_update_file(wanted), record.serving, means.clock(), guard)
    if samples is None:
        materialise(wanted, means.store, means.places.state_dir / "datasets")
    else:
        list_samples(samples, Path(sample_list(wanted) or ""))
    _check_samples(means, wanted)
    credentials = with_token(credentials, wanted, image, means.tokens)
    unit = _with_guard(means, describe(wanted, image, means.places, means.lc_server, credentials), wanted, record)
    if names := overruled(wanted, means.places, means.lc_server):
        log.warning("Worker %s sets %s; Sedna's own values win.", wanted.metadata.name, ", ".join(names))
    status = record.status.model_copy(
        update={
            "phase": "Starting",
            "reason": None,
            "message": None,
            "unit": unit_name(wanted),
            "observed_generation": wanted.metadata.generation,
        }
    )
    started_with = record.serving.sha256 if record.serving is not None else ""
    return replace(record, launch="asked", started_with=started_with, confirmed="", status=status), unit


def _with_guard(means: Means, unit: UnitSpec, wanted: Worker, record: WorkerRecord) -> UnitSpec:
    """A cold update is a new process: what to keep to, and what to compare with, it is told at its start."""
    guard = wanted.spec.guard
    if guard is None or wanted.spec.role != "inference" or is_hot(wanted):
        return unit
    previous = record.last_good.sha256 if record.watch_seconds and record.last_good is not None else ""
    told = json.dumps({"guard": guard.dump(), "previous": previous, "since": means.now()})
    # Volatile: the moment makes no other unit.
    environment = {**unit.environment, GUARD_VARIABLE: told}
    return replace(unit, environment=environment, volatile=(*unit.volatile, GUARD_VARIABLE))


def start(means: Means, unit: UnitSpec) -> None:
    """Start a unit. Raises Again or Never."""
    try:
        reached("lc.unit.start.before")
        means.runner.start(unit)
        reached("lc.unit.start.after")
    except (RunnerUnavailable, UnitBusy) as problem:
        raise Again("RunnerUnavailable", f"Its unit cannot be started now: {problem}") from problem
    except UnitRefused as problem:
        raise Never("StartFailed", f"Its unit cannot be started as it is described: {problem}") from problem


def _raise_first(problems: tuple[Problem, ...]) -> None:
    if problems:
        raise Again(problems[0].reason, " ".join(problem.message for problem in problems))


def _check_samples(means: Means, wanted: Worker) -> None:
    samples = sample_list(wanted)
    if samples is None or wanted.spec.dataset is None:
        return
    problem = check_samples(Path(local_path(samples) or samples), wanted.spec.dataset.url, means.user())
    if problem is not None:
        raise Again(problem.reason, problem.message)


def _with_model(wanted: Worker, placed: Placed) -> Worker:
    model = wanted.spec.models[0].model_copy(update={"url": placed.path, "sha256": placed.sha256})
    return wanted.model_copy(update={"spec": wanted.spec.model_copy(update={"models": [model]})})
