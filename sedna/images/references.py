"""Names of worker images: `NAME:TAG`, written as container images are, so that the original's manifests fit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DEFAULT_TAG = "latest"
# A component becomes a folder: no dots alone, nothing hidden, nothing that a shell would have to quote.
_COMPONENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(:[0-9]{1,5})?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
ENVIRONMENTS = "environments"
LIBRARIES = "libraries"
# Folders beside the images, which hold what images share.
RESERVED = {ENVIRONMENTS: "Python environments are kept", LIBRARIES: "copies of the sedna library are kept"}


@dataclass(frozen=True, order=True)
class ImageReference:
    """Which image is meant."""

    name: str
    tag: str

    def __str__(self) -> str:
        return f"{self.name}:{self.tag}"

    def folder(self, images_dir: Path) -> Path:
        """Return where the image stands, or would stand."""
        return images_dir / self.name / self.tag


def parse(text: str) -> ImageReference:
    """Read `NAME:TAG`; without a tag, `latest`. Raises ValueError with what is wrong."""
    name, tag = text, DEFAULT_TAG
    # `host:5000/name` has a colon too; a tag's colon comes after the last slash.
    colon = text.rfind(":")
    if colon > text.rfind("/"):
        name, tag = text[:colon], text[colon + 1 :]
    components = name.split("/")
    for number, component in enumerate(components):
        matched = _COMPONENT.fullmatch(component)
        if not matched or (matched.group(1) and number):
            raise ValueError(f"{text!r} is no image name: {component!r} is not letters, digits, '.', '_' and '-'")
    if components[0] in RESERVED:
        raise ValueError(f"{text!r} is no image name: {components[0]!r} is where {RESERVED[components[0]]}")
    if not _TAG.fullmatch(tag):
        raise ValueError(f"{text!r} has no usable tag: {tag!r}")
    return ImageReference(name, tag)
