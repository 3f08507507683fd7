"""`image.yml`: what an installed worker image says about itself.

Written by `sedna.images.building`, read by whoever starts workers or lists images.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sedna.images import references
from sedna.images.references import RESERVED, ImageReference

RECORD = "image.yml"
APP = "app"


class ImageProblem(Exception):
    """An image, or the source of one, cannot be used; the message names the file and what is wrong."""


@dataclass(frozen=True)
class ImageRecord:
    """One installed image."""

    reference: ImageReference
    python: str
    """Absolute path of the interpreter that runs it."""
    command: tuple[str, ...] = ()
    """What a manifest's `args` are appended to; empty: the interpreter."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Environment that the image brings; a manifest's own `env` wins."""
    library: str = ""
    """Folder with the `sedna` library for its PYTHONPATH; empty: the interpreter has it."""
    requirements_hash: str = ""
    app_digest: str = ""
    built_at: str = ""

    def document(self) -> dict[str, Any]:
        """Return the content of image.yml."""
        return {
            "name": self.reference.name,
            "tag": self.reference.tag,
            "python": self.python,
            "command": list(self.command) or [self.python],
            "env": dict(self.env),
            "library": self.library,
            "requirementsHash": self.requirements_hash,
            "appDigest": self.app_digest,
            "builtAt": self.built_at,
        }


def read_record(folder: Path) -> ImageRecord:
    """Read the record of the image in a folder; raises ImageProblem when there is none or it is broken."""
    path = folder / RECORD
    raw = read_yaml(path)
    try:
        return ImageRecord(
            reference=ImageReference(str(raw["name"]), str(raw["tag"])),
            python=str(raw["python"]),
            command=tuple(str(word) for word in raw.get("command") or ()),
            env={str(name): str(value) for name, value in (raw.get("env") or {}).items()},
            library=str(raw.get("library", "")),
            requirements_hash=str(raw.get("requirementsHash", "")),
            app_digest=str(raw.get("appDigest", "")),
            built_at=str(raw.get("builtAt", "")),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ImageProblem(f"{path} is no image record: {error!r}") from error


def read_yaml(path: Path) -> Any:
    """Read one of an image's own files; raises ImageProblem, whatever is in it."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ImageProblem(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, KeyError, AttributeError, RecursionError) as error:
        # Besides YAML's own error: no UTF-8; a date that no calendar has; `!!bool maybe`; `!!timestamp 9`; brackets
        # without end.
        raise ImageProblem(f"{path} is not YAML: {error or type(error).__name__}") from error


def find(images_dir: Path, text: str) -> ImageRecord | None:
    """Return the installed image that a manifest's `image:` names, or None; a broken one raises ImageProblem."""
    try:
        folder = references.parse(text).folder(images_dir)
    except ValueError:
        return None
    return read_record(folder) if (folder / RECORD).is_file() else None


def installed(images_dir: Path) -> Iterator[ImageRecord]:
    """Yield every usable image below a folder, in the order of their names."""
    for folder in _images(images_dir):
        try:
            yield read_record(folder)
        except ImageProblem:
            continue


def records(images_dir: Path) -> Iterator[ImageRecord]:
    """Yield every image below a folder; one that cannot be read raises ImageProblem."""
    return (read_record(folder) for folder in _images(images_dir))


def shelves(images_dir: Path) -> set[Path]:
    """Return the folders in which an image may appear or go: the images' own folder and those of their names."""
    return {images_dir, *(folder for folder in _walk(images_dir) if not _is_image(folder))}


def _images(images_dir: Path) -> Iterator[Path]:
    return (folder for folder in _walk(images_dir) if _is_image(folder))


def _is_image(folder: Path) -> bool:
    return (folder / RECORD).is_file()


def _walk(below: Path, shared: Collection[str] = RESERVED) -> Iterator[Path]:
    # An image holds no images: neither its app nor what images share, with its many files, is looked through.
    try:
        folders = sorted(path for path in below.iterdir() if path.is_dir())
    except OSError:
        return
    for folder in folders:
        if folder.name in shared or folder.name.startswith("."):
            continue
        yield folder
        if not _is_image(folder):
            yield from _walk(folder, shared=())
