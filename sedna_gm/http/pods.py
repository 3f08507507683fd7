"""Workers in the shape of Pods: just enough for `kubectl logs WORKER` and `kubectl get pods`. Read-only.

A worker that is gone is not listed, and answered by its name as long as the record of its round names it (`ended`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request

from sedna.api.kinds import AGE, Column, Kind, by_kind
from sedna.api.meta import Resource as ResourceType
from sedna_gm.errors import NotFound
from sedna_gm.http import parameters
from sedna_gm.http.addresses import key_at
from sedna_gm.http.answers import answer
from sedna_gm.http.collections import answer_list, answer_table
from sedna_gm.http.ended import find_ended, pod_of_ended
from sedna_gm.http.media import Form, wanted
from sedna_gm.http.parts import parts
from sedna_gm.store.interface import Page, Resource

_WORKER = by_kind("Worker")
_PHASES = {"Succeeded": "Succeeded", "Failed": "Failed", "Running": "Running", "Paused": "Running"}


def _status(name: str) -> Any:
    return lambda pod: pod["status"].get(name)


_POD = Kind(
    "Pod",
    "pods",
    ResourceType,
    ("po",),
    (
        Column("Status", "string", "Life of the worker", _status("reason")),
        Column("Restarts", "integer", "How often it was started again", lambda pod: _container(pod)["restartCount"]),
        AGE,
        Column("Node", "string", "Where it runs", lambda pod: pod["spec"].get("nodeName"), priority=1),
    ),
    group="",
    version="v1",
)


def blueprint() -> Blueprint:
    """`/api/v1/…/pods`; their logs are in `logs`."""
    views = Blueprint("pods", __name__)

    @views.get("/api/v1/pods")
    @views.get("/api/v1/namespaces/<namespace>/pods")
    def _list(namespace: str | None = None) -> Response:
        matches = parameters.selection(request.args)
        page = parts().store.list(_WORKER.name, namespace)
        pods = [pod_of(worker) for worker in page.items]
        return answer_list(_POD, Page([pod for pod in pods if matches is None or matches(pod)], page.revision))

    @views.get("/api/v1/namespaces/<namespace>/pods/<name>")
    def _get(namespace: str, name: str) -> Response:
        try:
            pod = pod_of(parts().store.get(key_at(_WORKER, namespace, name)))
        except NotFound:
            # kubectl looks at a Pod before it asks for its log, and the log may be kept.
            pod = pod_of_ended(find_ended(parts().store, namespace, name))
        if wanted(request.headers.get("Accept", ""), tables=True) is Form.TABLE:
            return answer_table(_POD, [pod], {"resourceVersion": pod["metadata"]["resourceVersion"]})
        return answer(pod)

    return views


def pod_of(worker: Mapping[str, Any]) -> Resource:
    """A worker as a Pod with one container."""
    status = worker.get("status", {})
    phase = status.get("phase", "Pending")
    containers = [
        {"name": container.get("name", "worker"), "image": container.get("image", "")}
        for container in worker["spec"].get("template", {}).get("containers", [])
    ]
    states = [
        {
            "name": container["name"],
            "image": container["image"],
            "imageID": container["image"],
            "ready": phase == "Running",
            "restartCount": status.get("restarts", 0),
            "state": {},
        }
        for container in containers
    ]
    pod: Resource = {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": worker["metadata"],
        "spec": {"nodeName": worker["spec"].get("nodeName", ""), "containers": containers},
        "status": {"phase": _PHASES.get(phase, "Pending"), "reason": phase, "containerStatuses": states},
    }
    if "message" in status:
        pod["status"]["message"] = status["message"]
    if "startTime" in status:
        pod["status"]["startTime"] = status["startTime"]
    return pod


def _container(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    states = pod["status"]["containerStatuses"]
    return states[0] if states else {"restartCount": 0}
