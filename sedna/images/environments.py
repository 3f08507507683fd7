"""Python environments for worker images, one for each set of requirements, shared by all images that have it.

An environment holds what requirements.txt names and this very `sedna` library with what it needs. It is made
where it stays, since a virtual environment cannot be moved; a file inside says that it is complete.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import sedna
from sedna.common.digests import file_digest
from sedna.images.records import ImageProblem
from sedna.images.references import ENVIRONMENTS

DISTRIBUTION = "sedna-metal"
_COMPLETE = "complete"


def environment_for(images_dir: Path, requirements: str, say: Callable[[str], None]) -> Path:
    """Return the interpreter of the environment for a requirements text, made now if it is not there yet."""
    folder = (images_dir / ENVIRONMENTS / environment_hash(requirements)[:16]).absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    python = folder / "bin" / "python"
    with _alone(folder.with_suffix(".lock")):
        if not (folder / _COMPLETE).exists():
            # What stands there without the mark was interrupted half-way.
            shutil.rmtree(folder, ignore_errors=True)
            _make(folder, python, requirements, say)
            (folder / _COMPLETE).write_text(requirements, encoding="utf-8")
    return python


def environment_hash(requirements: str) -> str:
    """Return what makes two environments the same: requirements, interpreter version and the library in it."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return hashlib.sha256("\n".join([requirements, version, _library_digest()]).encode()).hexdigest()


def _library() -> Path:
    return Path(sedna.__file__).parent


def _library_digest() -> str:
    lines = [
        f"{file_digest(path)}  {path.relative_to(_library()).as_posix()}" for path in sorted(_library().rglob("*.py"))
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _make(folder: Path, python: Path, requirements: str, say: Callable[[str], None]) -> None:
    say(f"Making a Python environment in {folder}")
    _run([sys.executable, "-m", "venv", str(folder)], "the virtual environment could not be made")
    wanted = [*_library_requirements(), *_lines(requirements)]
    say(f"Installing {len(wanted)} requirements into it")
    listed = folder / "requirements.txt"
    listed.write_text("\n".join(wanted) + "\n", encoding="utf-8")
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "-r", str(listed)]
    _run(pip, "pip could not install the requirements")
    found = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    # The library is copied rather than installed: the one that builds is the one that runs, with no index asked.
    shutil.copytree(_library(), Path(found.stdout.strip()) / "sedna", ignore=shutil.ignore_patterns("__pycache__"))


def _library_requirements() -> list[str]:
    """Return what the library itself needs (no extras)."""
    try:
        named = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError as error:
        raise ImageProblem(f"{DISTRIBUTION} is not installed, so its requirements are not known") from error
    return [requirement for requirement in named if "extra ==" not in requirement]


def _lines(requirements: str) -> list[str]:
    """Return the lines of a requirements.txt, without the library itself, which comes along anyway."""
    return [line for line in requirements.splitlines() if not line.strip().startswith(DISTRIBUTION)]


def _run(command: list[str], failure: str) -> None:
    # pip's progress bars belong to the person who waits: its output is not captured.
    if subprocess.run(command, check=False).returncode:
        raise ImageProblem(f"{failure} (see above)")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock file: two builds with the same requirements must not fill the same folder."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
