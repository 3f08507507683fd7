"""From what a client sent to what the store may keep: checked whole, completed, and as the client wrote it.

The HTTP door calls `admit` for new and changed resources and `admit_status` for their status. What a type would
merely spell otherwise (a letter case, a number as a quantity) is kept as written, so that `kubectl apply` of the
same file finds nothing to do; readers normalise through the types.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sedna.api.kinds import Kind
from sedna.api.status import Cause, causes_sentence
from sedna.api.validating import Invalid, Strictness, validate
from sedna_gm.admission import guarding
from sedna_gm.errors import BadRequest, Refused
from sedna_gm.store.interface import Resource

# A host introduces itself whole; the status of everything else is written by those who observe it.
_STATUS_ON_CREATION = frozenset({"Node"})
# Other servers' book-keeping, which comes along when their objects are copied to us.
_DROPPED_METADATA = ("managedFields", "selfLink")


@dataclass(frozen=True)
class Admitted:
    """What the store may keep, and what its writer should know although it was accepted."""

    resource: Resource
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Where the client sent it. `namespace` is None where the address names none, `name` on creation."""

    kind: Kind
    namespace: str | None = None
    name: str | None = None


def suffix() -> str:
    """Five random characters behind a generateName; without vowels and look-alikes, as in Kubernetes."""
    return "".join(secrets.choice("bcdfghjklmnpqrstvwxz2456789") for _ in range(5))


def admit(
    raw: Any,
    place: Place,
    strictness: Strictness,
    *,
    stored: Resource | None = None,
    new_suffix: Callable[[], str] = suffix,
) -> Admitted:
    """A resource to create, or (with `stored`) to replace that one by. Raises BadRequest or Refused."""
    written = _placed(_mapping(raw), place)
    if stored is not None or place.kind.name not in _STATUS_ON_CREATION:
        written.pop("status", None)
    admitted = _validated(written, place.kind, strictness)
    metadata = admitted.resource["metadata"]
    if not metadata.get("name"):
        metadata["name"] = metadata["generateName"] + new_suffix()
    if stored is not None:
        _refuse(guarding.forbidden_changes(stored, admitted.resource), admitted.resource)
    return admitted


def admit_status(raw: Any, place: Place, strictness: Strictness, stored: Resource) -> Admitted:
    """The stored resource with the status from `raw`, and the version that `raw` was read at."""
    written = _placed(_mapping(raw), place)
    wanted = {key: value for key, value in stored.items() if key != "status"}
    if written.get("status") is not None:
        wanted["status"] = written["status"]
    admitted = _validated(wanted, place.kind, strictness)
    metadata = {**stored["metadata"], "resourceVersion": written["metadata"].get("resourceVersion")}
    if uid := written["metadata"].get("uid"):
        metadata["uid"] = uid
    return Admitted({**admitted.resource, "metadata": metadata}, admitted.warnings)


def _mapping(raw: Any) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise BadRequest("The body is not a resource: a mapping with apiVersion, kind and metadata was expected.")
    return raw


def _placed(raw: Mapping[str, Any], place: Place) -> Resource:
    """A copy that agrees with the address it was sent to. Raises BadRequest where it says something else."""
    kind = place.kind
    for field, expected in (("kind", kind.name), ("apiVersion", kind.api_version)):
        if raw.get(field) not in (None, "", expected):
            raise BadRequest(f"The body says {field} {_short(raw[field])}, but this address takes {expected}.")
    metadata = raw.get("metadata")
    if metadata is not None and not isinstance(metadata, Mapping):
        raise BadRequest("metadata is not a mapping.")
    metadata = {key: value for key, value in (metadata or {}).items() if key not in _DROPPED_METADATA}
    for field, expected_here in (("name", place.name), ("namespace", place.namespace if kind.namespaced else None)):
        if expected_here is None:
            continue
        if metadata.get(field) not in (None, "", expected_here):
            raise BadRequest(
                f"The {field} in the body ({_short(metadata[field])}) is not the one in the address ({expected_here})."
            )
        metadata[field] = expected_here
    if kind.namespaced:
        metadata["namespace"] = metadata.get("namespace") or "default"
    elif metadata.get("namespace"):
        raise BadRequest(f"{kind.name} belongs to no namespace: leave metadata.namespace out.")
    return {**raw, "metadata": metadata}


def _validated(written: Resource, kind: Kind, strictness: Strictness) -> Admitted:
    try:
        validated = validate(written, strictness=strictness)
    except Invalid as invalid:
        _refuse(invalid.causes, written, kind.name)
        raise
    return Admitted(_as_written(written, validated.resource.dump()), validated.warnings)


def _refuse(causes: tuple[Cause, ...], resource: Mapping[str, Any], kind: str = "") -> None:
    if not causes:
        return
    metadata = resource["metadata"]
    name = str(metadata.get("name") or metadata.get("generateName") or "")
    kind = kind or str(resource["kind"])
    raise Refused(f'{kind} "{_short(name)}" is invalid: {causes_sentence(causes)}', kind=kind, name=name, causes=causes)


def _as_written(raw: Any, checked: Any) -> Any:
    """`raw` without the fields that `checked` does not have."""
    if isinstance(raw, str | int | float | None):
        return raw
    if isinstance(raw, Mapping) and isinstance(checked, Mapping):
        return {key: _as_written(value, checked[key]) for key, value in raw.items() if key in checked}
    if isinstance(raw, list) and isinstance(checked, list) and len(raw) == len(checked):
        return [_as_written(one, other) for one, other in zip(raw, checked, strict=True)]
    return raw


def _short(value: Any) -> str:
    text = "".join(character if character in string.printable else "?" for character in str(value))
    return text if len(text) <= 80 else f"{text[:77]}..."
