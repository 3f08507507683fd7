"""A file of several manifests in one request, for people who have only curl.

POST makes what each document describes; PUT makes it or brings it to that. Each document has its own answer with
its own code, and the code of the whole is that of the worst one, so that nothing fails half hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request

from sedna.api.kinds import Kind, UnknownKind, by_kind
from sedna.api.status import Cause
from sedna_gm.admission.admitting import Place, admit
from sedna_gm.errors import BadRequest, GMError, NotFound, Refused
from sedna_gm.http import bodies, parameters
from sedna_gm.http.answers import answer, status_of
from sedna_gm.http.parts import parts
from sedna_gm.store.interface import Resource, key_of


@dataclass(frozen=True)
class Outcome:
    """What became of one document."""

    code: int
    message: str
    about: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    status: Resource | None = None

    def dump(self, number: int) -> Resource:
        """As the answer lists it; `number` counts the documents from 1."""
        told: Resource = {"document": number, "code": self.code, **self.about, "message": self.message}
        if self.warnings:
            told["warnings"] = list(self.warnings)
        if self.status is not None:
            told["status"] = self.status
        return told


def blueprint() -> Blueprint:
    """`/manifests`."""
    views = Blueprint("manifests", __name__)
    views.add_url_rule("/manifests", view_func=_submit, methods=["POST", "PUT"])
    return views


def _submit() -> Response:
    documents = bodies.receive_documents(request)
    manifests = list(_flat(documents))
    if not manifests:
        raise BadRequest("The body holds no manifest.")
    outcomes = [_outcome(manifest, replace=request.method == "PUT") for manifest in manifests]
    failed = [outcome.code for outcome in outcomes if outcome.code >= 400]
    code = max(failed) if failed else max(outcome.code for outcome in outcomes)
    listed = [outcome.dump(number) for number, outcome in enumerate(outcomes, 1)]
    body = {
        "kind": "ManifestResults",
        "apiVersion": "sedna.io/v1alpha1",
        "message": f"{len(outcomes) - len(failed)} of {len(outcomes)} documents were accepted.",
        "results": listed,
    }
    return answer(body, code, [warning for outcome in outcomes for warning in outcome.warnings])


def _flat(documents: Iterable[Any]) -> Iterable[Any]:
    for document in documents:
        # What `kubectl get -o yaml` writes for several resources.
        if isinstance(document, Mapping) and document.get("kind") == "List" and isinstance(document.get("items"), list):
            yield from document["items"]
        else:
            yield document


def _outcome(manifest: Any, *, replace: bool) -> Outcome:
    about = _about(manifest)
    try:
        return _accepted(manifest, about, replace=replace)
    except GMError as error:
        return Outcome(error.code, error.message, about, status=status_of(error))


def _accepted(manifest: Any, about: Mapping[str, str], *, replace: bool) -> Outcome:
    kind = _kind_of(manifest)
    store, dry_run = parts().store, parameters.dry_run(request.args)
    strictness = parameters.strictness(request.args)
    place = Place(kind, _namespace_of(manifest) if kind.namespaced else None)
    admitted = admit(manifest, place, strictness)
    about = {**about, **_about(admitted.resource)}
    if replace:
        try:
            stored = store.get(key_of(admitted.resource))
        except NotFound:
            pass
        else:
            admitted = admit(manifest, place, strictness, stored=stored)
            written = store.update(admitted.resource, dry_run=dry_run)
            unchanged = written["metadata"]["resourceVersion"] == stored["metadata"]["resourceVersion"]
            return Outcome(200, "unchanged" if unchanged and not dry_run else "changed", about, admitted.warnings)
    store.create(admitted.resource, dry_run=dry_run)
    return Outcome(201, "created", about, admitted.warnings)


def _kind_of(manifest: Any) -> Kind:
    if not isinstance(manifest, Mapping):
        raise BadRequest("The document is not a resource: a mapping with apiVersion, kind and metadata was expected.")
    missing = [name for name in ("apiVersion", "kind") if not manifest.get(name)]
    if missing:
        causes = [Cause(name, "FieldValueRequired", "is required") for name in missing]
        raise Refused(f"The document says no {' and no '.join(missing)}.", causes=causes)
    try:
        return by_kind(str(manifest["kind"]), str(manifest["apiVersion"]))
    except UnknownKind as unknown:
        raise NotFound(f"The server could not find the requested resource: {unknown}.") from None


def _namespace_of(manifest: Mapping[str, Any]) -> str | None:
    """The document's own namespace, else `?namespace=`."""
    metadata = manifest.get("metadata")
    own = metadata.get("namespace") if isinstance(metadata, Mapping) else None
    return None if own else request.args.get("namespace")


def _about(manifest: Any) -> dict[str, str]:
    if not isinstance(manifest, Mapping):
        return {}
    metadata = manifest.get("metadata")
    names = metadata if isinstance(metadata, Mapping) else {}
    found = {"kind": manifest.get("kind"), "namespace": names.get("namespace"), "name": names.get("name")}
    return {field: value for field, value in found.items() if isinstance(value, str) and value}
