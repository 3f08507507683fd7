"""The versions of the deploy model that a job can serve again: written down as rounds end, shown by the Model.

The job's own list, in its status, is the truth: it changes in the same write that moves the stage, so no crash leaves
a version that was deployed and is not listed. The Model's status repeats it for whoever looks there, and is put right
whenever it differs. Two jobs may deploy to one Model: each writes its own entries and leaves the other's alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sedna.api.meta import KeyValue
from sedna.api.models import RETAINED_BY_DEFAULT, Model, ModelStatus, ModelVersion, RetainedVersion
from sedna.api.stages import Phase, Stage
from sedna.api.times import parse_time
from sedna.api.triggers import Metric
from sedna_gm.controllers.decisions import JSON
from sedna_gm.controllers.incremental_learning import inference, models
from sedna_gm.controllers.incremental_learning.making import version_of
from sedna_gm.controllers.incremental_learning.retaining import rollback_target
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.steps import Status, position, update

SPEC = "spec"
ROLLED_BACK = "RolledBack"


def listed(snapshot: Snapshot, status: Status) -> Status:
    """The status with the versions as they are when this decision has taken effect."""
    found = {each.round or 0: each for each in status.versions}
    _list_given(snapshot, status, found)
    _list_judged(snapshot, status, found)
    _list_deployed(snapshot, status, found)
    kept = _retained(snapshot, status, sorted(found.values(), key=lambda each: -(each.round or 0)))
    return status if kept == status.versions else update(status, versions=kept)


def find(status: Status, round_: int) -> RetainedVersion | None:
    """The version that a round made; 0 stands for the file of the Model's spec."""
    return next((each for each in status.versions if (each.round or 0) == round_), None)


def plain(version: RetainedVersion) -> ModelVersion:
    """The version without its story."""
    told = {name for name in version.model_fields_set if name in ModelVersion.model_fields}
    return ModelVersion(**{name: getattr(version, name) for name in told})


def shown(snapshot: Snapshot, status: Status) -> tuple[JSON, ...]:
    """The Model's status, where it does not say what the job's says."""
    model = models.deploy_model(snapshot)
    if model is None:
        return ()
    mine = snapshot.job.metadata.name
    others = [each for each in model.status.versions if each.job != mine]
    changes: dict[str, Any] = {"versions": sorted([*status.versions, *others], key=_newest_first)}
    wish, other = status.rollback, model.status.rollback
    # Of two jobs' words the later one stands, and of two at once the first: else both would write for ever.
    if wish is not None and (other is None or other.job == mine or _is_later(wish.requested_at, other.requested_at)):
        changes["rollback"] = wish
    deployed, before = status.deployed_model, model.status.version
    if deployed is not None and (before is None or before.job in (None, mine) or _is_later(deployed.time, before.time)):
        told = find(status, deployed.round or 0)
        changes |= {"version": _of_job(deployed, mine), "metrics": told.metrics if told else []}
    return _written(snapshot, model, model.status.model_copy(update=changes))


def withdrawn(snapshot: Snapshot) -> tuple[JSON, ...]:
    """The Model's status without the versions of a job that is going: nobody could serve them again."""
    model = models.deploy_model(snapshot)
    if model is None:
        return ()
    others = [each for each in model.status.versions if each.job != snapshot.job.metadata.name]
    return _written(snapshot, model, model.status.model_copy(update={"versions": others}))


def _list_given(snapshot: Snapshot, status: Status, found: dict[int, RetainedVersion]) -> None:
    """What the user named, as soon as a node has read it and as long as nothing else was deployed."""
    model, worker = models.deploy_model(snapshot), inference.current_worker(snapshot)
    if model is None or worker is None or status.deployed_model is not None:
        return
    served, given = worker.status.model, version_of(model)
    if served is None or served.sha256 is None or served.state == "Refused":
        return
    if (served.url, served.round) != (given.url, 0):
        return
    known = found.get(0)
    if known is not None and (known.url, known.sha256) == (given.url, served.sha256):
        return
    values = {**_values(given), "sha256": served.sha256, "node_name": given.node_name or worker.spec.node_name}
    values |= {"round": 0, "job": snapshot.job.metadata.name, "time": snapshot.timestamp}
    found[0] = RetainedVersion(**values, origin=SPEC, state="Deployed")


