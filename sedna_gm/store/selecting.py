"""Label and field selectors as Kubernetes writes them: parsed once, then asked about each resource. Pure.

`a=b,c!=d,e in (f,g),h notin (i),j,!k` over labels; `metadata.name=a,spec.nodeName!=b` over fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sedna.api.names import check_label_key, check_label_value
from sedna_gm.errors import BadRequest

Requirement = Callable[[str | None], bool]

_SET = re.compile(r"(?P<key>[^\s!=,()]+)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)\Z")
_EQUALITY = re.compile(r"(?P<key>[^\s!=,()]+)\s*(?P<operator>==|=|!=)\s*(?P<value>[^\s!=,()]*)\Z")
_EXISTENCE = re.compile(r"(?P<not>!?)\s*(?P<key>[^\s!=,()]+)\Z")
# A comma between requirements, not one inside the brackets of a set.
_COMMA = re.compile(r",(?![^()]*\))")


def selector(labels: str = "", fields: str = "") -> Selection | None:
    """Whether a resource satisfies both selectors; None where neither asks for anything. Raises BadRequest."""
    wanted_labels = _label_requirements(labels)
    wanted_fields = _field_requirements(fields)
    if not wanted_labels and not wanted_fields:
        return None
    return Selection(tuple(wanted_labels), tuple(wanted_fields), required(fields))


class Selection:
    """What a resource has to be like. `fields` are those that must have one value: by these a log can sort watches."""

    __slots__ = ("_fields", "_labels", "fields")

    def __init__(
        self,
        labels: tuple[tuple[str, Requirement], ...],
        fields: tuple[tuple[str, Requirement], ...],
        equal: Mapping[str, str],
    ) -> None:
        self._labels = labels
        self._fields = fields
        self.fields = equal

    def __call__(self, resource: Mapping[str, Any]) -> bool:
        """Whether a resource is like that."""
        present = resource.get("metadata", {}).get("labels") or {}
        return all(holds(present.get(key)) for key, holds in self._labels) and all(
            holds(field_value(resource, path)) for path, holds in self._fields
        )


def field_value(resource: Mapping[str, Any], path: str) -> str:
    """The text at a dotted path; empty where there is nothing, as Kubernetes compares it."""
    found: Any = resource
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    if found is None or isinstance(found, Mapping | list):
        return ""
    if isinstance(found, bool):
        return "true" if found else "false"
    return str(found)


def _label_requirements(text: str) -> list[tuple[str, Requirement]]:
    return [_label_requirement(part.strip(), text) for part in _parts(text)]


def _label_requirement(part: str, whole: str) -> tuple[str, Requirement]:
    if match := _SET.match(part):
        values = frozenset(value.strip() for value in match["values"].split(","))
        _check_label(match["key"], values, whole)
        if match["operator"] == "in":
            return match["key"], lambda present: present in values
        return match["key"], lambda present: present not in values
    if match := _EQUALITY.match(part):
        value = match["value"]
        _check_label(match["key"], {value}, whole)
        if match["operator"] == "!=":
            return match["key"], lambda present: present != value
        return match["key"], lambda present: present == value
    if match := _EXISTENCE.match(part):
        _check_label(match["key"], (), whole)
        if match["not"]:
            return match["key"], lambda present: present is None
        return match["key"], lambda present: present is not None
    raise BadRequest(f"The label selector {whole!r} is not understood at {part!r}.")


def _check_label(key: str, values: Any, whole: str) -> None:
    try:
        check_label_key(key)
        for value in values:
            check_label_value(value)
    except ValueError as error:
        raise BadRequest(f"The label selector {whole!r} cannot match anything: {error}.") from None


def _field_requirements(text: str) -> list[tuple[str, Requirement]]:
    found: list[tuple[str, Requirement]] = []
    for part in _parts(text):
        match = _EQUALITY.match(part.strip())
        if match is None:
            raise BadRequest(
                f"The field selector {text!r} is not understood at {part!r}: use path=value or path!=value."
            )
        value = match["value"]
        holds = _differs(value) if match["operator"] == "!=" else _equals(value)
        found.append((match["key"], holds))
    return found


def _equals(value: str) -> Requirement:
    return lambda present: present == value


def _differs(value: str) -> Requirement:
    return lambda present: present != value


def _parts(text: str) -> list[str]:
    return _COMMA.split(text) if text.strip() else []


def required(fields: str) -> dict[str, str]:
    """What a field selector asks to be equal: path and value. Raises BadRequest for one that is not understood."""
    found: dict[str, str] = {}
    for part in _parts(fields):
        match = _EQUALITY.match(part.strip())
        if match is None:
            raise BadRequest(f"The field selector {fields!r} is not understood at {part!r}: use path=value.")
        if match["operator"] != "!=":
            found[match["key"]] = match["value"]
    return found
