"""What there is: the answers by which kubectl and others find their way, and the OpenAPI documents."""

from __future__ import annotations

import platform
from typing import Any

from flask import Blueprint, Response, request

from sedna.api import openapi, openapi_doors
from sedna.api.kinds import KINDS, Kind
from sedna.api.meta import GROUP, VERSION
from sedna_gm.errors import NotFound
from sedna_gm.http.answers import answer, dump_json
from sedna_gm.http.media import JSON

_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_GROUP_VERSION = {"groupVersion": f"{GROUP}/{VERSION}", "version": VERSION}
# Kinds of Kubernetes' own that clients ask for on their way to ours.
_GUESTS = (
    {"name": "namespaces", "singularName": "namespace", "kind": "Namespace", "shortNames": ["ns"], "namespaced": False,
     "verbs": ["create", "get", "list"]},
    {"name": "pods", "singularName": "pod", "kind": "Pod", "shortNames": ["po"], "namespaced": True,
     "verbs": ["get", "list"]},
    {"name": "pods/log", "singularName": "", "kind": "Pod", "namespaced": True, "verbs": ["get"]},
)  # fmt: skip


def blueprint(version: str) -> Blueprint:
    """`version` is the distribution's."""
    views = Blueprint("discovery", __name__)

    @views.get("/version")
    def _version() -> Response:
        return answer(_version_of(version))

    @views.get("/api")
    def _core() -> Response:
        clients = [{"clientCIDR": "0.0.0.0/0", "serverAddress": request.host}]
        return answer({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": clients})

    @views.get("/apis")
    def _groups() -> Response:
        return answer({"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group()]})

    @views.get(f"/apis/{GROUP}")
    def _our_group() -> Response:
        return answer({"kind": "APIGroup", "apiVersion": "v1", **_group()})

    @views.get("/api/v1")
    def _core_resources() -> Response:
        return _resource_list("v1", [*_resources(""), *_GUESTS])

    @views.get(f"/apis/{GROUP}/{VERSION}")
    def _our_resources() -> Response:
        return _resource_list(f"{GROUP}/{VERSION}", _resources(GROUP))

    # kubectl asks for these as protobuf, or for nothing it can name, and takes JSON: no negotiation here.
    @views.get("/openapi/v3")
    def _index() -> Response:
        return Response(dump_json(openapi.index()), mimetype=JSON)

    @views.get(f"/openapi/v3/apis/{GROUP}/{VERSION}")
    def _our_document() -> Response:
        return Response(dump_json(openapi.document(GROUP)), mimetype=JSON)

    @views.get("/openapi/v3/api/v1")
    def _core_document() -> Response:
        return Response(dump_json(openapi.document("")), mimetype=JSON)

    @views.get("/openapi/v3/sedna")
    def _rest() -> Response:
        return Response(dump_json(openapi_doors.document()), mimetype=JSON)

    @views.get("/openapi/v2")
    def _old_document() -> Response:
        # kubectl falls back to it, in protobuf, for a kind that /openapi/v3 does not know. No bytes are an empty
        # document there, and it says "no matches for kind"; a 404 would make it talk about downloads.
        if "protobuf" in request.headers.get("Accept", ""):
            return Response(b"", mimetype="application/octet-stream")
        raise NotFound("OpenAPI 2 is not offered: see /openapi/v3.")

    return views


def _version_of(version: str) -> dict[str, str]:
    major, minor = "1", "32"
    return {
        "major": major,
        "minor": minor,
        # Clients compare it with their own: the Kubernetes whose conventions we speak, then who we are.
        "gitVersion": f"v{major}.{minor}.0+sedna-{version}",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "",
        "goVersion": "",
        "compiler": platform.python_implementation(),
        "platform": f"linux/{platform.machine()}",
    }


def _group() -> dict[str, Any]:
    return {"name": GROUP, "versions": [_GROUP_VERSION], "preferredVersion": _GROUP_VERSION}


def _resource_list(group_version: str, resources: list[dict[str, Any]]) -> Response:
    listed = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}
    return answer(listed)


def _resources(group: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for kind in KINDS:
        if kind.group != group:
            continue
        found.append(
            {
                "name": kind.plural,
                "singularName": kind.singular,
                "namespaced": kind.namespaced,
                "kind": kind.name,
                "verbs": _VERBS,
                "shortNames": list(kind.short_names),
                "categories": ["sedna", "all"] if group else [],
            }
        )
        if kind.has_status:
            found.append(_below(kind, "status", ["get", "patch", "update"]))
        if kind.name == "Worker":
            found.append(_below(kind, "log", ["get"]))
        if kind.name in ("Worker", "Node"):
            found.append(_below(kind, "usage", ["get"]))
    return found


def _below(kind: Kind, name: str, verbs: list[str]) -> dict[str, Any]:
    return {
        "name": f"{kind.plural}/{name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "verbs": verbs,
    }
