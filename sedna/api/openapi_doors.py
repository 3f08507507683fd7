"""The rest of the OpenAPI document: what is no resource of a kind (manifests, artifacts, nodes' own calls, health).

Served by the GlobalManager as `/openapi/v3/sedna`, beside the documents of `sedna.api.openapi`. A test holds it
against the routes that there are.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sedna.api.meta import API_VERSION, VERSION

_JSON, _YAML, _BYTES, _TEXT = "application/json", "application/yaml", "application/octet-stream", "text/plain"
_HTML = "text/html"
_NODE = f"/apis/{API_VERSION}/nodes/{{name}}"
_OBJECT = {"type": "object"}
_STATUS = {
    "description": "What is wrong, where, and what to do",
    "content": {
        _JSON: {
            "schema": {
                "type": "object",
                "properties": {
                    "kind": {"type": "string"},
                    "status": {"type": "string"},
                    "code": {"type": "integer"},
                    "reason": {"type": "string"},
                    "message": {"type": "string"},
                },
            }
        }
    },
}


def _parameter(name: str, description: str = "", *, place: str = "query", type_: str = "string") -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "in": place, "description": description, "schema": {"type": type_}}
    return found | ({"required": True} if place == "path" else {})


def _names(path: str) -> list[dict[str, Any]]:
    return [_parameter(part[1:-1], place="path") for part in path.split("/") if part.startswith("{")]


def _call(description: str, *queries: str, gives: str = _JSON, takes: dict[str, Any] | None = None) -> dict[str, Any]:
    """An operation; `takes` is the schema of its body by media type."""
    call: dict[str, Any] = {
        "description": description,
        "parameters": [_parameter(name) for name in queries],
        "responses": {"2XX": {"description": "OK", "content": {gives: {"schema": {}}}}, "default": _STATUS},
    }
    if takes:
        content = {media: {"schema": schema} for media, schema in takes.items()}
        call["requestBody"] = {"required": True, "content": content}
    return call


_BINARY = {_BYTES: {"type": "string", "format": "binary"}}
_MANIFESTS = {_YAML: _OBJECT, _JSON: _OBJECT}
_WRITES = ("dryRun", "fieldValidation", "namespace")
_LISTS = ("labelSelector", "fieldSelector")
_SHA256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_BLOBS = {
    "type": "object",
    "required": ["blobs"],
    "properties": {
        "blobs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["sha256", "size"],
                "properties": {"sha256": _SHA256, "size": {"type": "integer", "minimum": 0}},
            },
        }
    },
}
_KEY = {
    "type": "object",
    "required": ["id", "sha256"],
    "properties": {"id": {"type": "string"}, "sha256": _SHA256, "node": {"type": "string"}},
}

_EXAMPLES = f"/apis/{API_VERSION}/namespaces/{{namespace}}/incrementallearningjobs/{{name}}/hardexamples"
_LABEL = {
    "type": "object",
    "required": ["boxes"],
    "properties": {
        "boxes": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["box", "class"],
                "properties": {
                    "box": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4},
                    "class": {"type": "integer", "minimum": 0},
                },
            },
        },
        "version": {"type": "string", "nullable": True},
    },
}
_PATHS: dict[str, dict[str, dict[str, Any]]] = {
    "/": {"get": _call("The dashboard's page.", gives=_HTML)},
    "/ui/{release}/{path}": {"get": _call("What that page is made of.", gives=_BYTES)},
    "/healthz": {"get": _call("Whether this process answers.", gives=_TEXT)},
    "/livez": {"get": _call("The same.", gives=_TEXT)},
    "/readyz": {"get": _call("Whether it reaches its database, too.", gives=_TEXT)},
    "/metrics": {"get": _call("What Prometheus reads.", gives=_TEXT)},
    "/version": {"get": _call("Which version of which conventions this is.")},
    "/api": {"get": _call("The versions of the core group.")},
    "/apis": {"get": _call("The API groups.")},
    "/apis/sedna.io": {"get": _call("The versions of the group.")},
    f"/apis/{API_VERSION}": {"get": _call("The kinds of the group.")},
    "/api/v1": {"get": _call("The kinds of the core group.")},
    "/manifests": {
        "post": _call("Make what each document describes.", *_WRITES, takes=_MANIFESTS),
        "put": _call("Make it, or put it in place of what is there.", *_WRITES, takes=_MANIFESTS),
        "patch": _call("Make it, or bring it to that as `kubectl apply` does.", *_WRITES, takes=_MANIFESTS),
        "delete": _call("Remove what each document names.", *_WRITES, takes=_MANIFESTS),
    },
    "/artifacts/missing": {
        "post": _call("Which of these blobs are not here yet, and from which byte on.", takes={_JSON: _BLOBS})
    },
    "/artifacts/blobs/{sha256}": {
        "get": _call("A blob, or a range of it.", gives=_BYTES),
        "put": _call(
            "A blob, or the piece of it that `Content-Range` says.",
            takes=_BINARY,
        ),
    },
    "/artifacts/blobs/{sha256}/verify": {"post": _call("Hash it again, and drop it when it is spoilt.")},
    _EXAMPLES: {"get": _call("What the inference worker found hard, with its labels.", "limit", "continue", "sort")},
    f"{_EXAMPLES}/export": {"get": _call("All of them, as COCO.", "format")},
    f"{_EXAMPLES}/import": {"post": _call("Labels of a COCO document.", takes={_JSON: _OBJECT})},
    f"{_EXAMPLES}/{{example}}/picture": {"get": _call("The picture, or a small one.", "width", gives=_BYTES)},
    f"{_EXAMPLES}/{{example}}/label": {"put": _call("What is to be seen on it.", takes={_JSON: _LABEL})},
    f"{_NODE}/heartbeat": {"post": _call("The node is alive.")},
    "/join": {"post": _call("A node's first key, for a join token.", takes={_JSON: _KEY})},
    f"{_NODE}/key": {"put": _call("The node's next key.", takes={_JSON: _KEY})},
    f"{_NODE}/requests": {
        "get": _call("What somebody wants to know of the node, one JSON object a line.", "timeoutSeconds")
    },
    f"{_NODE}/requests/{{question_id}}": {
        "post": _call("The node's answer.", takes=_BINARY)
    },
    "/api/v1/namespaces": {
        "get": _call("The namespaces in use."),
        "post": _call("Nothing has to be made first; kubectl asks.", takes={_JSON: _OBJECT}),
    },
    "/api/v1/namespaces/{name}": {"get": _call("A namespace.")},
    "/api/v1/pods": {"get": _call("Workers in the shape of Pods.", *_LISTS)},
    "/api/v1/namespaces/{namespace}/pods": {"get": _call("The same, of one namespace.", *_LISTS)},
    "/api/v1/namespaces/{namespace}/pods/{name}": {"get": _call("A worker in the shape of a Pod.")},
    "/api/v1/namespaces/{namespace}/pods/{name}/log": {
        "get": _call("What it wrote.", "tailLines", "follow", gives=_TEXT)
    },
}  # fmt: skip


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI 3.0 document."""
    paths = {path: {"parameters": _names(path), **calls} for path, calls in _PATHS.items()}
    return {
        "openapi": "3.0.0",
        "info": {"title": "Sedna on bare metal: what is no resource", "version": VERSION},
        "paths": paths,
        "components": {"schemas": {}},
    }
