"""From `gm.yml` to settings: read once, checked whole, every problem named with its file and key."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sedna.api.yaml12 import YamlError, load_documents
from sedna_gm.settings import Settings

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_SQLITE = "sqlite:///"


class Misconfigured(Exception):
    """The configuration cannot be used; the message is one line for each problem."""


def load(path: Path) -> Settings:
    """The settings in a file. Raises Misconfigured."""
    try:
        documents = load_documents(path.read_bytes())
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be read: {error.strerror}") from None
    except YamlError as error:
        raise Misconfigured(f"{path}: is not YAML: {error}") from None
    if len(documents) > 1 or not isinstance(documents[0] if documents else {}, Mapping):
        raise Misconfigured(f"{path}: one mapping of settings was expected")
    problems: list[str] = []
    values = _group(Settings, documents[0] if documents else {}, "", problems)
    if not problems:
        problems += [f"{key}: {problem}" for key, problem in _unusable(Settings(**values))]
    if problems:
        raise Misconfigured("\n".join(f"{path}: {problem}" for problem in problems))
    return Settings(**values)


def address(listen: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:9000` or `[::1]:9000`. Raises ValueError."""
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isdecimal() or not port.isascii() or int(port) > 65535:
        raise ValueError(f"{listen!r} is not HOST:PORT, such as 127.0.0.1:9000")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _group(group: type[Any], given: Mapping[Any, Any], prefix: str, problems: list[str]) -> dict[str, Any]:
    fields = {_key(field.name): field for field in dataclasses.fields(group)}
    hints = typing.get_type_hints(group)
    values: dict[str, Any] = {}
    for key, value in given.items():
        field = fields.get(key)
        if field is None:
            near = difflib.get_close_matches(str(key), fields, n=1)
            known = f"did you mean {near[0]}?" if near else f"known are {', '.join(fields)}"
            problems.append(f"{prefix}{key}: is not a setting; {known}")
        elif dataclasses.is_dataclass(hints[field.name]):
            inner = hints[field.name]
            if isinstance(value, Mapping):
                found = _group(typing.cast("type[Any]", inner), value, f"{prefix}{key}.", problems)
                values[field.name] = typing.cast("type[Any]", inner)(**found)
            else:
                problems.append(f"{prefix}{key}: a mapping was expected, not {value!r}")
        elif problem := _wrong(value, hints[field.name]):
            problems.append(f"{prefix}{key}: {problem}")
        else:
            values[field.name] = value
    return values


def _wrong(value: Any, expected: type[Any] | types.UnionType) -> str | None:
    if expected is str:
        return None if isinstance(value, str) and value else f"a text was expected, not {value!r}"
    if isinstance(value, bool) or not isinstance(value, int if expected is int else (int, float)):
        return f"a {'whole ' if expected is int else ''}number was expected, not {value!r}"
    # Every number here is a count, a size or a time of waiting.
    return None if 0 < value < 2**31 else f"a number above 0 was expected, not {value!r}"


def _unusable(settings: Settings) -> list[tuple[str, str]]:
    """What types cannot say."""
    found: list[tuple[str, str]] = []
    try:
        address(settings.listen)
    except ValueError as error:
        found.append(("listen", str(error)))
    if settings.log_level not in LOG_LEVELS:
        found.append(("logLevel", f"{settings.log_level!r} is not one of {', '.join(LOG_LEVELS)}"))
    database = settings.database
    if database != "memory" and not (database.startswith(f"{_SQLITE}/") and len(database) > len(_SQLITE) + 1):
        found.append(("database", f"{database!r} is neither memory nor sqlite:////ABSOLUTE/PATH"))
    return found


def _key(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
