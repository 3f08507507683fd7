"""A file of several manifests in one request, for people who have only curl.

POST makes what each document describes; PUT makes it or puts it in place of what is there; PATCH makes it or brings
it to that as `kubectl apply` does; DELETE removes what each document names. Each document has its own answer with its
own code, and the code of the whole is that of the worst one, so that nothing fails half hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request

from sedna.api import merging
from sedna.api.kinds import Kind, UnknownKind, by_kind
from sedna.api.status import Cause
from sedna_gm.admission.admitting import Admitted, Place, admit
from sedna_gm.errors import AlreadyExists, BadRequest, Conflict, Forbidden, GMError, NotFound, Refused
from sedna_gm.http import actions, bodies, guarding, parameters, patches
from sedna_gm.http.answers import answer, status_of
from sedna_gm.http.parts import parts
from sedna_gm.store.interface import Key, Resource, key_of
from sedna_gm.store.revising import same

# As many as one resource's PATCH gets: writers are few, so more conflicts than this mean that something else is wrong.
_TRIES = 8


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


Act = Callable[[Any, Mapping[str, str]], Outcome]


def blueprint() -> Blueprint:
    """`/manifests`."""
    views = Blueprint("manifests", __name__)
    views.add_url_rule("/manifests", view_func=_submit, methods=list(_ACTS))
    return views


def _submit() -> Response:
    documents = bodies.receive_documents(request)
    manifests = list(_flat(documents))
    if not manifests:
        raise BadRequest("The body holds no manifest.")
    act = _ACTS[request.method]
    if request.method == "DELETE":
        # Backwards: what others refer to was written first and goes last.
        outcomes = [_outcome(manifest, act) for manifest in reversed(manifests)][::-1]
    else:
        outcomes = [_outcome(manifest, act) for manifest in manifests]
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


def _outcome(manifest: Any, act: Act) -> Outcome:
    about = _about(manifest)
    try:
        return act(manifest, about)
    except Forbidden as error:
        guarding.note_refusal(error)
        return Outcome(error.code, error.message, about, status=status_of(error))
    except GMError as error:
        return Outcome(error.code, error.message, about, status=status_of(error))


def _create(manifest: Any, about: Mapping[str, str]) -> Outcome:
    admitted = _admitted(manifest)
    parts().store.create(admitted.resource, dry_run=_dry_run())
    return _told(201, "created", about, admitted)


def _replace(manifest: Any, about: Mapping[str, str]) -> Outcome:
    stored = _stored(_admitted(manifest))
    if stored is None:
        return _create(manifest, about)
    admitted = _admitted(manifest, stored=stored)
    return _told(200, "changed" if _written(admitted, stored) else "unchanged", about, admitted)


def _apply(manifest: Any, about: Mapping[str, str]) -> Outcome:
    """As `kubectl apply`: what the server and others wrote into the resource stays."""
    wished = _with_namespace(manifest)
    for attempt in range(1, _TRIES + 1):
        try:
            # Checked as it was written, even where nothing is to be done.
            admitted = _admitted(merging.annotated(wished))
            stored = _stored(admitted)
            if stored is None:
                parts().store.create(admitted.resource, dry_run=_dry_run())
                return _told(201, "created", about, admitted)
            patch = merging.patch_for(wished, stored)
            if not patch:
                return _told(200, "unchanged", about, admitted)
            patched = _admitted(patches.merge(stored, patch), stored=stored)
            return _told(200, "configured" if _written(patched, stored) else "unchanged", about, admitted)
        except (AlreadyExists, Conflict):
            # Somebody wrote in between; a version that the manifest itself names will not come back.
            if attempt == _TRIES or wished["metadata"].get("resourceVersion"):
                raise
    raise AssertionError("the loop returns or raises")


def _delete(manifest: Any, about: Mapping[str, str]) -> Outcome:
    """Deleted, leaving since an earlier request, or absent: none of them fails."""
    kind = _kind_of(manifest)
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    if not isinstance(name, str) or not name:
        raise BadRequest("The document says no metadata.name, so it is not known what to delete.")
    namespace = (metadata.get("namespace") or _namespace_of(manifest) or "default") if kind.namespaced else ""
    key = Key(kind.name, str(namespace), name)
    guarding.check_named(kind, "delete", key.namespace, name)
    try:
        before = parts().store.get(key)
        parts().store.delete(key, dry_run=_dry_run())
    except NotFound:
        return Outcome(200, "absent", about)
    return Outcome(200, "leaving" if "deletionTimestamp" in before["metadata"] else "deleted", about)


def _admitted(manifest: Any, stored: Resource | None = None) -> Admitted:
    kind = _kind_of(manifest)
    place = Place(kind, _namespace_of(manifest) if kind.namespaced else None)
    admitted = admit(manifest, place, parameters.strictness(request.args), stored=stored)
    guarding.check_made(kind, admitted.resource, actions.WRITES[request.method])
    return admitted


def _with_namespace(manifest: Any) -> dict[str, Any]:
    """The manifest with its namespace in it, as `kubectl apply` notes it. Raises GMError for what is no resource."""
    kind = _kind_of(manifest)
    metadata = manifest.get("metadata")
    if not isinstance(metadata, Mapping) or not metadata.get("name"):
        raise BadRequest("The document says no metadata.name, by which to find what it shall be applied to.")
    namespace = {"namespace": metadata.get("namespace") or _namespace_of(manifest) or "default"}
    return {**manifest, "metadata": {**metadata, **(namespace if kind.namespaced else {})}}


def _stored(admitted: Admitted) -> Resource | None:
    try:
        return parts().store.get(key_of(admitted.resource))
    except NotFound:
        return None


def _written(admitted: Admitted, stored: Resource) -> bool:
    """Write it; tells whether anything but the version differs from what was stored."""
    written = parts().store.update(admitted.resource, dry_run=_dry_run())
    return not same(_content(written), _content(stored))


def _content(resource: Resource) -> Resource:
    metadata = {key: value for key, value in resource["metadata"].items() if key != "resourceVersion"}
    return {**resource, "metadata": metadata}


def _told(code: int, message: str, about: Mapping[str, str], admitted: Admitted) -> Outcome:
    return Outcome(code, message, {**about, **_about(admitted.resource)}, admitted.warnings)


def _dry_run() -> bool:
    return parameters.dry_run(request.args)


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


_ACTS: Mapping[str, Act] = {"POST": _create, "PUT": _replace, "PATCH": _apply, "DELETE": _delete}
