"""Python environments for worker images, one for each set of requirements, shared by all images that have it.

An environment holds what `sedna.images.requirements` says, made by `sedna.images.installing`; the library lies
beside it (`sedna.images.libraries`). It is made where it stays, since a virtual environment cannot be moved; a file
inside says that it is complete.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from sedna.images.installing import fill, make_empty
from sedna.images.permissions import make_folders
from sedna.images.records import ImageProblem
from sedna.images.references import ENVIRONMENTS
from sedna.images.requirements import DISTRIBUTION, Wanted, wanted_of

COMPLETE = "complete"


def wanted_for(requirements: str) -> Wanted:
    """Return what an image with this requirements.txt needs, the installed library's own needs included."""
    return wanted_of(requirements, library_requirements())


def environment_folder(images_dir: Path, wanted: Wanted) -> Path:
    """Return where the environment stands, or would stand."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (images_dir / ENVIRONMENTS / wanted.environment(version)).absolute()


def environment_for(images_dir: Path, wanted: Wanted, say: Callable[[str], None], wheels: Path | None = None) -> Path:
    """Return the interpreter of an environment, made now if it is not there yet; `wheels`: from that folder alone.

    Raises ImageProblem.
    """
    folder = environment_folder(images_dir, wanted)
    make_folders(folder.parent)
    with alone(folder):
        if not is_complete(folder):
            # What stands there without the mark was interrupted half-way.
            shutil.rmtree(folder, ignore_errors=True)
            _make(folder, wanted, say, wheels)
    return folder / "bin" / "python"


def is_complete(folder: Path) -> bool:
    """Whether an environment may be used: a build that was interrupted left no mark."""
    return (folder / COMPLETE).is_file()


def library_requirements() -> list[str]:
    """Return what the installed library says it needs."""
    try:
        return metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError as error:
        raise ImageProblem(f"{DISTRIBUTION} is not installed, so its requirements are not known") from error


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold an environment's lock: two builds, or a build and a removal, must not meet in the same folder."""
    with folder.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(folder: Path, wanted: Wanted, say: Callable[[str], None], wheels: Path | None) -> None:
    say(f"Making a Python environment in {folder}")
    python = make_empty(folder)
    say(f"Installing {len(wanted.requirements)} requirements into it{f' from {wheels}' if wheels else ''}")
    fill(python, wanted, wheels)
    # After a power cut the mark must not be there without what it stands for; fsync of 20,000 files takes longer.
    os.sync()
    (folder / COMPLETE).write_text(wanted.text(), encoding="utf-8")
    (folder / COMPLETE).chmod(0o644)
