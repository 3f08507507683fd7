"""What a folder of user code says about the image to build from it: its files, `image.yml`, requirements.txt."""

from __future__ import annotations

import fnmatch
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sedna.common.digests import file_digest
from sedna.images.records import RECORD, ImageProblem, read_yaml

REQUIREMENTS = "requirements.txt"
# What every tool leaves behind, what holds a user's data rather than code, and what is built anew anyway.
IGNORED = (
    "__pycache__", "*.pyc", ".*", "*.egg-info", "venv", "data", "datasets", "output", "outputs", "node_modules",
)  # fmt: skip
_KNOWN = {"app", "ignore", "command", "env", "python"}


@dataclass(frozen=True)
class Source:
    """A folder of user code, read once."""

    folder: Path
    files: tuple[Path, ...]
    """Relative to the folder, sorted."""
    command: tuple[str, ...]
    env: Mapping[str, str]
    python: str | None
    """An interpreter that the source asks for; None: an environment of its own."""

    @property
    def requirements(self) -> str:
        """Text of requirements.txt; empty when there is none."""
        path = self.folder / REQUIREMENTS
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def digest(self) -> str:
        """Return one hash over the names, modes and contents of all files."""
        total = hashlib.sha256()
        for relative in self.files:
            path = self.folder / relative
            total.update(f"{file_digest(path)} {os.access(path, os.X_OK):d} {relative.as_posix()}\n".encode())
        return total.hexdigest()


def read_source(folder: Path) -> Source:
    """Read a source folder; raises ImageProblem when it is none, or its image.yml cannot be understood."""
    if not folder.is_dir():
        raise ImageProblem(f"{folder} is not a folder with code")
    settings = _settings(folder / RECORD)
    wanted = _texts(folder, settings, "app")
    ignored = (*IGNORED, *_texts(folder, settings, "ignore"))
    files = tuple(sorted(_listed(folder, wanted, ignored) if wanted else _walk(folder, Path(), ignored)))
    if not files:
        raise ImageProblem(f"{folder} holds no file for an image")
    env = settings.get("env") or {}
    if not isinstance(env, dict):
        raise ImageProblem(f"{folder / RECORD}: env: must be a mapping of names to texts")
    python = settings.get("python")
    return Source(
        folder=folder,
        files=files,
        command=_texts(folder, settings, "command"),
        env={str(name): str(value) for name, value in env.items()},
        python=str(python) if python else None,
    )


def _settings(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    settings = read_yaml(path) or {}
    if not isinstance(settings, dict):
        raise ImageProblem(f"{path}: must be a mapping of {', '.join(sorted(_KNOWN))}")
    unknown = sorted(set(settings) - _KNOWN)
    if unknown:
        raise ImageProblem(f"{path}: {unknown[0]}: not known here; there are {', '.join(sorted(_KNOWN))}")
    return settings


def _texts(folder: Path, settings: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = settings.get(key) or []
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise ImageProblem(f"{folder / RECORD}: {key}: must be a list of texts")
    return tuple(value)


def _listed(folder: Path, wanted: tuple[str, ...], ignored: tuple[str, ...]) -> Iterator[Path]:
    """Yield the files that `app:` names; a folder stands for what it holds."""
    for entry in wanted:
        relative = Path(os.path.normpath(entry))
        path = folder / relative
        if relative.is_absolute() or ".." in relative.parts or not path.exists():
            raise ImageProblem(f"{folder / RECORD}: app: {entry} is not inside {folder}")
        if path.is_dir():
            yield from _walk(folder, relative, ignored)
        else:
            yield relative


def _walk(folder: Path, below: Path, ignored: tuple[str, ...]) -> Iterator[Path]:
    for path in sorted((folder / below).iterdir()):
        relative = below / path.name
        if any(fnmatch.fnmatch(path.name, pattern) for pattern in ignored):
            continue
        if path.is_dir():
            yield from _walk(folder, relative, ignored)
        elif path.is_file():
            yield relative
