"""How busy a node and its workers are, asked of the node while the caller waits: nobody needs it kept."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from sedna.api.kinds import by_kind
from sedna_gm.http import guarding
from sedna_gm.http.addresses import key_at
from sedna_gm.http.answers import answer
from sedna_gm.http.asking import ask_document
from sedna_gm.http.parts import parts
from sedna_gm.identity import deciding
from sedna_gm.identity.deciding import Action

_NODE, _WORKER = by_kind("Node"), by_kind("Worker")


def blueprint() -> Blueprint:
    """`…/nodes/{name}/usage` and `…/workers/{name}/usage`."""
    views = Blueprint("usage", __name__)
    base = f"/apis/{_NODE.api_version}"
    views.add_url_rule(f"{base}/{_NODE.plural}/<name>/usage", view_func=_of_node)
    views.add_url_rule(f"{base}/namespaces/<namespace>/{_WORKER.plural}/<name>/usage", view_func=_of_worker)
    return views


def _of_node(name: str) -> Response:
    # One that is not there is 404, not a node that does not answer.
    parts().store.get(key_at(_NODE, None, name))
    return _answered("NodeUsage", name, {"type": "usage"})


def _of_worker(namespace: str, name: str) -> Response:
    worker = parts().store.get(key_at(_WORKER, namespace, name))
    return _answered("WorkerUsage", worker["spec"]["nodeName"], {"type": "usage", "namespace": namespace, "name": name})


def _answered(kind: str, node: str, question: dict[str, Any]) -> Response:
    document = ask_document(node, question)
    # Who may see a node need not see all that runs there.
    document["workers"] = [one for one in document.get("workers") or () if _may_see(one)]
    return answer({**document, "kind": kind, "apiVersion": _NODE.api_version})


def _may_see(worker: dict[str, Any]) -> bool:
    wanted = Action("get", _WORKER.plural, str(worker.get("namespace")), str(worker.get("name")), "usage")
    return deciding.refusal(guarding.caller(), wanted) is None
