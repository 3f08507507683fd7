"""Which model serves now, since when, and by whose doing: a round's, somebody's by hand, or a rollback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sedna.api.models import ModelVersion
from sedna.api.times import parse_time
from sedna_gm.controllers.incremental_learning import inference
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.steps import Status

Document = dict[str, Any]


def served(snapshot: Snapshot, status: Status, rounds: Sequence[Mapping[str, Any]]) -> Document:
    """`since` is null where nobody has written it down; `rollback` is null unless one has put the model there."""
    version = status.deployed_model
    worker = inference.current_worker(snapshot)
    wish = rolled_back(status)
    by_hand = wish is None and _by_hand(version, rounds)
    since = version.time if version is not None else None
    if since is None and worker is not None:
        since = worker.status.start_time
    number = (version.round or 0) if version is not None else 0
    serving = status.serving
    phase = serving.phase if serving is not None else None
    node = serving.node if serving is not None else None
    told: Document = {
        "model": snapshot.job.spec.deploy_spec.model.name,
        "round": number,
        "url": version.url if version is not None else (serving.model if serving is not None else None),
        "sha256": version.sha256 if version is not None else None,
        "since": since,
        "node": node,
        "phase": phase,
        "byHand": by_hand,
        "rollback": wish,
    }
    return {**told, "sentence": _sentence(told)}


def rolled_back(status: Status) -> Document | None:
    """Who has brought back what serves now; None when a round of its own has deployed it."""
    wish, version = status.rollback, status.deployed_model
    if wish is None or wish.state != "Deployed" or wish.to is None or version is None:
        return None
    if not is_version(version, wish.to) or _is_later(wish.requested_at, version.time):
        # Another model was deployed since; or it was asked for what served already.
        return None
    return {"by": wish.by, "requestedAt": wish.requested_at, "asked": wish.asked}


def is_version(one: ModelVersion | None, other: ModelVersion | None) -> bool:
    """Whether both are the same version of the model."""
    if one is None or other is None:
        return False
    return (one.round or 0, one.url, one.sha256) == (other.round or 0, other.url, other.sha256)


def called(name: str, round_: int | None) -> str:
    """A version in words."""
    return f"the model of round {round_}" if round_ else f"the given file of model {name}"


def _sentence(told: Document) -> str:
    what = called(told["model"], told["round"])
    since = f" since {told['since']}" if told["since"] else ""
    why = ""
    if told["rollback"] is not None:
        why = f": {told['rollback']['by'] or 'somebody'} rolled back to it"
    elif told["byHand"]:
        why = ": somebody had it deployed by hand"
    if told["phase"] == "Running":
        return f"{what[:1].upper()}{what[1:]} serves on node {told['node']}{since}{why}."
    # The inference worker's own sentence, in the summary, says why not.
    return f"Nothing serves now; {what} is the deployed one{since}{why}."


def _by_hand(version: ModelVersion | None, rounds: Sequence[Mapping[str, Any]]) -> bool:
    newest = max(
        (each for each in rounds if each.get("decision") == "Deployed"),
        key=lambda each: int(each.get("round") or 0),
        default=None,
    )
    return version is not None and newest is not None and newest.get("byHand") == "deploy"


def _is_later(moment: str | None, than: str | None) -> bool:
    return moment is not None and than is not None and parse_time(moment) > parse_time(than)
