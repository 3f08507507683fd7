"""The OpenAPI document, generated from the types: what `kubectl explain` shows and clients validate by.

Served by the GlobalManager under `/openapi/v3`. kubectl looks for the vendor extensions and for the query
parameters of each operation before it trusts a server to validate.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic.json_schema import models_json_schema

from sedna.api.kinds import KINDS, Kind
from sedna.api.meta import GROUP, VERSION

_JSON = "application/json"
_YAML = "application/yaml"
_MERGE = "application/merge-patch+json"
_JSON_PATCH = "application/json-patch+json"
_DEFINITION = "io.sedna.v1alpha1."
_SHAPES = {"type", "anyOf", "allOf", "oneOf", "enum", "const", "$ref", "properties"}


def index() -> dict[str, Any]:
    """Return what `/openapi/v3` answers: where the document is, with a hash so that clients may keep it."""
    return {
        "paths": {
            f"apis/{GROUP}/{VERSION}": {
                "serverRelativeURL": f"/openapi/v3/apis/{GROUP}/{VERSION}?hash={_hash('sedna.io')}"
            },
            "api/v1": {"serverRelativeURL": f"/openapi/v3/api/v1?hash={_hash('')}"},
            # Not a group: kubectl leaves what it does not know alone, others find all there is.
            "sedna": {"serverRelativeURL": "/openapi/v3/sedna"},
        }
    }


@cache
def _hash(group: str) -> str:
    return hashlib.sha256(json.dumps(document(group), sort_keys=True).encode()).hexdigest().upper()


@cache
def document(group: str = GROUP) -> dict[str, Any]:
    """Return the OpenAPI 3.0 document of one API group (`sedna.io`, or the empty one for core Events)."""
    kinds = [kind for kind in KINDS if kind.group == group]
    paths: dict[str, Any] = {}
    for kind in kinds:
        paths.update(_paths(kind))
    return {
        "openapi": "3.0.0",
        "info": {"title": "Sedna on bare metal", "version": VERSION},
        "paths": paths,
        "components": {"schemas": _schemas(kinds)},
    }


def _schemas(kinds: list[Kind]) -> dict[str, Any]:
    _, generated = models_json_schema(
        [(kind.model, "validation") for kind in kinds], by_alias=True, ref_template="{model}"
    )
    names = {kind.model.__name__: kind.schema_name for kind in kinds}
    schemas: dict[str, Any] = {}
    for name, schema in generated.get("$defs", {}).items():
        schemas[names.get(name, _DEFINITION + name)] = _converted(schema, names)
    for kind in kinds:
        schema = schemas[kind.schema_name]
        schema["x-kubernetes-group-version-kind"] = [_group_version_kind(kind)]
        schema.setdefault("required", [])
        # apiVersion and kind have one value each: a client must still write them.
        schema["required"] = sorted({*schema["required"], "apiVersion", "kind"})
        schemas[f"{kind.schema_name}List"] = {
            "type": "object",
            "description": f"A list of {kind.name} resources.",
            "required": ["items"],
            "properties": {
                "apiVersion": {"type": "string"},
                "kind": {"type": "string"},
                "metadata": {"type": "object"},
                "items": {"type": "array", "items": _reference(kind.schema_name)},
            },
            "x-kubernetes-group-version-kind": [{**_group_version_kind(kind), "kind": f"{kind.name}List"}],
        }
    schemas["io.k8s.apimachinery.pkg.apis.meta.v1.Status"] = {
        "type": "object",
        "description": "What a failed call answers: reason, message, and every cause with its path.",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "status": {"type": "string"},
            "code": {"type": "integer"},
            "reason": {"type": "string"},
            "message": {"type": "string"},
            "details": {"type": "object"},
        },
    }
    return schemas


def _converted(schema: Any, names: Mapping[str, str]) -> Any:
    """Turn pydantic's JSON Schema 2020-12 into OpenAPI 3.0's dialect: no null type, no const, own references."""
    if isinstance(schema, list):
        return [_converted(part, names) for part in schema]
    if not isinstance(schema, dict):
        return schema
    result: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "$ref":
            # A reference hides its neighbours in 3.0; `allOf` lets the description stand beside it.
            result["allOf"] = [_reference(names.get(value, _DEFINITION + value))]
        elif key == "anyOf":
            choices = [choice for choice in value if choice != {"type": "null"}]
            if len(choices) == 1:
                result.update(_converted(choices[0], names))
            else:
                result["anyOf"] = _converted(choices, names)
        elif key == "const":
            result["enum"] = [value]
        elif key == "exclusiveMinimum" or key == "exclusiveMaximum":
            result[key] = True
            result[key[9:].lower()] = value
        elif key == "default":
            if value is not None:
                result[key] = value
        elif key not in ("title", "propertyNames"):
            result[key] = _properties(value, names) if key == "properties" else _converted(value, names)
    if not schema.keys() & _SHAPES and schema.keys() & {"description", "x-sedna-ineffective", "default"}:
        # A field of any shape: kubectl explains nothing that has no type at all.
        result.update({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    return result


def _properties(properties: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Convert each property; a property may itself be called `title` or `default`."""
    return {name: _converted(schema, names) for name, schema in properties.items()}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _group_version_kind(kind: Kind) -> dict[str, str]:
    return {"group": kind.group, "version": kind.version, "kind": kind.name}


