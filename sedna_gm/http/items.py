"""One resource: read, replaced, patched, deleted; and its status the same way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, request

from sedna.api.kinds import Kind
from sedna_gm.admission.admitting import Admitted, Place, admit, admit_status
from sedna_gm.errors import UnsupportedMediaType
from sedna_gm.http import bodies, guarding, parameters, patches
from sedna_gm.http.addresses import key_at
from sedna_gm.http.answers import answer
from sedna_gm.http.collections import answer_table, read_collection
from sedna_gm.http.deleting import read_options
from sedna_gm.http.media import JSON, Form, wanted
from sedna_gm.http.parts import parts
from sedna_gm.store.interface import Key, Resource

Patch = Callable[[Any], Any]

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
_PATCHES = f"{MERGE_PATCH}, {JSON_PATCH}"


def read_item(kind: Kind, namespace: str | None, name: str) -> Response:
    """GET: the resource, as itself or as a Table of one row."""
    if parameters.flag(request.args, "watch"):
        return read_collection(kind, namespace, name)
    resource = parts().store.get(key_at(kind, namespace, name))
    if wanted(request.headers.get("Accept", ""), tables=True) is Form.TABLE:
        metadata = {"resourceVersion": resource["metadata"]["resourceVersion"]}
        return answer_table(kind, [resource], metadata)
    return answer(resource)


def replace_item(kind: Kind, namespace: str | None, name: str, *, status: bool) -> Response:
    """PUT: the whole resource, or (`status`) its whole status."""
    raw = bodies.receive(request)
    key = key_at(kind, namespace, name)
    return _changed(key, lambda stored: _admitted(raw, kind, key, stored, status), status)


def patch_item(kind: Kind, namespace: str | None, name: str, *, status: bool) -> Response:
    """PATCH: a merge patch or a JSON patch of the resource, or (`status`) of its status."""
    patch = _read_patch()
    key = key_at(kind, namespace, name)

    def step(stored: Resource) -> Admitted:
        patched = patch(stored)
        admitted = _admitted(patched, kind, key, stored, status)
        if not status:
            guarding.check_changed(kind, stored, patched)
        return admitted

    return _changed(key, step, status)


def delete_item(kind: Kind, namespace: str | None, name: str) -> Response:
    """DELETE: gone, or marked while finalizers hold it, which the answer tells apart."""
    options = read_options()
    deletion = parts().store.delete(
        key_at(kind, namespace, name),
        uid=options.uid,
        resource_version=options.resource_version,
        dry_run=options.dry_run,
    )
    if not deletion.gone:
        return answer(deletion.resource, 200, options.warnings)
    details = {"name": name, "group": kind.group, "kind": kind.plural, "uid": deletion.resource["metadata"]["uid"]}
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
    return answer(status, 200, options.warnings)


def _read_patch() -> Patch:
    media = request.mimetype
    if media not in (MERGE_PATCH, JSON_PATCH):
        hint = ""
        if media.startswith("application/apply-patch"):
            hint = " Server-side apply is not offered: use `kubectl apply` without --server-side."
        elif media.startswith("application/strategic-merge-patch"):
            hint = " Strategic merge is for Kubernetes' own kinds: use `kubectl patch --type merge` or `--type json`."
        raise UnsupportedMediaType(
            f"The body of the request was in an unknown format - accepted media types include: {_PATCHES}.{hint}",
            headers={"Accept-Patch": _PATCHES},
        )
    body = bodies.decode(bodies.read(request, parts().settings.max_body_bytes), JSON)
    if media == JSON_PATCH:
        return lambda stored: patches.apply_operations(stored, body)
    return lambda stored: patches.merge(stored, body)


def _admitted(raw: Any, kind: Kind, key: Key, stored: Resource, status: bool) -> Admitted:
    place = Place(kind, key.namespace or None, key.name)
    strictness = parameters.strictness(request.args)
    if status:
        return admit_status(raw, place, strictness, stored)
    return admit(raw, place, strictness, stored=stored)


def _changed(key: Key, step: Callable[[Resource], Admitted], status: bool) -> Response:
    warnings: tuple[str, ...] = ()

    def wanted(stored: Resource) -> Resource:
        nonlocal warnings
        admitted = step(stored)
        warnings = admitted.warnings
        return admitted.resource

    changed = parts().store.change(key, wanted, status=status, dry_run=parameters.dry_run(request.args))
    return answer(changed, 200, warnings)
