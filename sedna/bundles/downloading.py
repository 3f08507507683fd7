"""Gets wheels for targets other than this machine, by pip; what is there already is not asked for again."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sedna.bundles.errors import BundleProblem
from sedna.bundles.locks import Pin, requirements_text
from sedna.bundles.targets import Target
from sedna.bundles.wheels import Wheel, unmet, wheels_in


@dataclass(frozen=True)
class Pip:
    """The pip that is asked."""

    python: str
    """An interpreter that has pip."""

    def check(self) -> None:
        """Raise BundleProblem when there is none."""
        tried = subprocess.run([self.python, "-m", "pip", "--version"], capture_output=True, text=True, check=False)
        if tried.returncode:
            raise BundleProblem(
                f"{self.python} has no pip; install it (Debian: python3-pip) or name another interpreter in"
                " sedna_bundle_python"
            )

    def run(self, arguments: Sequence[str], failure: str, environment: dict[str, str] | None = None) -> None:
        """Run a command of pip. Raises BundleProblem with the last that pip said."""
        command = [self.python, "-m", "pip", "--disable-pip-version-check", *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, **(environment or {})}
        )
        if done.returncode:
            said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            raise BundleProblem("\n".join([f"{failure}; pip said:", *said[-10:]]))


def pinned(pins: Iterable[Pin], folder: Path, target: Target) -> tuple[list[Wheel], list[Pin]]:
    """Return the wheels in a folder that the pins name for a target, and the pins that have none."""
    there = [wheel for wheel in wheels_in(folder) if wheel.fits(target)]
    found, missing = [], []
    for pin in pins:
        named = [wheel for wheel in there if (wheel.name, wheel.version) == (pin.name, pin.version)]
        whole = [wheel for wheel in named if wheel.digest in pin.hashes]
        found += whole
        if not whole:
            missing.append(pin)
    return found, missing


def download_pinned(pip: Pip, pins: Sequence[Pin], folder: Path, target: Target) -> None:
    """Download exactly what pins name."""
    with tempfile.TemporaryDirectory(prefix="sedna-") as scratch:
        listed = Path(scratch, "requirements.txt")
        listed.write_text(requirements_text(pins, hashes=True), encoding="utf-8")
        words = ["--quiet", "--no-deps", "--require-hashes", "--dest", str(folder), "-r", str(listed)]
        failure = f"not every locked wheel is to be had for Python {target.python} on {target.machine}"
        pip.run(["download", *target.pip_options(), *words], failure)


def download_wanted(
    pip: Pip, requirements: Iterable[str], options: Iterable[str], pins: Sequence[Pin], folder: Path, target: Target
) -> None:
    """Download what requirements need on a target; `pins` say which version, where they name a package.

    pip leaves out what only other Pythons than its own need. That is found in the wheels themselves, and asked for
    in the next turn.
    """
    asked = dict.fromkeys(requirements)
    failure = f"not every wheel is to be had for Python {target.python} on {target.machine}"
    while True:
        with tempfile.TemporaryDirectory(prefix="sedna-") as scratch:
            listed, constraints = Path(scratch, "requirements.txt"), Path(scratch, "constraints.txt")
            listed.write_text("".join(f"{line}\n" for line in (*options, *asked)), encoding="utf-8")
            constraints.write_text(requirements_text(pins, hashes=False), encoding="utf-8")
            words = ["--quiet", "--dest", str(folder), "-c", str(constraints), "-r", str(listed)]
            pip.run(["download", *target.pip_options(), *words], failure)
        wheels = wheels_in(folder)
        missing = [text for text in unmet(asked, wheels, target) if text not in asked]
        if not missing:
            break
        asked.update(dict.fromkeys(missing))
    _check(wheels, pins)
    if left := unmet(asked, wheels, target):
        raise BundleProblem(f"{failure}: {', '.join(left)}")


def _check(wheels: Iterable[Wheel], pins: Iterable[Pin]) -> None:
    locked = {(pin.name, pin.version): pin.hashes for pin in pins}
    for wheel in wheels:
        if wheel.digest not in locked.get((wheel.name, wheel.version), {wheel.digest}):
            raise BundleProblem(f"{wheel.path.name} is not the file that the lock names: its sha256 is {wheel.digest}")
