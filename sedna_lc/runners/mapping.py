"""Mount paths without mounts: what the process runner does where systemd would bind a folder. Pure.

A plain process sees the host's own paths, so every value of the environment and every argument that names a
`mountPath` is rewritten to the path on the host. Rewritten are a value as a whole, the part after the first `=`
of an argument, and each part of a list separated by `;` or `,`, if it is

    /video                    → <host path>
    /video/a/b.mp4            → <host path>/a/b.mp4
    file:///video/a.mp4       → file://<host path>/a.mp4
    file://video/a.mp4        → file://<host path>/a.mp4      (the quick start's way of writing it)

The longest mount path wins, and a path bound to itself stays as it is. A path that the program itself makes up
(`open("/video/x")` in the code) cannot be mapped: such a worker needs the systemd runner.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping

from sedna_lc.runners.base import Bind

_LIST = re.compile(r"([;,])")
_FILE_URL = re.compile(r"^file://(?P<path>/?[^/].*)$")


def map_environment(environment: Mapping[str, str], binds: Iterable[Bind]) -> dict[str, str]:
    """The environment as a process without mounts needs it."""
    known = tuple(binds)
    return {name: map_value(value, known) for name, value in environment.items()}


def map_argument(argument: str, binds: Iterable[Bind]) -> str:
    """One argument; `--input=/video/a.mp4` is mapped behind its `=`."""
    known = tuple(binds)
    option, equals, value = argument.partition("=")
    if equals and option.startswith("-"):
        return option + equals + map_value(value, known)
    return map_value(argument, known)


def map_value(value: str, binds: Iterable[Bind]) -> str:
    """A value with every path below a mount path replaced."""
    known = sorted(binds, key=lambda bind: len(_clean(bind.target)), reverse=True)
    return "".join(_map_part(part, known) for part in _LIST.split(value))


def _map_part(part: str, binds: Iterable[Bind]) -> str:
    if url := _FILE_URL.match(part):
        path = "/" + url["path"].lstrip("/")
        mapped = _map_path(path, binds)
        return part if mapped is None else "file://" + mapped
    mapped = _map_path(part, binds) if part.startswith("/") else None
    return part if mapped is None else mapped


def _map_path(path: str, binds: Iterable[Bind]) -> str | None:
    for bind in binds:
        target = _clean(bind.target)
        if path == target or path.startswith(target.rstrip("/") + "/"):
            rest = path[len(target) :]
            if _clean(bind.source) == target:
                return None
            return (bind.source.rstrip("/") or "/") + ("/" + rest.lstrip("/") if rest else "")
    return None


def _clean(path: str) -> str:
    return posixpath.normpath(path)
