"""Copies of the `sedna` library for worker images: `<images dir>/libraries/<digest>/sedna/`.

Each version lies by itself, beside the environments, so that an upgrade of Sedna costs no new TensorFlow, and a
running worker keeps the very files it started with. A worker's PYTHONPATH ends with the folder that its image names.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

import sedna
from sedna.common.digests import file_digest
from sedna.common.publishing import sync_folder
from sedna.images.compiling import compile_folder
from sedna.images.permissions import make_folders, make_readable
from sedna.images.references import LIBRARIES


def library_for(images_dir: Path, python: Path) -> Path:
    """Return the folder with this very library, put there now if it is not; `python` compiles it."""
    folder = library_folder(images_dir)
    if folder.is_dir():
        return folder
    make_folders(folder.parent)
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        shutil.copytree(_library(), building / "sedna", ignore=shutil.ignore_patterns("__pycache__"))
        compile_folder(building, python, known_as=folder)
        make_readable(building)
        try:
            building.rename(folder)
        except OSError:
            # Another build was faster with the same files; anything else is an error.
            if not folder.is_dir():
                raise
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return folder


def library_folder(images_dir: Path) -> Path:
    """Return where this very library stands for the images in a folder, or would stand."""
    return (images_dir / LIBRARIES / library_digest()[:16]).absolute()


def library_digest() -> str:
    """Return one hash over the library that runs this."""
    lines = [
        f"{file_digest(path)}  {path.relative_to(_library()).as_posix()}"
        for path in sorted(_library().rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _library() -> Path:
    return Path(sedna.__file__).parent
