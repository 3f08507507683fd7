"""The project's own wheel, built from a checkout: the same code gives the same file, and is built once."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sedna.bundles.downloading import Pip
from sedna.bundles.errors import BundleProblem
from sedna.bundles.wheels import Wheel, wheels_in
from sedna.common.digests import file_digest
from sedna.images.permissions import make_readable
from sedna.images.requirements import DISTRIBUTION

# What the wheel is made from, and nothing else: a stale build/ or a virtual environment must not get in.
_DESCRIBED_IN = ("pyproject.toml", "README.md", "LICENSE")
_PACKAGES = "sedna*/__init__.py"
_PAGES = "man/*.1"
# zip's first moment: a wheel must not differ because it was built today.
_EPOCH = {"SOURCE_DATE_EPOCH": "315532800"}


def source_digest(project: Path) -> str:
    """Return one hash over everything that the wheel is made from. Raises BundleProblem when it is no checkout."""
    lines = [f"{file_digest(path)}  {path.relative_to(project).as_posix()}" for path in _files(project)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def standing_wheel(folder: Path) -> Wheel | None:
    """Return the project's wheel in a folder."""
    return next((wheel for wheel in wheels_in(folder) if wheel.name == DISTRIBUTION), None)


def build_wheel(pip: Pip, project: Path, folder: Path) -> Wheel:
    """Build the wheel from a checkout into a folder, in place of an older one."""
    with tempfile.TemporaryDirectory(prefix="sedna-") as scratch:
        source, built = Path(scratch, "source"), Path(scratch, "built")
        for path in _files(project):
            target = source / path.relative_to(project)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
        # Modes are part of a wheel, and differ with who cloned.
        make_readable(source)
        words = ["wheel", "--quiet", "--no-deps", "--wheel-dir", str(built), str(source)]
        pip.run(words, f"the wheel of {project} could not be built", _EPOCH)
        made = standing_wheel(built)
        if made is None:
            raise BundleProblem(f"{project} is not the project {DISTRIBUTION}: no wheel of that name came of it")
        old = standing_wheel(folder)
        if old is not None:
            old.path.unlink()
        shutil.move(made.path, folder / made.path.name)
    wheel = standing_wheel(folder)
    if wheel is None:
        raise BundleProblem(f"{folder / made.path.name} vanished as soon as it was built")
    return wheel


def _files(project: Path) -> Iterator[Path]:
    if not (project / "pyproject.toml").is_file():
        raise BundleProblem(f"{project} is no checkout: it holds no pyproject.toml")
    described = [project / name for name in _DESCRIBED_IN if (project / name).is_file()]
    code = [
        path
        for package in sorted(project.glob(_PACKAGES))
        for path in sorted(package.parent.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]
    yield from (*described, *code, *sorted(project.glob(_PAGES)))
