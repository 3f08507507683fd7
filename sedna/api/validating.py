"""From what a user sent to a typed resource, or to every reason why not, at once.

Called by the GlobalManager's admission for what comes in, and by anyone who reads stored resources (`parse`).
"""

from __future__ import annotations

import copy
import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from sedna.api.kinds import Kind, by_kind
from sedna.api.meta import Resource
from sedna.api.names import check_dns_label
from sedna.api.pods import Container
from sedna.api.status import Cause, causes_sentence

Strictness = Literal["Strict", "Warn", "Ignore"]
R = TypeVar("R", bound=Resource)

_REASONS = {
    "missing": "FieldValueRequired",
    "extra_forbidden": "FieldValueUnknown",
    "literal_error": "FieldValueNotSupported",
    "value_error": "FieldValueInvalid",
}


class Invalid(ValueError):
    """The manifest cannot become a resource: `causes` holds each problem with its path."""

    def __init__(self, causes: Sequence[Cause]) -> None:
        super().__init__(causes_sentence(causes))
        self.causes = tuple(causes)


@dataclass(frozen=True)
class Validated:
    """A resource, and what its writer should know although it was accepted."""

    resource: Resource
    warnings: tuple[str, ...]


def validate(raw: Mapping[str, Any], *, strictness: Strictness = "Strict") -> Validated:
    """Check a manifest whole.

    An unknown field is an error (Strict), a warning (Warn) or dropped (Ignore).
    Raises UnknownKind for a kind that does not exist and Invalid for everything else.
    """
    name = raw.get("kind")
    if not isinstance(name, str) or not name:
        raise Invalid([Cause("kind", "FieldValueRequired", "is required: it says what the manifest describes")])
    api_version = raw.get("apiVersion")
    if not isinstance(api_version, str) or not api_version:
        raise Invalid([Cause("apiVersion", "FieldValueRequired", "is required, such as sedna.io/v1alpha1")])
    kind = by_kind(name, api_version)
    _check_characters(raw)
    warnings: list[str] = []
    causes: list[Cause] = []
    resource: Resource | None = None
    pruned, unknown = _without_unknown_fields(kind.model, raw)
    try:
        resource = kind.model.model_validate(pruned, by_name=False, by_alias=True, context={"warnings": warnings})
    except ValidationError as error:
        causes += [_cause(problem) for problem in error.errors(include_url=False, include_context=False)]
    said = [Cause(_path(place), "FieldValueUnknown", _unknown_sentence(kind.model, place)) for place in unknown]
    if strictness == "Strict":
        causes += said
    elif strictness == "Warn":
        warnings += [f'unknown field "{cause.field}"' for cause in said]
    causes += _name_causes(kind, raw)
    if causes or resource is None:
        raise Invalid(causes)
    warnings += [f"{path}: has no effect on a plain host" for path in _ineffective(resource, "")]
    return Validated(resource, tuple(dict.fromkeys(warnings)))


def _check_characters(raw: Mapping[str, Any]) -> None:
    """Refuse a text that no UTF-8 can hold: JSON may smuggle in half of a surrogate pair as an escape."""
    try:
        json.dumps(raw, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        message = f"half a surrogate pair is not a character: {error.object[error.start]!a}"
        raise Invalid([Cause("", "FieldValueInvalid", message)]) from error


def parse(model: type[R], stored: Mapping[str, Any]) -> R:
    """Return the typed form of a stored resource; fields that another version wrote are left out."""
    try:
        return model.model_validate(stored, by_name=False, by_alias=True)
    except ValidationError:
        pruned, _ = _without_unknown_fields(model, stored)
        return model.model_validate(pruned, by_name=False, by_alias=True)


def _without_unknown_fields(
    model: type[BaseModel], raw: Mapping[str, Any]
) -> tuple[Mapping[str, Any], list[tuple[str | int, ...]]]:
    try:
        model.model_validate(raw, by_name=False, by_alias=True)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        unknown = [problem["loc"] for problem in problems if problem["type"] == "extra_forbidden"]
    else:
        unknown = []
    if not unknown:
        return raw, []
    pruned = copy.deepcopy(dict(raw))
    for place in unknown:
        holder: Any = pruned
        for step in place[:-1]:
            holder = holder[step]
        del holder[place[-1]]
    return pruned, unknown


def _cause(problem: Any) -> Cause:
    kind = str(problem["type"])
    if kind == "missing":
        message = "is required"
    elif kind == "value_error":
        message = str(problem["msg"]).removeprefix("Value error, ")
    else:
        message = f"{problem['msg'][:1].lower()}{problem['msg'][1:]}, not {_shown(problem['input'])}"
    default = "FieldValueTypeInvalid" if kind.endswith("_type") else "FieldValueInvalid"
    return Cause(_path(problem["loc"]), _REASONS.get(kind, default), message)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if value is None:
        return "null"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _path(place: Sequence[str | int]) -> str:
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step != "[key]":
            text += f".{step}" if text else step
    return text


@cache
def _field_names(model: type[BaseModel]) -> tuple[str, ...]:
    """Every field name that occurs anywhere in a kind, as written in manifests."""
    names: set[str] = set()
    schema = model.model_json_schema(by_alias=True)
    for part in (schema, *schema.get("$defs", {}).values()):
        names.update(part.get("properties", {}))
    return tuple(sorted(names))


def _unknown_sentence(model: type[BaseModel], place: Sequence[str | int]) -> str:
    name = str(place[-1])
    near = difflib.get_close_matches(name, _field_names(model), n=1, cutoff=0.75)
    hint = f', did you mean "{near[0]}"?' if near and near[0] != name else ""
    return f"is not a known field{hint}"


def _name_causes(kind: Kind, raw: Mapping[str, Any]) -> list[Cause]:
    metadata = raw.get("metadata")
    if not isinstance(metadata, Mapping):
        return []
    causes = []
    name, prefix, namespace = metadata.get("name"), metadata.get("generateName"), metadata.get("namespace")
    if not prefix and ("name" not in metadata or name == ""):
        causes.append(Cause("metadata.name", "FieldValueRequired", "is required"))
    if isinstance(name, str) and name:
        causes += _checked("metadata.name", name, kind.check_name)
    if isinstance(prefix, str) and prefix and not name:
        causes += _checked("metadata.generateName", f"{prefix}x", kind.check_name)
    if isinstance(namespace, str) and namespace:
        causes += _checked("metadata.namespace", namespace, check_dns_label)
    return causes


def _checked(field: str, text: str, check: Any) -> list[Cause]:
    try:
        check(text)
    except ValueError as error:
        return [Cause(field, "FieldValueInvalid", str(error))]
    return []


def _ineffective(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _ineffective(item, f"{path}[{index}]")
    elif isinstance(value, BaseModel):
        for name in sorted(value.model_fields_set):
            field = type(value).model_fields[name]
            here = f"{path}.{field.alias or name}".lstrip(".")
            extra = field.json_schema_extra
            if isinstance(extra, dict) and extra.get("x-sedna-ineffective"):
                yield here
            else:
                yield from _ineffective(getattr(value, name), here)
        if isinstance(value, Container) and value.image_pull_policy == "Always":
            yield f"{path}.imagePullPolicy"
