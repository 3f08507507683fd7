"""Reads manifests from files, folders and standard input, one document at a time.

Hands each to `sedna.cli.applying` and `sedna.cli.deleting` with the place it came from, so that every later
complaint can name it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
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


def read(source: str) -> Iterator[Manifest | CommandError]:
    """Yield every manifest of a file, of a folder's YAML and JSON files, or of standard input (`-`).

    What is none comes as the complaint about it, in its place: whether the others go on is the caller's decision.
    """
    if source == "-":
        yield from _documents(sys.stdin.buffer.read(), "standard input")
        return
    try:
        files = _files(Path(source))
    except CommandError as error:
        yield error
        return
    for file in files:
        try:
            text = file.read_bytes()
        except OSError as error:
            yield CommandError(f"cannot read {file}: {error.strerror}.")
        else:
            yield from _documents(text, str(file))


def read_all(sources: Iterable[str]) -> list[Manifest]:
    """Return every manifest of several sources; raises the first complaint."""
    found = []
    for source in sources:
        for manifest in read(source):
            if isinstance(manifest, CommandError):
                raise manifest
            found.append(manifest)
    return found


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise CommandError(f"{path}: there is no such file or folder.")
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES and file.is_file())
    if not files:
        raise CommandError(f"{path} holds no manifest: no file that ends in {', '.join(SUFFIXES)}.")
    return files


def _documents(text: bytes, place: str) -> Iterator[Manifest | CommandError]:
    try:
        documents = yaml12.load_documents(text)
    except yaml12.YamlError as error:
        yield CommandError(f"{place}:{error.line}:{error.column}: this is not YAML: {error.problem}.")
        return
    for number, document in enumerate(documents, start=1):
        if document is None:
            continue
        yield from _expanded(document, f"{place}, document {number}" if len(documents) > 1 else place)


def _expanded(document: Any, place: str) -> Iterator[Manifest | CommandError]:
    """Yield the document, or what it lists: `kubectl get -o yaml` of several writes one List."""
    if not isinstance(document, dict):
        yield CommandError(f"{place}: a manifest is a mapping that starts with apiVersion and kind.")
    elif document.get("kind") == "List" and isinstance(document.get("items"), list):
        for number, item in enumerate(document["items"], start=1):
            yield from _expanded(item, f"{place}, item {number}")
    else:
        yield Manifest(document, place)
