"""Makes an empty Python environment and has pip fill it, with or without a network.

Hosts differ in what they have: Debian's python3 alone has neither ensurepip nor pip. So the environment is made
without pip, and the first pip at hand fills it from outside: the wheelhouse's own wheel, the pip of the Python
that runs this, or the one that ensurepip unpacks. Called by `sedna.images.environments`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata, util
from pathlib import Path

from sedna.images.records import ImageProblem
from sedna.images.requirements import Wanted

# The first that fills another interpreter's environment (`--python`).
_PIP_FROM_OUTSIDE = (22, 3)
# Workers run as another user than the one who builds, whatever umask that one has.
UMASK = 0o022


def base_python() -> Path:
    """Return the interpreter below any virtual environment that this runs in.

    An environment on top of it stays when that virtual environment (a release of Sedna) goes.
    """
    return Path(sys.executable).resolve()


def make_empty(folder: Path) -> Path:
    """Make an environment with nothing in it and return its interpreter. Raises ImageProblem."""
    run([str(base_python()), "-m", "venv", "--without-pip", "--symlinks", str(folder)], "no virtual environment")
    python = folder / "bin" / "python"
    if not python.exists():
        raise ImageProblem(f"no virtual environment: {base_python()} -m venv made no {python}")
    return python


def fill(python: Path, wanted: Wanted, wheels: Path | None) -> None:
    """Install what is wanted; from a folder of wheels and nowhere else, when it is given. Raises ImageProblem."""
    listed = python.parent.parent / "requirements.txt"
    listed.write_text(wanted.text(offline=wheels is not None), encoding="utf-8")
    listed.chmod(0o644)
    # Isolated: settings of whoever builds could lead to an index after all. Quiet: there is no download to watch.
    sources = ["--isolated", "--quiet", "--no-index", "--find-links", str(wheels)] if wheels else []
    command = [*_pip(python, wheels), "install", "--disable-pip-version-check", *sources, "-r", str(listed)]
    where = f"from {wheels}" if wheels else "from the package index"
    run(command, f"pip could not install the requirements {where}")


def run(command: list[str], failure: str) -> None:
    """Run a program that a person waits for: what it prints goes to them. Raises ImageProblem."""
    if subprocess.run(command, check=False, umask=UMASK).returncode:
        raise ImageProblem(f"{failure} (see above)")


def _pip(python: Path, wheels: Path | None) -> list[str]:
    """Return the command of a pip that installs for `python`."""
    bundled = sorted(wheels.glob("pip-*.whl"), key=_version) if wheels else []
    if bundled:
        # A wheel of pip is a program that Python can run without unpacking it.
        return [str(python), f"{bundled[-1]}/pip"]
    if util.find_spec("pip") is not None and _numbers(metadata.version("pip")) >= _PIP_FROM_OUTSIDE:
        return [sys.executable, "-m", "pip", "--python", str(python)]
    if subprocess.run([str(python), "-c", "import ensurepip"], capture_output=True, check=False).returncode:
        raise ImageProblem(
            f"there is no pip: neither {sys.executable} nor {base_python()} brings one. Give --wheels with a folder"
            " that holds pip-*.whl, or install the host's package python3-venv"
        )
    run([str(python), "-m", "ensurepip", "--default-pip"], "ensurepip could not unpack pip")
    return [str(python), "-m", "pip"]


def _version(wheel: Path) -> tuple[int, ...]:
    return _numbers(wheel.name.split("-")[1])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", version))
