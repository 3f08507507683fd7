"""From `lc.yml` to settings: read once, checked whole, every problem named with its file and key."""

from __future__ import annotations

import dataclasses
import difflib
import ipaddress
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sedna.api.names import check_dns_subdomain, check_label_key, check_label_value
from sedna.api.yaml12 import YamlError, load_documents
from sedna_lc.errors import SettingsInvalid
from sedna_lc.settings import Settings, SystemdSettings

_GROUPS: dict[str, type[Any]] = {"systemd": SystemdSettings}


def load(path: Path) -> Settings:
    """Return the settings in a file. Raises SettingsInvalid, one line for each problem."""
    try:
        documents = load_documents(path.read_bytes())
    except OSError as problem:
        raise SettingsInvalid(f"{path}: cannot be read: {problem.strerror}") from problem
    except YamlError as problem:
        raise SettingsInvalid(f"{path}: is not YAML: {problem}") from problem
    content = documents[0] if documents else {}
    if len(documents) > 1 or not isinstance(content, Mapping):
        raise SettingsInvalid(f"{path}: one mapping of settings was expected")
    problems: list[str] = []
    values = _read_group(Settings, content, "", problems)
    if not problems:
        problems += _unusable(Settings(**values))
    if problems:
        raise SettingsInvalid("\n".join(f"{path}: {problem}" for problem in problems))
    return Settings(**values)


def split_address(listen: str) -> tuple[str, int]:
    """Return host and port of `127.0.0.1:9100` or `[::1]:9100`. Raises ValueError."""
    host, colon, port = listen.rpartition(":")
    if not (colon and host and port.isascii() and port.isdecimal()) or int(port) > 65535:
        raise ValueError(f"{listen!r} is not HOST:PORT, such as 127.0.0.1:9100")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _read_group(group: type[Any], content: Mapping[Any, Any], prefix: str, problems: list[str]) -> dict[str, Any]:
    fields = {_key(one.name): one for one in dataclasses.fields(group)}
    hints = typing.get_type_hints(group)
    values: dict[str, Any] = {}
    for key, value in content.items():
        known = fields.get(key)
        if known is None:
            near = difflib.get_close_matches(str(key), fields, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(fields)}"
            problems.append(f"{prefix}{key}: is not a setting; {hint}")
        elif key in _GROUPS:
            if isinstance(value, Mapping):
                values[known.name] = _GROUPS[key](**_read_group(_GROUPS[key], value, f"{prefix}{key}.", problems))
            else:
                problems.append(f"{prefix}{key}: a mapping was expected, not {value!r}")
        elif (problem := _wrong(value, hints[known.name])) is not None:
            problems.append(f"{prefix}{key}: {problem}")
        else:
            values[known.name] = value
    for key, known in fields.items():
        missing = known.default is dataclasses.MISSING and known.default_factory is dataclasses.MISSING
        if missing and key not in content:
            problems.append(f"{prefix}{key}: is missing")
    return values


def _wrong(value: Any, expected: Any) -> str | None:
    """Say what is wrong with a value of one of the few types that settings have."""
    origin = typing.get_origin(expected)
    if origin in (types.UnionType, typing.Union):
        # The only unions here: a text, or nothing.
        return None if value is None else _wrong(value, str)
    if origin is typing.Literal:
        choices = typing.get_args(expected)
        return None if value in choices else f"{value!r} is not one of {', '.join(choices)}"
    if expected is bool:
        return None if isinstance(value, bool) else f"true or false was expected, not {value!r}"
    if expected is float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return None if is_number and 0 < value < 2**31 else f"a number above 0 was expected, not {value!r}"
    if expected is str:
        return None if isinstance(value, str) and value else f"a text was expected, not {value!r}"
    is_texts = isinstance(value, Mapping) and all(isinstance(one, str) for pair in value.items() for one in pair)
    return None if is_texts else f"a mapping of texts was expected, not {value!r}"


def _unusable(settings: Settings) -> Iterator[str]:
    """Say what types cannot."""
    try:
        check_dns_subdomain(settings.node_name)
    except ValueError as problem:
        yield f"nodeName: {problem}"
    for key, value in settings.labels.items():
        try:
            check_label_key(key)
            check_label_value(value)
        except ValueError as problem:
            yield f"labels.{key}: {problem}"
    url = urlsplit(settings.gm)
    if url.scheme not in ("http", "https") or not url.hostname:
        yield f"gm: {settings.gm!r} is not a URL such as http://gm.example:9000"
    try:
        host, _ = split_address(settings.listen)
        if not _is_loopback(host):
            yield f"listen: {host} is not an address on loopback, and nobody but this host's workers may report"
    except ValueError as problem:
        yield f"listen: {problem}"
    for key, folder in (("stateDir", settings.state_dir), ("imagesDir", settings.images_dir)):
        if not Path(folder).is_absolute():
            yield f"{key}: {folder!r} is not an absolute path"
    if settings.timezone is not None:
        try:
            ZoneInfo(settings.timezone)
        except (ValueError, OSError, LookupError):
            yield f"timezone: {settings.timezone!r} is not a zone such as Europe/Berlin"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _key(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
