"""Wheels in a folder: what they are, what they need, and whether a set of them is all that a target needs."""

from __future__ import annotations

import email
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from sedna.bundles.errors import BundleProblem
from sedna.bundles.targets import Target
from sedna.common.digests import file_digest


@dataclass(frozen=True)
class Wheel:
    """One file."""

    path: Path
    name: str
    version: Version
    tags: frozenset[Tag]

    @cached_property
    def digest(self) -> str:
        """The sha256 of the file."""
        return file_digest(self.path)

    @cached_property
    def requires(self) -> tuple[str, ...]:
        """What its metadata says it needs, as it says it."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                named = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA") and n.count("/") == 1]
                metadata = email.message_from_bytes(archive.read(named[0]))
        except (OSError, zipfile.BadZipFile, IndexError) as error:
            raise BundleProblem(f"{self.path} is no whole wheel: {error}; remove it and run this again") from error
        return tuple(str(value) for value in metadata.get_all("Requires-Dist") or ())

    def fits(self, target: Target) -> bool:
        """Whether it can be installed on such a host."""
        return not self.tags.isdisjoint(target.tags)


def wheels_in(folder: Path) -> list[Wheel]:
    """Return the wheels in a folder. Raises BundleProblem for a file that is called like none."""
    found = []
    for path in sorted(folder.glob("*.whl")):
        try:
            name, version, _, tags = parse_wheel_filename(path.name)
        except InvalidWheelFilename as error:
            raise BundleProblem(f"{path} is not named as a wheel: {error}") from error
        found.append(Wheel(path, name, version, tags))
    return found


def unmet(wanted: Iterable[str], wheels: Iterable[Wheel], target: Target) -> list[str]:
    """Return the requirements, direct or of a wheel, that no wheel of the set meets on a target."""
    by_name: dict[str, list[Wheel]] = {}
    for wheel in wheels:
        if wheel.fits(target):
            by_name.setdefault(wheel.name, []).append(wheel)
    missing: dict[str, None] = {}
    seen: set[tuple[Path, frozenset[str]]] = set()
    waiting = [(_requirement(text), frozenset[str]()) for text in wanted]
    while waiting:
        requirement, extras = waiting.pop()
        if not target.meets(requirement.marker, extras):
            continue
        met = list(_meeting(requirement, by_name))
        if not met:
            requirement.marker = None
            missing[str(requirement)] = None
        for wheel in met:
            key = (wheel.path, frozenset(requirement.extras))
            if key not in seen:
                seen.add(key)
                waiting += [(_requirement(text), frozenset(requirement.extras)) for text in wheel.requires]
    return sorted(missing)


def _requirement(text: str) -> Requirement:
    try:
        # What follows is for pip, such as hashes.
        return Requirement(text.partition(" --")[0])
    except InvalidRequirement as error:
        raise BundleProblem(f"{text!r} is no requirement: {error}") from error


def _meeting(requirement: Requirement, by_name: dict[str, list[Wheel]]) -> Iterator[Wheel]:
    for wheel in by_name.get(canonicalize_name(requirement.name), ()):
        if requirement.specifier.contains(wheel.version, prereleases=True):
            yield wheel
