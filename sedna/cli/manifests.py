"""Reads manifests from files, folders and standard input, one document at a time.

Hands each to `sedna.cli.applying` with the place it came from, so that every later complaint can name it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sedna.api import yaml12
from sedna.cli.errors import CommandError

SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True)
class Manifest:
    """One document that a user wants to submit, and where it stands."""

    raw: dict[str, Any]
    place: str


def read(source: str) -> Iterator[Manifest]:
    """Yield every manifest of a file, of a folder's YAML and JSON files, or of standard input (`-`)."""
    if source == "-":
        yield from _documents(sys.stdin.buffer.read(), "standard input")
        return
    path = Path(source)
    for file in _files(path):
        try:
            text = file.read_bytes()
        except OSError as error:
            raise CommandError(f"cannot read {file}: {error.strerror}.") from error
        yield from _documents(text, str(file))


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise CommandError(f"{path}: there is no such file or folder.")
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES and file.is_file())
    if not files:
        raise CommandError(f"{path} holds no manifest: no file that ends in {', '.join(SUFFIXES)}.")
    return files


def _documents(text: bytes, place: str) -> Iterator[Manifest]:
    try:
        documents = yaml12.load_documents(text)
    except yaml12.YamlError as error:
        raise CommandError(f"{place}:{error.line}:{error.column}: this is not YAML: {error.problem}.") from error
    for number, document in enumerate(documents, start=1):
        if document is None:
            continue
        yield from _expanded(document, f"{place}, document {number}" if len(documents) > 1 else place)


def _expanded(document: Any, place: str) -> Iterator[Manifest]:
    """Yield the document, or what it lists: `kubectl get -o yaml` of several writes one List."""
    if not isinstance(document, dict):
        raise CommandError(f"{place}: a manifest is a mapping that starts with apiVersion and kind.")
    if document.get("kind") == "List" and isinstance(document.get("items"), list):
        for number, item in enumerate(document["items"], start=1):
            yield from _expanded(item, f"{place}, item {number}")
        return
    yield Manifest(document, place)
