"""Workers that are gone, as the records of their rounds name them: for whoever asks what a round of last week printed.

`logs` asks their nodes what is kept; `pods` shows them to kubectl, which looks at a Pod before it asks for its log.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sedna.api.kinds import by_kind
from sedna.api.rounds import round_id
from sedna_gm.errors import NotFound
from sedna_gm.http.addresses import key_at
from sedna_gm.store.interface import Resource, Store

_JOB = by_kind("IncrementalLearningJob")
_WORKER = by_kind("Worker")
_NAME = re.compile(r"(?P<job>.+)-(?P<role>train|eval)-(?P<round>[0-9]{1,9})(?P<second>-regression)?")


@dataclass(frozen=True)
class EndedWorker:
    """One worker that is not there any more."""

    namespace: str
    name: str
    role: str
    node: str
    round: int
    round_id: str
    job: str
    #: The record of its round; only as much of it as there is yet while the round goes on.
    record: Mapping[str, Any]


def find_ended(store: Store, namespace: str, name: str) -> EndedWorker:
    """The worker that a round of a job in this namespace names. Raises NotFound, as for a Worker that is nobody's."""
    gone = NotFound(_nobody(namespace, name), kind=_WORKER.name, name=name)
    match = _NAME.fullmatch(name)
    if match is None:
        raise gone
    number = int(match["round"])
    key = key_at(_JOB, namespace, match["job"])
    try:
        job = store.get(key)
    except NotFound:
        raise gone from None
    uid = job["metadata"]["uid"]
    for record in (*store.rounds(key, uid, after=number - 1, limit=1).items, _under_way(job)):
        node = node_of(record, name, match["role"]) if record.get("round") == number else None
        if node is not None:
            round_ = round_id(uid, number)
            return EndedWorker(namespace, name, match["role"], node, number, round_, match["job"], record)
    raise gone


def node_of(record: Mapping[str, Any], name: str, role: str) -> str | None:
    """On which node a worker of a round was; None when the round had no such worker. Pure.

    Records that were written before they named workers tell of nodes by stage only.
    """
    named = record.get("workers")
    if named:
        return next((str(one["node"]) for one in named if one["name"] == name), None)
    found = (record.get("nodes") or {}).get(role.capitalize())
    return str(found) if found else None


def pod_of_ended(worker: EndedWorker) -> Resource:
    """As much of a Pod as kubectl needs in order to ask for its log."""
    failed = worker.record.get("decision") == "Failed" and worker.record.get("stage") == worker.role.capitalize()
    phase = "Failed" if failed else "Succeeded"
    metadata = {
        "name": worker.name,
        "namespace": worker.namespace,
        "uid": f"{worker.round_id}-{worker.name}",
        "resourceVersion": "0",
        "creationTimestamp": worker.record.get("startedAt"),
        "labels": {
            "sedna.io/job": worker.job,
            "sedna.io/round": str(worker.round),
            "sedna.io/round-id": worker.round_id,
        },
    }
    state = {"name": "worker", "image": "", "imageID": "", "ready": False, "restartCount": 0, "state": {}}
    told = f"It is gone, with round {worker.round}; node {worker.node} keeps its log for a while."
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": metadata,
        "spec": {"nodeName": worker.node, "containers": [{"name": "worker", "image": ""}]},
        "status": {"phase": phase, "reason": "Gone", "message": told, "containerStatuses": [state]},
    }


def _under_way(job: Mapping[str, Any]) -> dict[str, Any]:
    status = job.get("status") or {}
    current = status.get("current") or {}
    return {"round": status.get("round"), "workers": current.get("workers"), "startedAt": current.get("startedAt")}


def _nobody(namespace: str, name: str) -> str:
    return (
        f"There is no worker {name} in namespace {namespace}, and no round of a job there had one of that name."
        " A job's records of rounds, which go with the job, name the workers that are gone."
    )
