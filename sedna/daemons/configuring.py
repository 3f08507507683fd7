"""From a YAML file to a frozen dataclass of settings: read once, every problem named with its file and key."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from sedna.api.yaml12 import YamlError, load_documents

S = TypeVar("S")


class Misconfigured(Exception):
    """The configuration cannot be used; the message is one line for each problem."""


def load(path: Path, group: type[S], unusable: Callable[[S], Iterable[str]]) -> S:
    """Return the settings in a file. Raises Misconfigured.

    Args:
        path: the file; its keys are the dataclass's fields in camelCase.
        group: a frozen dataclass; its fields may be texts, numbers, bools, choices, mappings of texts, groups,
            or tuples of groups (a list in the file).
        unusable: yields `key: what is wrong` for what types cannot say; asked once the types are right.
    """
    try:
        documents = load_documents(path.read_bytes())
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be read: {error.strerror}") from None
    except YamlError as error:
        raise Misconfigured(f"{path}: is not YAML: {error}") from None
    content = documents[0] if documents else {}
    if len(documents) > 1 or not isinstance(content, Mapping):
        raise Misconfigured(f"{path}: one mapping of settings was expected")
    problems: list[str] = []
    settings = _group(group, content, "", problems)
    if settings is not None:
        problems += unusable(settings)
    if settings is None or problems:
        raise Misconfigured("\n".join(f"{path}: {problem}" for problem in problems))
    return settings


def split_address(listen: str) -> tuple[str, int]:
    """Return host and port of `127.0.0.1:9000` or `[::1]:9000`. Raises ValueError."""
    host, colon, port = listen.rpartition(":")
    if not (colon and host and port.isascii() and port.isdecimal()) or int(port) > 65535:
        raise ValueError(f"{listen!r} is not HOST:PORT, such as 127.0.0.1:9000")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _group(group: type[S], content: Mapping[Any, Any], prefix: str, problems: list[str]) -> S | None:
    """The group's value; None, with the problems told, when it cannot be made."""
    found = len(problems)
    fields = {key_of(one.name): one for one in dataclasses.fields(group)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(group)
    values: dict[str, Any] = {}
    for key, value in content.items():
        field = fields.get(key)
        if field is None:
            near = difflib.get_close_matches(str(key), fields, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(fields)}"
            problems.append(f"{prefix}{key}: is not a setting; {hint}")
        elif dataclasses.is_dataclass(hints[field.name]) and isinstance(value, Mapping):
            values[field.name] = _group(hints[field.name], value, f"{prefix}{key}.", problems)
        elif (entry := _entry_of(hints[field.name])) is not None and isinstance(value, list):
            values[field.name] = _groups(entry, value, f"{prefix}{key}", problems)
        elif (problem := _wrong(value, hints[field.name], _most(field.name))) is not None:
            problems.append(f"{prefix}{key}: {problem}")
        else:
            values[field.name] = value
    for key, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and key not in content:
            problems.append(f"{prefix}{key}: is missing")
    return group(**values) if len(problems) == found else None


def _groups(group: type[Any], content: list[Any], prefix: str, problems: list[str]) -> tuple[Any, ...]:
    """One value for each entry of a list; without use when problems were told."""
    values = []
    for number, entry in enumerate(content):
        if isinstance(entry, Mapping):
            values.append(_group(group, entry, f"{prefix}[{number}].", problems))
        else:
            problems.append(f"{prefix}[{number}]: a mapping was expected, not {entry!r}")
    return tuple(values)


def _entry_of(expected: Any) -> type[Any] | None:
    """The group that a field holds a tuple of; None for any other field."""
    if typing.get_origin(expected) in (types.UnionType, typing.Union):
        return next(filter(None, map(_entry_of, typing.get_args(expected))), None)
    entry = typing.get_args(expected)[0] if typing.get_origin(expected) is tuple else None
    return entry if isinstance(entry, type) and dataclasses.is_dataclass(entry) else None


def _most(name: str) -> int:
    """The largest number that a setting may be: a disk has terabytes, but nothing can wait for more seconds."""
    return 2**62 if name.endswith("_bytes") else 2**31


def _wrong(value: Any, expected: Any, most: int) -> str | None:
    """What is wrong with a value of one of the few types that settings have."""
    origin = typing.get_origin(expected)
    if origin in (types.UnionType, typing.Union):
        # The only unions: something, or nothing.
        inner = next(one for one in typing.get_args(expected) if one is not types.NoneType)
        return None if value is None else _wrong(value, inner, most)
    if origin is tuple:
        # A list has been taken by `_groups`.
        return f"a list was expected, not {value!r}"
    if origin is typing.Literal:
        choices = typing.get_args(expected)
        return None if value in choices else f"{value!r} is not one of {', '.join(choices)}"
    if dataclasses.is_dataclass(expected):
        return f"a mapping was expected, not {value!r}"
    if expected is bool:
        return None if isinstance(value, bool) else f"true or false was expected, not {value!r}"
    if expected in (int, float):
        if isinstance(value, bool) or not isinstance(value, int if expected is int else (int, float)):
            return f"a {'whole ' if expected is int else ''}number was expected, not {value!r}"
        # Every number in settings is a count, a size or a time of waiting.
        return None if 0 < value < most else f"a number above 0 was expected, not {value!r}"
    if expected is str:
        return None if isinstance(value, str) and value else f"a text was expected, not {value!r}"
    is_texts = isinstance(value, Mapping) and all(isinstance(one, str) for pair in value.items() for one in pair)
    return None if is_texts else f"a mapping of texts was expected, not {value!r}"


def key_of(name: str) -> str:
    """Return a field's name as files spell it: `log_level` is `logLevel`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
