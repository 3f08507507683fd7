"""Lock files as `make lock` writes them: versions with hashes, some of them for certain hosts only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from sedna.bundles.errors import BundleProblem
from sedna.bundles.targets import Target


@dataclass(frozen=True)
class Pin:
    """One version of one package, by the hashes of its files."""

    name: str
    version: Version
    hashes: frozenset[str]
    """sha256 of each of its files."""
    condition: str = ""
    """Marker under which it is meant; two versions of a package may each have their own."""


def pins_for(path: Path, target: Target) -> tuple[Pin, ...]:
    """Return what a lock file names for a target. Raises BundleProblem."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BundleProblem(f"{path}: {error.strerror}; a lock file is written by `make lock`") from error
    pins = []
    for entry in _entries(text):
        words = entry.split("--hash=")
        try:
            requirement = Requirement(words[0].strip())
        except InvalidRequirement as error:
            raise BundleProblem(f"{path}: {words[0].strip()!r} is no requirement: {error}") from error
        if target.meets(requirement.marker):
            pins.append(_pin(path, requirement, words[1:]))
    return tuple(pins)


def requirements_text(pins: Iterable[Pin], *, hashes: bool, conditions: bool = False) -> str:
    """Return pins as a requirements file; without hashes, pip takes it as constraints.

    Conditions are for the pip of the host itself; another one would judge them by its own Python.
    """
    lines = []
    for pin in pins:
        words = [f"{pin.name}=={pin.version}"]
        words += [f"; {pin.condition}"] if conditions and pin.condition else []
        words += [f"--hash=sha256:{digest}" for digest in sorted(pin.hashes)] if hashes else []
        lines.append(" ".join(words))
    return "\n".join(lines) + "\n"


def _entries(text: str) -> Iterable[str]:
    joined = re.sub(r"\\\r?\n", " ", text)
    lines = (re.sub(r"(^|\s)#.*$", "", line).strip() for line in joined.splitlines())
    return [line for line in lines if line and not line.startswith("-")]


def _pin(path: Path, requirement: Requirement, hashes: Iterable[str]) -> Pin:
    version = re.fullmatch(r"===?([^,*]+)", str(requirement.specifier))
    digests = frozenset(digest.strip().removeprefix("sha256:") for digest in hashes)
    if version is None or not digests:
        raise BundleProblem(
            f"{path}: {requirement.name} has no version or no hash; a lock file is written by `make lock`"
        )
    return Pin(canonicalize_name(requirement.name), Version(version[1]), digests, str(requirement.marker or ""))
