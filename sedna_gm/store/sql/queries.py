"""Reads the SQL files beside it: named queries for `store`, numbered steps for `migrating`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources

from sqlalchemy import TextClause, text

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """One numbered step of the schema, as single statements."""

    number: int
    name: str
    statements: tuple[str, ...]


def load_queries() -> dict[str, TextClause]:
    """Every query of `queries.sql` under its name."""
    source = resources.files(__package__).joinpath("queries.sql").read_text(encoding="utf-8")
    _, *parts = _NAME.split(source)
    return {name: text(_statements(body)[0]) for name, body in zip(parts[::2], parts[1::2], strict=True)}


def load_steps() -> list[Step]:
    """Every step in `migrations/`, in order."""
    files = resources.files(f"{__package__}.migrations").iterdir()
    names = sorted(file.name for file in files if file.name.endswith(".sql"))
    folder = resources.files(f"{__package__}.migrations")
    return [Step(int(name[:4]), name, _statements(folder.joinpath(name).read_text(encoding="utf-8"))) for name in names]


def _statements(source: str) -> tuple[str, ...]:
    bare = _COMMENT.sub("", source)
    return tuple(statement.strip() for statement in bare.split(";") if statement.strip())
