"""Makes a bundle what its settings say: builds and downloads what is missing, drops what is not wanted any more.

Every step looks first at what is there, so that a second run does nothing and an interrupted one goes on. The record
is written last; the files it names are whole when it is there.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from sedna.bundles.downloading import Pip, download_pinned, download_wanted, pinned
from sedna.bundles.errors import BundleProblem
from sedna.bundles.locks import Pin, pins_for, requirements_text
from sedna.bundles.projects import build_wheel, source_digest, standing_wheel
from sedna.bundles.records import RECORD, Bundle, BundledImage, Environment, File, Wheelhouse, read_bundle
from sedna.bundles.settings import ImageSettings, Settings
from sedna.bundles.targets import Target
from sedna.bundles.wheels import Wheel, unmet, wheels_in
from sedna.common.digests import file_digest
from sedna.common.publishing import write_atomically
from sedna.images.archives import pack
from sedna.images.records import RECORD as IMAGE_RECORD
from sedna.images.requirements import DISTRIBUTION, Wanted, wanted_of
from sedna.images.sources import REQUIREMENTS, Source, read_source

WHEELS, WHEELHOUSES, IMAGES, IMAGE_WHEELS = "wheels", "wheelhouses", "images", "image_wheels"
# What hosts install: both services and the way to S3, from one lock.
EXTRAS = "gm,lc,s3"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Made:
    """What a run came to."""

    bundle: Bundle
    changed: bool


def make(settings: Settings, pip: Pip, say: Say = lambda _: None) -> Made:
    """Make the bundle. Raises BundleProblem, or ImageProblem for a source that is no image."""
    pip.check()
    standing = read_bundle(settings.bundle)
    # Taken before the build: what is edited meanwhile is built by the next run.
    source = source_digest(settings.project)
    own = _own_wheel(settings, pip, standing, source, say)
    wheels = {target: _service_wheels(settings, pip, own, target, say) for target in settings.targets}
    known = {file.path: file for file in standing.files} if standing else {}
    images = tuple(_image(settings, pip, own, image, say) for image in settings.images)
    bundle = Bundle(
        release=f"{own.version}-{_set_digest(wheel for found in wheels.values() for wheel in found)[:8]}",
        sedna=str(own.version),
        source=source,
        wheelhouses={str(target): _wheelhouse(settings, target, found) for target, found in wheels.items()},
        images=images,
        files=(),
    )
    wanted = sorted(paths_of(bundle))
    bundle = replace(bundle, files=tuple(_file(settings.bundle, path, known) for path in wanted))
    dropped = _drop_others(settings.bundle, set(wanted), say)
    if bundle == standing and not dropped:
        return Made(bundle, changed=False)
    text = yaml.safe_dump(bundle.dump(), sort_keys=False, allow_unicode=True)
    write_atomically(settings.bundle / RECORD, text.encode())
    return Made(bundle, changed=True)


def _own_wheel(settings: Settings, pip: Pip, standing: Bundle | None, source: str, say: Say) -> Wheel:
    folder = settings.bundle / WHEELS
    folder.mkdir(parents=True, exist_ok=True)
    there = usable_wheel(settings, standing, source)
    if there:
        return there
    say(f"Building the wheel of {settings.project}")
    return build_wheel(pip, settings.project, folder)


def usable_wheel(settings: Settings, standing: Bundle | None, source: str) -> Wheel | None:
    """Return the project's wheel if it stands there as the record says, and was built from this code."""
    there = standing_wheel(settings.bundle / WHEELS)
    if there is None or standing is None or standing.source != source:
        return None
    path = f"{WHEELS}/{there.path.name}"
    return there if any((f.path, f.sha256) == (path, there.digest) for f in standing.files) else None


def _service_wheels(settings: Settings, pip: Pip, own: Wheel, target: Target, say: Say) -> list[Wheel]:
    folder = settings.bundle / WHEELS
    pins = pins_for(settings.lock, target)
    found, missing = pinned(pins, folder, target)
    if missing:
        say(f"Downloading {len(missing)} wheels for the services on {target}")
        with tempfile.TemporaryDirectory(prefix=".downloading-", dir=settings.bundle) as scratch:
            download_pinned(pip, missing, Path(scratch), target)
            for wheel in wheels_in(Path(scratch)):
                # Whole, or not under its name.
                wheel.path.replace(folder / wheel.path.name)
        found, missing = pinned(pins, folder, target)
    left = [f"{pin.name}=={pin.version}" for pin in missing]
    left += unmet([f"{DISTRIBUTION}[{EXTRAS}]=={own.version}", "pip"], [own, *found], target)
    if left:
        raise BundleProblem(f"{settings.lock} lacks for {target}: {', '.join(left)}; write it anew with `make lock`")
    return [own, *found]


