"""Namespaces, which exist by being used: any DNS label is one, and nothing has to be made first."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from sedna.api.kinds import KINDS
from sedna.api.names import check_dns_label
from sedna_gm.errors import BadRequest, NotFound
from sedna_gm.http import bodies
from sedna_gm.http.answers import answer
from sedna_gm.http.parts import parts


def blueprint() -> Blueprint:
    """`/api/v1/namespaces`, as far as clients ask before they go on to ours."""
    views = Blueprint("namespaces", __name__)

    @views.get("/api/v1/namespaces")
    def _list() -> Response:
        store = parts().store
        used = {"default"}
        for kind in KINDS:
            if kind.namespaced:
                used.update(item["metadata"]["namespace"] for item in store.list(kind.name).items)
        metadata = {"resourceVersion": str(store.revision())}
        items = [_namespace(name) for name in sorted(used)]
        return answer({"kind": "NamespaceList", "apiVersion": "v1", "metadata": metadata, "items": items})

    @views.post("/api/v1/namespaces")
    def _create() -> Response:
        body = bodies.receive(request)
        metadata = body.get("metadata") if isinstance(body, dict) else None
        name = metadata.get("name") if isinstance(metadata, dict) else None
        try:
            check_dns_label(name if isinstance(name, str) else "")
        except ValueError as error:
            raise BadRequest(f"metadata.name: {error}.") from None
        return answer(_namespace(str(name)), 201, ["namespaces exist by being used: there was nothing to make"])

    @views.get("/api/v1/namespaces/<name>")
    def _get(name: str) -> Response:
        try:
            check_dns_label(name)
        except ValueError as error:
            raise NotFound(f"No such namespace: {error}.", kind="Namespace", name=name) from None
        return answer(_namespace(name))

    return views


def _namespace(name: str) -> dict[str, Any]:
    return {
        "kind": "Namespace",
        "apiVersion": "v1",
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        "status": {"phase": "Active"},
    }
