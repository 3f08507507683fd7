"""What a bundle shall hold, as the playbook says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sedna.bundles.errors import BundleProblem
from sedna.bundles.targets import Target
from sedna.images import references
from sedna.images.references import ImageReference


@dataclass(frozen=True)
class ImageSettings:
    """A worker image to bring along."""

    reference: ImageReference
    source: Path
    """Folder of user code."""
    lock: Path | None = None
    """Lock file that says which versions; None: the newest that its requirements.txt allows."""


@dataclass(frozen=True)
class Settings:
    """What to make, and where."""

    bundle: Path
    project: Path
    """Checkout that the project's own wheel is built from."""
    lock: Path
    """Lock file of what the services need."""
    targets: tuple[Target, ...]
    images: tuple[ImageSettings, ...]
    image_targets: tuple[Target, ...]


def read_settings(text: str) -> Settings:
    """Read settings from YAML or JSON; relative paths begin at `project`. Raises BundleProblem naming the key."""
    raw = yaml.safe_load(text)
    if not isinstance(raw, Mapping):
        raise BundleProblem("the settings are no mapping")
    known = {"bundle", "project", "lock", "pythons", "image_pythons", "machines", "images"}
    if unknown := sorted(set(raw) - known):
        raise BundleProblem(f"{unknown[0]}: not known here; there are {', '.join(sorted(known))}")
    project = Path(_text(raw, "project"))
    machines = _texts(raw, "machines")
    pythons, image_pythons = _texts(raw, "pythons"), _texts(raw, "image_pythons")
    images = raw.get("images")
    if not isinstance(images, list):
        raise BundleProblem("images: must be a list")
    return Settings(
        bundle=project / _text(raw, "bundle"),
        project=project,
        lock=project / _text(raw, "lock"),
        targets=_targets(pythons, machines),
        images=tuple(_image(project, number, image) for number, image in enumerate(images)),
        image_targets=_targets(image_pythons, machines),
    )


def _targets(pythons: tuple[str, ...], machines: tuple[str, ...]) -> tuple[Target, ...]:
    return tuple(Target(python, machine) for python in pythons for machine in machines)


def _image(project: Path, number: int, raw: Any) -> ImageSettings:
    place = f"images[{number}]"
    if not isinstance(raw, Mapping) or set(raw) - {"name", "tag", "source", "lock"}:
        raise BundleProblem(f"{place}: must be a mapping of name, tag, source and, if there is one, lock")
    try:
        reference = references.parse(f"{_text(raw, 'name', place)}:{_text(raw, 'tag', place)}")
    except ValueError as error:
        raise BundleProblem(f"{place}: {error}") from error
    lock = project / _text(raw, "lock", place) if raw.get("lock") else None
    return ImageSettings(reference, project / _text(raw, "source", place), lock)


def _text(raw: Mapping[str, Any], key: str, place: str = "") -> str:
    value = raw.get(key)
    if not isinstance(value, str) or not value:
        raise BundleProblem(
            f"{place}{'.' if place else ''}{key}: must be a text (in quotes, if it looks like a number)"
        )
    return value


def _texts(raw: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = raw.get(key)
    if not isinstance(value, list) or not value or not all(isinstance(part, str) for part in value):
        raise BundleProblem(f"{key}: must be a list of texts (versions of Python in quotes: '3.10' is not 3.1)")
    return tuple(dict.fromkeys(value))
