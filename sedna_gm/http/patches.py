"""Merge patches (RFC 7386) and JSON patches (RFC 6902) on plain values. Pure: the patched value is a new one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sedna.api.status import Cause
from sedna_gm.errors import BadRequest, Refused
from sedna_gm.store.revising import clone, same

_INDEX = re.compile(r"(0|[1-9][0-9]{0,8})\Z")
# A patch of three MiB could copy a large value into itself until the memory is full.
_MOST_OPERATIONS = 10_000
_MOST_COPIES = 100


def merge(target: Any, patch: Any) -> Any:
    """What `patch` makes of `target`: mappings merge, null removes, everything else replaces."""
    if not isinstance(patch, Mapping):
        return clone(patch)
    present = target if isinstance(target, Mapping) else {}
    result: dict[str, Any] = {}
    # What is replaced keeps its place, as readers of a manifest expect.
    for key, value in present.items():
        if key not in patch:
            result[key] = clone(value)
        elif patch[key] is not None:
            result[key] = merge(value, patch[key])
    for key, value in patch.items():
        if key not in present and value is not None:
            result[key] = merge(None, value)
    return result


def apply_operations(target: Any, operations: Any) -> Any:
    """What a list of JSON patch operations makes of `target`: all of them, or Refused; BadRequest if malformed."""
    if not isinstance(operations, Sequence) or isinstance(operations, str):
        raise BadRequest("A JSON patch is a list of operations.")
    if len(operations) > _MOST_OPERATIONS:
        raise BadRequest(f"A JSON patch may hold {_MOST_OPERATIONS} operations at most.")
    copies = sum(1 for operation in operations if isinstance(operation, Mapping) and operation.get("op") == "copy")
    if copies > _MOST_COPIES:
        raise BadRequest(f"A JSON patch may copy {_MOST_COPIES} times at most.")
    result = clone(target)
    for number, operation in enumerate(operations):
        result = _apply(result, operation, number)
    return result


def _apply(target: Any, operation: Any, number: int) -> Any:
    if not isinstance(operation, Mapping):
        raise BadRequest(f"Operation {number} of the JSON patch is not a mapping.")
    name = operation.get("op")
    path = _steps(operation, "path", number)
    if name in ("add", "replace", "test") and "value" not in operation:
        raise BadRequest(f"Operation {number} of the JSON patch ({name}) has no value.")
    try:
        if name == "add":
            return _add(target, path, clone(operation["value"]))
        if name == "remove":
            return _remove(target, path)[0]
        if name == "replace":
            _value_at(target, path)
            return _replace(target, path, clone(operation["value"]))
        if name == "test":
            if not same(_value_at(target, path), operation["value"]):
                raise _Impossible("the value is another one")
            return target
        if name == "copy":
            return _add(target, path, clone(_value_at(target, _steps(operation, "from", number))))
        if name == "move":
            return _move(target, _steps(operation, "from", number), path)
    except _Impossible as error:
        raise Refused(
            f"Operation {number} of the JSON patch ({name} {operation.get('path')}) cannot be done: {error}.",
            causes=[Cause(str(operation.get("path")), "FieldValueInvalid", str(error))],
        ) from None
    raise BadRequest(
        f"Operation {number} of the JSON patch: {name!r} is not one of add, remove, replace, move, copy, test."
    )


class _Impossible(Exception):
    """The value that an operation needs is not there, or not as it should be."""


def _steps(operation: Mapping[str, Any], field: str, number: int) -> list[str]:
    pointer = operation.get(field)
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
        raise BadRequest(f"Operation {number} of the JSON patch: {field} is not a JSON pointer such as /spec/url.")
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _step_into(holder: Any, step: str) -> Any:
    if isinstance(holder, Mapping):
        if step in holder:
            return holder[step]
        raise _Impossible(f"there is no {step!r}")
    if isinstance(holder, list):
        return holder[_index(holder, step, len(holder) - 1)]
    raise _Impossible(f"there is nothing below {step!r}")


def _index(holder: list[Any], step: str, last: int) -> int:
    if not _INDEX.match(step) or int(step) > last:
        raise _Impossible(f"{step!r} is no place in a list of {len(holder)}")
    return int(step)


def _value_at(target: Any, path: list[str]) -> Any:
    for step in path:
        target = _step_into(target, step)
    return target


def _add(target: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    holder = _value_at(target, path[:-1])
    if isinstance(holder, list):
        holder.insert(len(holder) if path[-1] == "-" else _index(holder, path[-1], len(holder)), value)
    elif isinstance(holder, dict):
        holder[path[-1]] = value
    else:
        raise _Impossible(f"there is nothing below {path[-1]!r}")
    return target


def _remove(target: Any, path: list[str]) -> tuple[Any, Any]:
    if not path:
        return None, target
    holder = _value_at(target, path[:-1])
    removed = _step_into(holder, path[-1])
    if isinstance(holder, list):
        del holder[int(path[-1])]
    else:
        del holder[path[-1]]
    return target, removed


def _replace(target: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    holder = _value_at(target, path[:-1])
    if isinstance(holder, list):
        holder[int(path[-1])] = value
    else:
        holder[path[-1]] = value
    return target


def _move(target: Any, source: list[str], path: list[str]) -> Any:
    if path[: len(source)] == source and path != source:
        raise _Impossible("a value cannot be moved into itself")
    target, removed = _remove(target, source)
    return _add(target, path, removed)