def _paths(kind: Kind) -> dict[str, Any]:
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    scope = f"{root}/namespaces/{{namespace}}" if kind.namespaced else root
    collection, one = f"{scope}/{kind.plural}", f"{scope}/{kind.plural}/{{name}}"
    places = [_path_parameter("namespace")] if kind.namespaced else []
    paths: dict[str, Any] = {
        collection: {
            "parameters": places,
            "get": _operation(kind, "list", _LISTING),
            "post": _operation(kind, "post", _WRITING, [_JSON, _YAML]),
            "delete": _operation(kind, "deletecollection", _LISTING),
        },
        one: {
            "parameters": [*places, _path_parameter("name")],
            "get": _operation(kind, "get", []),
            "put": _operation(kind, "put", _WRITING, [_JSON, _YAML]),
            "patch": _operation(kind, "patch", _WRITING, [_MERGE, _JSON_PATCH]),
            "delete": _operation(kind, "delete", [_DRY_RUN]),
        },
    }
    if kind.has_status:
        paths[f"{one}/status"] = {
            "parameters": [*places, _path_parameter("name")],
            "get": _operation(kind, "get", [], subresource="status"),
            "put": _operation(kind, "put", _WRITING, [_JSON, _YAML], subresource="status"),
            "patch": _operation(kind, "patch", _WRITING, [_MERGE, _JSON_PATCH], subresource="status"),
        }
    for name, description, schema in _READINGS.get(kind.name, ()):
        answer = {"description": "OK", "content": {_JSON if schema else "text/plain": {"schema": schema or _TEXT}}}
        paths[f"{one}/{name}"] = {
            "parameters": [*places, _path_parameter("name")],
            "get": {
                "operationId": f"read{kind.version.capitalize()}{kind.name}{name.capitalize()}",
                "description": description,
                "tags": [f"{kind.group}_{kind.version}"],
                "responses": {"200": answer, "default": _FAILURE},
            },
        }
    if kind.namespaced:
        paths[f"{root}/{kind.plural}"] = {"get": _operation(kind, "list", _LISTING, suffix="ForAllNamespaces")}
    return paths


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query(name: str, description: str, type_: str = "string") -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": {"type": type_}}


_DRY_RUN = _query("dryRun", "`All`: check and answer, but change nothing.")
_WRITING = [
    _DRY_RUN,
    _query("fieldManager", "Who writes; accepted and not recorded."),
    _query("fieldValidation", "What an unknown field is: an error (Strict), a warning (Warn), or nothing (Ignore)."),
]
_LISTING = [
    _query("labelSelector", "Only resources with these labels, such as `a=b,c in (d,e),!f`."),
    _query("fieldSelector", "Only resources with these fields, such as `metadata.name=a,spec.nodeName!=b`."),
    _query("limit", "At most so many; `metadata.continue` of the answer asks for the rest.", "integer"),
    _query("continue", "Where the previous answer ended."),
    _query("watch", "`1`: a stream of changes, a JSON object a line.", "boolean"),
    _query("resourceVersion", "Watch from here on; 410 when that is too long ago."),
    _query("allowWatchBookmarks", "Send a BOOKMARK now and then, with the newest resourceVersion.", "boolean"),
    _query("sendInitialEvents", "Tell first what there is, and by a marked BOOKMARK where that ends.", "boolean"),
    _query("resourceVersionMatch", "`NotOlderThan`, which `sendInitialEvents` needs."),
    _query("timeoutSeconds", "End the stream after so long.", "integer"),
]


_TEXT = {"type": "string"}
_FAILURE = {
    "description": "What is wrong, where, and what to do",
    "content": {_JSON: {"schema": _reference("io.k8s.apimachinery.pkg.apis.meta.v1.Status")}},
}
_USAGE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "node": {"type": "object"},
        "workers": {"type": "array", "items": {"type": "object"}},
        "series": {"type": "object"},
    },
}
# What can be read of a resource beside itself: name, meaning, and the shape unless it is plain text.
_READINGS: Mapping[str, tuple[tuple[str, str, dict[str, Any] | None], ...]] = {
    "IncrementalLearningJob": (
        (
            "rounds",
            "The finished rounds, oldest first: samples, models with sha256, metrics, decision and why, times.",
            {"type": "object", "properties": {"items": {"type": "array", "items": {"type": "object"}}}},
        ),
        (
            "why",
            "Why it does what it does: triggers, gates, workers, last decisions, and what a person can do.",
            {"type": "object"},
        ),
    ),
    "Worker": (
        ("log", "What the worker wrote; `tailLines` and `follow` as in Kubernetes.", None),
        ("usage", "How much CPU and memory the worker uses, now and in the last hour, as its node says.", _USAGE),
    ),
    "Node": (("usage", "How busy the node and its workers are, now and in the last hour, as it says itself.", _USAGE),),
}


def _operation(
    kind: Kind,
    action: str,
    parameters: list[dict[str, Any]],
    bodies: list[str] | None = None,
    *,
    subresource: str = "",
    suffix: str = "",
) -> dict[str, Any]:
    answer = f"{kind.schema_name}List" if action in ("list", "deletecollection") else kind.schema_name
    success = {"description": "OK", "content": {_JSON: {"schema": _reference(answer)}}}
    operation: dict[str, Any] = {
        "operationId": f"{action}{kind.version.capitalize()}{kind.name}{subresource.capitalize()}{suffix}",
        "tags": [f"{kind.group or 'core'}_{kind.version}"],
        "parameters": parameters,
        "responses": {
            "201" if action == "post" else "200": success,
            "default": _FAILURE,
        },
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _group_version_kind(kind),
    }
    if bodies:
        schema: dict[str, Any] = {"type": "object"} if action == "patch" else _reference(kind.schema_name)
        content = {
            name: {"schema": {"type": "array", "items": {"type": "object"}} if name == _JSON_PATCH else schema}
            for name in bodies
        }
        operation["requestBody"] = {"required": True, "content": content}
    return operation
