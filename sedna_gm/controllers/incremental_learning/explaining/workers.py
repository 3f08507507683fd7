"""The workers of a job and the nodes that matter to it, each with what it said last."""

from __future__ import annotations

from typing import Any

from sedna.api.pods import PodSpec
from sedna.api.workers import Worker
from sedna_gm.controllers.incremental_learning.hosts import silence
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot, alive
from sedna_gm.placing.candidates import full_image

Document = dict[str, Any]
_ORDER = {"train": 0, "eval": 1, "inference": 2}
_EXIT = "It ended with exit code "


def workers(snapshot: Snapshot) -> list[Document]:
    """The job's workers: train, eval, inference; of one role the newest round first."""
    return [_worker(each) for each in sorted(snapshot.own, key=_place)]


def last_words(worker: Worker) -> str | None:
    """What its program said before it ended, or was started again; None while it has not, or said nothing.

    The library reports an exception; of a program that ended otherwise its node tells the last line of the log.
    """
    status = worker.status
    if status.report is not None and status.report.status == "failed" and status.report.message:
        return status.report.message
    head, _, words = (status.message or "").partition(": ")
    if words and head.startswith(_EXIT):
        return words
    return status.message if status.phase == "Failed" else None


def nodes(snapshot: Snapshot) -> list[Document]:
    """The nodes that hold the job's data, run its workers or are named for them; `why` is empty where all is well."""
    return [_node(snapshot, name) for name in _concerned(snapshot)]


def _place(worker: Worker) -> tuple[int, int, str]:
    return _ORDER[worker.spec.role], -worker.spec.round, worker.metadata.name


def _worker(worker: Worker) -> Document:
    status = worker.status
    since = status.start_time if alive(worker) else status.finish_time
    return {
        "name": worker.metadata.name,
        "role": worker.spec.role,
        "node": worker.spec.node_name,
        "round": worker.spec.round,
        "phase": status.phase,
        "reason": status.reason,
        "message": status.message,
        "restarts": status.restarts,
        "since": since or worker.metadata.creation_timestamp,
        "lastWords": last_words(worker),
    }


def _concerned(snapshot: Snapshot) -> list[str]:
    named = [
        *(each.spec.node_name for each in (snapshot.dataset, snapshot.regression) if each is not None),
        *(template.node_name for template in _templates(snapshot)),
        *(worker.spec.node_name for worker in snapshot.own),
    ]
    return sorted({name for name in named if name})


def _node(snapshot: Snapshot, name: str) -> Document:
    ready = snapshot.readiness(name)
    is_ready = ready is not None and ready.status == "True"
    said = [silence(snapshot, name).strip()]
    found = snapshot.nodes.get(name)
    if found is not None:
        if not is_ready and not said[0]:
            said.append(f"Node {name} has not said yet that it is Ready.")
        if found.spec.unschedulable:
            said.append(f"Node {name} takes no new workers: it is marked as unschedulable.")
        said += [
            f"Node {name} does not have the worker image {image}."
            for image in sorted(_images_for(snapshot, name) - {full_image(image) for image in found.status.images})
        ]
    return {"name": name, "ready": is_ready, "why": " ".join(sentence for sentence in said if sentence)}


def _images_for(snapshot: Snapshot, node: str) -> set[str]:
    """The images of those templates that can run nowhere else."""
    return {full_image(each.container.image) for each in _templates(snapshot) if each.node_name == node}


def _templates(snapshot: Snapshot) -> list[PodSpec]:
    spec = snapshot.job.spec
    return [each.template.spec for each in (spec.train_spec, spec.eval_spec, spec.deploy_spec)]