def _list_judged(snapshot: Snapshot, status: Status, found: dict[int, RetainedVersion]) -> None:
    """The model of a round whose deployment has just been decided, or has just ended."""
    stage, phase = position(status)
    current = status.current
    if stage is not Stage.DEPLOY or phase not in (Phase.COMPLETED, Phase.FAILED):
        return
    if current is None or current.new_model is None or position(snapshot.job.status) == (stage, phase):
        return
    number = current.new_model.round or 0
    known = found.get(number)
    taken_back = current.outcome == ROLLED_BACK
    if known is not None and not taken_back and not current.new_metrics:
        return
    # One that was deployed before and could not be again this time is still what it was.
    state = ROLLED_BACK if taken_back else known.state if known is not None else "NotDeployed"
    changes: dict[str, Any] = {"state": state}
    if current.new_metrics:
        changes["metrics"] = _texts(current.new_metrics)
    if current.reason and current.outcome != "Deployed":
        changes["message"] = current.reason
    found[number] = (known or _entry(snapshot, current.new_model)).model_copy(update=changes)


def _list_deployed(snapshot: Snapshot, status: Status, found: dict[int, RetainedVersion]) -> None:
    """The deployed one is listed whatever happens, and it alone is called so."""
    deployed = status.deployed_model
    if deployed is None:
        return
    number = deployed.round or 0
    known = found.get(number)
    if known is None:
        known = _entry(snapshot, deployed)
        model = models.deploy_model(snapshot)
        if model is not None and model.status.version is not None and model.status.version.url == deployed.url:
            known = known.model_copy(update={"metrics": model.status.metrics})
    if known.state != "Deployed":
        found[number] = known.model_copy(update={"state": "Deployed", "message": None})
    before = status.current.rollback if status.current is not None else None
    for other, each in list(found.items()):
        if other == number or each.state != "Deployed":
            continue
        if before is not None and other > number:
            said = {"state": ROLLED_BACK, "message": before.message}
            found[other] = each.model_copy(update=said)
        else:
            found[other] = each.model_copy(update={"state": "Previous"})


def _retained(snapshot: Snapshot, status: Status, newest_first: list[RetainedVersion]) -> list[RetainedVersion]:
    model = models.deploy_model(snapshot)
    retain = model.spec.retain if model is not None else RETAINED_BY_DEFAULT
    bound = [each for each in (status.deployed_model, rollback_target(status)) if each is not None]
    if status.current is not None and status.current.rollback is not None and status.current.new_model is not None:
        bound.append(status.current.new_model)
    rounds = {each.round or 0 for each in bound}
    # Before anything was deployed, what serves is the file of the spec.
    rounds |= {each.round or 0 for each in newest_first if each.state == "Deployed"}
    return [each for place, each in enumerate(newest_first) if place < retain or (each.round or 0) in rounds]


def _entry(snapshot: Snapshot, version: ModelVersion) -> RetainedVersion:
    name = snapshot.job.metadata.name
    origin = f"{name}/{version.round}" if version.round else SPEC
    return RetainedVersion(**{**_values(version), "job": name}, origin=origin)


def _values(version: ModelVersion) -> dict[str, Any]:
    return {name: getattr(version, name) for name in version.model_fields_set}


def _of_job(version: ModelVersion, name: str) -> ModelVersion:
    """The same as deployed by this job, also where no job has made it."""
    return version if version.job == name else version.model_copy(update={"job": name})


def _newest_first(version: RetainedVersion) -> tuple[float, int, str]:
    """The same order whichever of two jobs writes it: else both would write for ever."""
    made = parse_time(version.time).timestamp() if version.time is not None else 0.0
    return -made, -(version.round or 0), version.job or ""


def _is_later(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and parse_time(one) > parse_time(other)


def _texts(metrics: Mapping[str, Metric]) -> list[KeyValue]:
    return [KeyValue(key=name, value=json.dumps(value)) for name, value in sorted(metrics.items())]


def _written(snapshot: Snapshot, model: Model, told: ModelStatus) -> tuple[JSON, ...]:
    if told == model.status:
        return ()
    stamped = told.model_copy(update={"update_time": snapshot.timestamp})
    return (
        {
            "apiVersion": model.api_version,
            "kind": model.kind,
            "metadata": {"name": model.metadata.name, "namespace": snapshot.namespace},
            "status": stamped.dump(),
        },
    )