def _wheelhouse(settings: Settings, target: Target, wheels: list[Wheel]) -> Wheelhouse:
    """Pack what a host of a target needs, with a list by which its pip checks each file."""
    path = f"{WHEELHOUSES}/{target}.tar"
    conditions = {(pin.name, pin.version): pin.condition for pin in pins_for(settings.lock, target)}
    named = [
        Pin(wheel.name, wheel.version, frozenset({wheel.digest}), conditions.get((wheel.name, wheel.version), ""))
        for wheel in wheels
    ]
    files = {wheel.path.name: wheel.path for wheel in wheels}
    with tempfile.TemporaryDirectory(prefix="sedna-") as scratch:
        listed = Path(scratch, REQUIREMENTS)
        listed.write_text(requirements_text(named, hashes=True, conditions=True), encoding="utf-8")
        pack(settings.bundle / path, {**files, REQUIREMENTS: listed}, compressed=False)
    return Wheelhouse(path, file_digest(settings.bundle / path), _newest_pip(wheels).path.name, tuple(sorted(files)))


def _newest_pip(wheels: Iterable[Wheel]) -> Wheel:
    """Return the pip among the services' wheels, which is always one of them."""
    return max((wheel for wheel in wheels if wheel.name == "pip"), key=lambda wheel: wheel.version)


def _image(settings: Settings, pip: Pip, own: Wheel, image: ImageSettings, say: Say) -> BundledImage:
    source = read_source(image.source)
    app = app_path(image)
    # Small, and equal content gives equal bytes: packed each time, noticed only when it differs.
    pack(settings.bundle / app, app_files(source), compressed=True)
    environments = {}
    if source.python is None:
        wanted = wanted_of(source.requirements, own.requires)
        for target in settings.image_targets:
            archive = _image_wheels(settings, pip, image, wanted, target, say)
            environments[str(target)] = Environment(wanted.environment(target.python), archive)
    return BundledImage(image.reference.name, image.reference.tag, app, environments)


def app_files(source: Source) -> dict[str, Path]:
    """Return what an image's archive holds: the code, and what `sedna image build` reads of it."""
    files = {path.as_posix(): source.folder / path for path in source.files}
    extras = {name: source.folder / name for name in (REQUIREMENTS, IMAGE_RECORD) if (source.folder / name).is_file()}
    return files | extras


def _image_wheels(settings: Settings, pip: Pip, image: ImageSettings, wanted: Wanted, target: Target, say: Say) -> str:
    """Return the archive of an environment's wheels, made now if no image before had the same."""
    name = image_wheels_path(wanted, image, target)
    archive = settings.bundle / name
    if archive.is_file():
        return name
    say(f"Downloading the wheels of {image.reference} for {target}")
    pins = pins_for(image.lock, target) if image.lock else ()
    with tempfile.TemporaryDirectory(prefix=".downloading-", dir=settings.bundle) as scratch:
        folder = Path(scratch)
        # Hosts have no pip, or one too old.
        tool = _newest_pip(wheels_in(settings.bundle / WHEELS))
        shutil.copy2(tool.path, folder)
        download_wanted(pip, wanted.requirements, wanted.options, pins, folder, target)
        pack(archive, {wheel.path.name: wheel.path for wheel in wheels_in(folder)}, compressed=False)
    return name


def app_path(image: ImageSettings) -> str:
    """Return where a bundle keeps an image's code."""
    return f"{IMAGES}/{image.reference.name}_{image.reference.tag}/app.tar.gz"


def image_wheels_path(wanted: Wanted, image: ImageSettings, target: Target) -> str:
    """Return where a bundle keeps the wheels of an environment; images that want the same have the same."""
    locked = file_digest(image.lock) if image.lock else ""
    name = hashlib.sha256(f"{wanted.digest}\n{locked}".encode()).hexdigest()[:16]
    return f"{IMAGE_WHEELS}/{name}/{target}.tar"


def paths_of(bundle: Bundle) -> set[str]:
    """Return every file that belongs to a bundle, relative to it."""
    houses = {house.path for house in bundle.wheelhouses.values()}
    wheels = {f"{WHEELS}/{name}" for house in bundle.wheelhouses.values() for name in house.wheels}
    apps = {image.app for image in bundle.images}
    archives = {environment.wheels for image in bundle.images for environment in image.environments.values()}
    return houses | wheels | apps | archives


def _file(folder: Path, path: str, known: dict[str, File]) -> File:
    digest, size = file_digest(folder / path), (folder / path).stat().st_size
    was = known.get(path)
    if was and path.startswith(IMAGE_WHEELS) and digest != was.sha256:
        raise BundleProblem(f"{folder / path} is not what was put there; remove it and run this again")
    return File(path, digest, size)


def _drop_others(folder: Path, wanted: set[str], say: Say) -> bool:
    """Remove what an earlier run put there and this one does not want; tells whether there was any."""
    dropped = False
    for part in (WHEELS, WHEELHOUSES, IMAGES, IMAGE_WHEELS):
        for path in (*sorted((folder / part).rglob("*"), reverse=True), folder / part):
            relative = path.relative_to(folder).as_posix()
            if path.is_file() and relative not in wanted:
                say(f"Removing {relative}")
                path.unlink()
                dropped = True
            elif path.is_dir() and not any(path.iterdir()):
                path.rmdir()
    for left in folder.glob(".downloading-*"):
        shutil.rmtree(left)
    return dropped


def _set_digest(wheels: Iterable[Wheel]) -> str:
    lines = sorted({f"{wheel.digest}  {wheel.path.name}" for wheel in wheels})
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
