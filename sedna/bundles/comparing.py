"""Tells what a bundle lacks, and touches nothing: the check mode of `playbooks/bundle.yml`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from sedna.bundles.downloading import pinned
from sedna.bundles.locks import pins_for
from sedna.bundles.making import WHEELS, app_files, app_path, image_wheels_path, usable_wheel
from sedna.bundles.projects import source_digest
from sedna.bundles.records import Bundle, read_bundle
from sedna.bundles.settings import ImageSettings, Settings
from sedna.bundles.wheels import Wheel
from sedna.common.digests import file_digest
from sedna.images.archives import pack
from sedna.images.requirements import wanted_of
from sedna.images.sources import read_source


def differences(settings: Settings) -> list[str]:
    """Return what would be made or dropped, a sentence each; none, when there is nothing to do."""
    standing = read_bundle(settings.bundle)
    own = usable_wheel(settings, standing, source_digest(settings.project))
    if standing is None or own is None:
        return [f"The wheel of {settings.project} would be built, and what is missing downloaded."]
    return [*_services(settings, standing), *_images(settings, standing, own)]


def _services(settings: Settings, standing: Bundle) -> Iterator[str]:
    for target in settings.targets:
        _, missing = pinned(pins_for(settings.lock, target), settings.bundle / WHEELS, target)
        if missing:
            yield f"{len(missing)} wheels for the services on {target} would be downloaded."
    for name in sorted(standing.wheelhouses.keys() - {str(target) for target in settings.targets}):
        yield f"What is for {name} would be removed."


def _images(settings: Settings, standing: Bundle, own: Wheel) -> Iterator[str]:
    known = {file.path: file.sha256 for file in standing.files}
    for image in settings.images:
        if known.get(app_path(image)) != _app_digest(image):
            yield f"The code of {image.reference} would be packed."
        source = read_source(image.source)
        if source.python is None:
            wanted = wanted_of(source.requirements, own.requires)
            for target in settings.image_targets:
                if not (settings.bundle / image_wheels_path(wanted, image, target)).is_file():
                    yield f"The wheels of {image.reference} for {target} would be downloaded."
    wished = {str(image.reference) for image in settings.images}
    for name in sorted({f"{image.name}:{image.tag}" for image in standing.images} - wished):
        yield f"{name} would be removed."


def _app_digest(image: ImageSettings) -> str:
    with tempfile.TemporaryDirectory(prefix="sedna-") as scratch:
        archive = Path(scratch, "app.tar.gz")
        pack(archive, app_files(read_source(image.source)), compressed=True)
        return file_digest(archive)
