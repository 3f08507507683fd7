"""Workers that are gone, by the records of their rounds: their nodes keep what they printed, and `sedna logs` asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sedna.cli.client import GlobalManager, path_of
from sedna.cli.errors import CommandError
from sedna.cli.naming import kind_named

STAGE_ROLES = ("train", "eval")
"""The workers of a round; the inference worker belongs to none."""

Document = dict[str, Any]


def find_ended(gm: GlobalManager, namespace: str, name: str) -> Document | None:
    """Return as much of a worker that is gone as there is, if the record of a round still names it."""
    # The GlobalManager answers what is gone to kubectl only, which asks for a Pod.
    pod = gm.find(f"/api/v1/namespaces/{namespace}/pods/{name}")
    return None if pod is None else _worker(name, (pod.get("spec") or {}).get("nodeName"))


def workers_of_round(gm: GlobalManager, namespace: str, job: str, number: int, role: str | None) -> list[Document]:
    """Return the workers that a round has, or had, in the order of its stages.

    Raises CommandError where there are none, and says which rounds there are.
    """
    kind = kind_named("IncrementalLearningJob")
    path = path_of(kind, namespace, job, "rounds")
    params = {"continue": str(number - 1), "limit": "1"} if number > 1 else {"limit": "1"}
    records = gm.ask("GET", path, params=params).get("items") or []
    selector = {"labelSelector": f"sedna.io/job={job}"}
    living: list[Document] = gm.ask("GET", path_of(kind_named("Worker"), namespace), params=selector)["items"]
    found = {str(w["metadata"]["name"]): w for w in living if _is_of(w, job, number)}
    for record in records:
        if record.get("round") == number:
            found = {str(w["metadata"]["name"]): w for w in _named(record, job)} | found
    wanted = (role,) if role else STAGE_ROLES
    workers = [w for stage in wanted for w in sorted(found.values(), key=_name) if w["spec"].get("role") == stage]
    if not workers:
        raise CommandError(_none(gm, namespace, job, number, role, bool(found)))
    return workers


def _name(worker: Document) -> str:
    return str(worker["metadata"]["name"])


def _is_of(worker: Document, job: str, number: int) -> bool:
    spec = worker.get("spec") or {}
    ours = (spec.get("job") or {}).get("name", job) == job
    return ours and spec.get("round") == number and spec.get("role") in STAGE_ROLES


def _named(record: Document, job: str) -> Iterator[Document]:
    """The workers in a record; older ones tell of nodes by stage only."""
    named = record.get("workers") or [
        {"name": f"{job}-{role}-{record['round']}", "role": role, "node": node}
        for role in STAGE_ROLES
        if (node := (record.get("nodes") or {}).get(role.capitalize()))
    ]
    for one in named:
        yield _worker(str(one["name"]), one.get("node"), str(one["role"]))


def _worker(name: str, node: Any, role: str = "") -> Document:
    return {"metadata": {"name": name}, "spec": {"nodeName": node, "role": role}}


def _none(gm: GlobalManager, namespace: str, job: str, number: int, role: str | None, others: bool) -> str:
    if others:
        return f"round {number} of job {job} had no worker for {role}."
    path = path_of(kind_named("IncrementalLearningJob"), namespace, job, "rounds")
    last = gm.ask("GET", path, params={"newest": "1"}).get("items") or []
    told = f"Its last finished round is {last[-1].get('round')}." if last else "It has not finished any."
    return f"nothing is known of a worker in round {number} of job {job}. {told} `sedna describe ilj {job}` lists them."
