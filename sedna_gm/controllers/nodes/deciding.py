"""Readiness of a node from its heartbeats, and the end of workers whose node was deleted. No I/O, no clock."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sedna.api.times import format_time, parse_time
from sedna.api.workers import NODE_FINALIZER
from sedna_gm.controllers.decisions import Decision, Happening

Raw = Mapping[str, Any]


@dataclass(frozen=True)
class Life:
    """What is known of a node's signs of life. `listening_since`: before that moment, silence means nothing."""

    last: datetime | None
    listening_since: datetime
    silence: timedelta
    """How long a node may say nothing: four missed heartbeats."""


def decide(node: Raw, life: Life, now: datetime) -> Decision:
    """Ready is True while heartbeats come in and Unknown when they stop; False is the node's own word."""
    ready = _ready(node)
    name = node["metadata"]["name"]
    heard = _heard(node, life, now)
    silent_at = heard + life.silence
    if now >= silent_at:
        if ready is not None and ready["status"] == "Unknown":
            return Decision(f"Node {name} is silent.")
        sentence = f"No sign of life since {format_time(heard)}."
        return _write(node, "Unknown", "HeartbeatsStopped", sentence, now, "Warning", None, heard)
    if ready is not None and ready["status"] == "False":
        return Decision(f"Node {name} says that it is not ready.", look_again_at=silent_at)
    if ready is not None and ready["status"] == "True":
        return Decision(f"Node {name} is ready.", look_again_at=silent_at)
    if life.last is None and ready is not None:
        # It was silent before this process began to listen, and it has not been heard since.
        return Decision(f"Node {name} is silent.", look_again_at=silent_at)
    return _write(node, "True", "HeartbeatsReceived", "The node is heard regularly.", now, "Normal", silent_at)


def decide_without_node(name: str, workers: Iterable[Raw]) -> Decision:
    """The node was deleted: nobody there will ever let go of its workers, so those being deleted may go."""
    released = []
    for worker in workers:
        metadata = worker["metadata"]
        if metadata.get("deletionTimestamp") and NODE_FINALIZER in (metadata.get("finalizers") or ()):
            changed = copy.deepcopy(dict(worker))
            changed["metadata"]["finalizers"] = [each for each in metadata["finalizers"] if each != NODE_FINALIZER]
            released.append(changed)
    return Decision(f"There is no node {name}; {len(released)} workers of it are let go.", change=tuple(released))


def _heard(node: Raw, life: Life, now: datetime) -> datetime:
    moments = [life.listening_since]
    created = parse_time(node["metadata"]["creationTimestamp"])
    if created <= now:
        # One that is still to come was made before the clock was set back, and says nothing.
        moments.append(created)
    if life.last is not None:
        moments.append(life.last)
    return max(moments)


def counts_as_ready(node: Raw) -> bool:
    """Whether its beats need wake nobody: all that they could change is said already."""
    ready = _ready(node)
    return ready is not None and ready["status"] != "Unknown"


def _ready(node: Raw) -> Raw | None:
    conditions = node.get("status", {}).get("conditions") or ()
    return next((each for each in conditions if each.get("type") == "Ready"), None)


def _write(
    node: Raw,
    status: str,
    reason: str,
    message: str,
    now: datetime,
    kind: Literal["Normal", "Warning"],
    look_again_at: datetime | None,
    heard: datetime | None = None,
) -> Decision:
    condition = {
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": format_time(now),
        # While a node is heard this would be a write for each beat; once it is silent, it stays true.
        **({"lastHeartbeatTime": format_time(heard)} if heard else {}),
    }
    before = node.get("status") or {}
    others = [each for each in before.get("conditions") or () if each.get("type") != "Ready"]
    sentence = f"Node {node['metadata']['name']} is {'ready' if status == 'True' else 'silent'}: {message}"
    happening = Happening("NodeReady" if status == "True" else "NodeSilent", message, kind)
    return Decision(
        sentence,
        status={**before, "conditions": [*others, condition]},
        happenings=(happening,),
        look_again_at=look_again_at,
    )
