"""Whose keys a change touches: the job of a worker or an artifact, those that name a dataset or model, those that
a node matters to.

Pure functions over the mirror; `supervising` feeds them with what the mirror took in and queues the answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sedna_gm.controllers.mirroring import JOB_KINDS, OWNED_KINDS, Mirror, owner_key, urls_of
from sedna_gm.store.interface import Change, ChangeType, Key


def touched(change: Change, mirror: Mirror) -> Iterator[Key]:
    """The keys to look at after a change that the mirror has taken in already."""
    kind = change.key.kind
    if kind in JOB_KINDS:
        yield change.key
        # A job that is gone may leave workers behind; a job that came may wait for a namesake's workers.
    elif kind == "Worker":
        yield owner_key(change.resource)
        if change.resource["metadata"].get("deletionTimestamp"):
            # Its node may be gone for good, and then nobody but the node's controller lets go of the worker.
            yield Key("Node", "", change.resource["spec"]["nodeName"])
    elif kind == "Artifact":
        yield owner_key(change.resource)
    elif kind in ("Dataset", "Model"):
        yield from mirror.jobs_naming(change.key)
        if kind == "Model" and _names_more(change):
            yield from _jobs_about_to_begin(mirror)
    elif kind == "Node":
        yield change.key
        if _matters(change):
            yield from _jobs_at(change.key.name, mirror)


def _names_more(change: Change) -> bool:
    """Whether a Model names a file that it did not name before: it may lie where some job removes old outputs."""
    if change.type is ChangeType.DELETED:
        return False
    return not urls_of(change.resource) <= (urls_of(change.previous) if change.previous is not None else set())


def _jobs_about_to_begin(mirror: Mirror) -> Iterator[Key]:
    """Jobs with a worker that will remove old outputs as soon as it begins, by a list that was made before."""
    for raw in mirror.raws("Worker"):
        if raw["spec"].get("retainedRounds") is not None and raw.get("status", {}).get("phase") in (None, "Pending"):
            yield owner_key(raw)


def _matters(change: Change) -> bool:
    """Whether a node changed in what jobs look at; heartbeats and addresses are not among it."""
    if change.type is not ChangeType.MODIFIED or change.previous is None:
        return True
    return _view(change.resource) != _view(change.previous)


def _view(node: Mapping[str, Any]) -> tuple[Any, ...]:
    status = node.get("status", {})
    ready = [
        (condition.get("status"), condition.get("message"))
        for condition in status.get("conditions", ())
        if condition.get("type") == "Ready"
    ]
    labels = node["metadata"].get("labels")
    return ready, status.get("images"), status.get("timezone"), labels, node.get("spec")


def _jobs_at(node: str, mirror: Mirror) -> Iterator[Key]:
    """Jobs with a worker there or something to fetch from there, and jobs that wait for some node."""
    here = {owner_key(raw) for kind in OWNED_KINDS for raw in mirror.raws(kind) if raw["spec"]["nodeName"] == node}
    yield from here
    for kind in JOB_KINDS:
        for job in mirror.raws(kind):
            key = Key(kind, job["metadata"].get("namespace") or "", job["metadata"]["name"])
            status = job.get("status", {})
            waits = status.get("phase") in (None, "Ready") or not status.get("serving", {}).get("node")
            if waits and key not in here:
                yield key
