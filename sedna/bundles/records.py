"""`bundle.yml`: what a bundle says about itself. Written once it is whole; the roles read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sedna.bundles.errors import BundleProblem

RECORD = "bundle.yml"


@dataclass(frozen=True)
class Environment:
    """What an image's environment is made from on one target."""

    name: str
    """How the host will call it (`sedna.images.requirements`)."""
    wheels: str
    """Its archive of wheels, relative to the bundle."""


@dataclass(frozen=True)
class BundledImage:
    """One worker image."""

    name: str
    tag: str
    app: str
    """Its archive of code, relative to the bundle."""
    environments: Mapping[str, Environment] = field(default_factory=dict)
    """By target; empty for an image that shares an interpreter of its host."""


@dataclass(frozen=True)
class File:
    """One file of a bundle."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Wheelhouse:
    """What the services need on one target, in one archive with a requirements.txt."""

    path: str
    """Relative to the bundle."""
    sha256: str
    pip: str
    """Name of the wheel of pip in it, which installs the others."""
    wheels: tuple[str, ...]
    """Names of all wheels in it; they lie in the folder `wheels` as well."""


@dataclass(frozen=True)
class Bundle:
    """Everything that a bundle holds."""

    release: str
    """How hosts call the installation: the version and a digest of the wheels."""
    sedna: str
    """Version of this project."""
    source: str
    """Digest of the code that the project's own wheel was built from."""
    wheelhouses: Mapping[str, Wheelhouse]
    """By target, such as `3.11-x86_64`."""
    images: tuple[BundledImage, ...]
    files: tuple[File, ...]

    def dump(self) -> dict[str, Any]:
        """Return the content of bundle.yml."""
        return {
            "release": self.release,
            "sedna": self.sedna,
            "source": self.source,
            "wheelhouses": {
                target: {"path": house.path, "sha256": house.sha256, "pip": house.pip, "wheels": list(house.wheels)}
                for target, house in self.wheelhouses.items()
            },
            "images": [
                {
                    "name": image.name,
                    "tag": image.tag,
                    "app": image.app,
                    "environments": {
                        target: {"name": environment.name, "wheels": environment.wheels}
                        for target, environment in image.environments.items()
                    },
                }
                for image in self.images
            ],
            "files": [{"path": file.path, "sha256": file.sha256, "size": file.size} for file in self.files],
        }


def read_bundle(folder: Path) -> Bundle | None:
    """Read what a bundle says about itself; None when there is none. Raises BundleProblem."""
    path = folder / RECORD
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise BundleProblem(f"{path} cannot be read: {error}") from error
    try:
        return Bundle(
            release=raw["release"],
            sedna=raw["sedna"],
            source=raw["source"],
            wheelhouses={
                target: Wheelhouse(house["path"], house["sha256"], house["pip"], tuple(house["wheels"]))
                for target, house in raw["wheelhouses"].items()
            },
            images=tuple(_image(image) for image in raw["images"]),
            files=tuple(File(file["path"], file["sha256"], file["size"]) for file in raw["files"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise BundleProblem(
            f"{path} is no record of a bundle ({error!r}); remove it and make the bundle anew"
        ) from error


def _image(raw: Mapping[str, Any]) -> BundledImage:
    environments = {target: Environment(e["name"], e["wheels"]) for target, e in raw["environments"].items()}
    return BundledImage(raw["name"], raw["tag"], raw["app"], environments)
