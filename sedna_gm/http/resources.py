"""The addresses of resources, for every kind alike, and which method does what there."""

from __future__ import annotations

from flask import Blueprint, Response, request

from sedna.api.kinds import Kind
from sedna_gm.errors import MethodNotAllowed
from sedna_gm.http import collections, items
from sedna_gm.http.addresses import PREFIXES, kind_at

_COLLECTION_METHODS = ["GET", "POST", "DELETE"]
_ITEM_METHODS = ["GET", "PUT", "PATCH", "DELETE"]
_STATUS_METHODS = ["GET", "PUT", "PATCH"]


def blueprint() -> Blueprint:
    """All addresses of resources below both prefixes, the core group's and ours."""
    views = Blueprint("resources", __name__)
    for prefix in PREFIXES:
        here = {"prefix": prefix}
        rules = (
            ("/<plural>", _collection, _COLLECTION_METHODS),
            ("/<plural>/<name>", _item, _ITEM_METHODS),
            ("/<plural>/<name>/status", _status, _STATUS_METHODS),
        )
        for rule, view, methods in rules:
            for scope in ("", "/namespaces/<namespace>"):
                endpoint = f"{prefix}{scope}{rule}".replace(".", "-")
                views.add_url_rule(f"{prefix}{scope}{rule}", endpoint, view, methods=methods, defaults=here)
    return views


def _collection(prefix: str, plural: str, namespace: str | None = None) -> Response:
    # Without a namespace in the address, a namespaced kind is listed everywhere, and made where the body says.
    kind = kind_at(prefix, plural, None if namespace is None else True)
    if request.method == "POST":
        return collections.create(kind, namespace)
    if request.method == "DELETE":
        if kind.namespaced and namespace is None:
            raise MethodNotAllowed(f"Deleting {plural} of all namespaces at once is not offered.")
        return collections.delete_collection(kind, namespace)
    return collections.read_collection(kind, namespace)


def _item(prefix: str, plural: str, name: str, namespace: str | None = None) -> Response:
    kind = kind_at(prefix, plural, namespace is not None)
    if request.method == "PUT":
        return items.replace_item(kind, namespace, name, status=False)
    if request.method == "PATCH":
        return items.patch_item(kind, namespace, name, status=False)
    if request.method == "DELETE":
        return items.delete_item(kind, namespace, name)
    return items.read_item(kind, namespace, name)


def _status(prefix: str, plural: str, name: str, namespace: str | None = None) -> Response:
    kind = _with_status(kind_at(prefix, plural, namespace is not None))
    if request.method == "PUT":
        return items.replace_item(kind, namespace, name, status=True)
    if request.method == "PATCH":
        return items.patch_item(kind, namespace, name, status=True)
    return items.read_item(kind, namespace, name)


def _with_status(kind: Kind) -> Kind:
    if not kind.has_status:
        raise MethodNotAllowed(f"{kind.plural} have no status.")
    return kind
