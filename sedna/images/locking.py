"""One lock for all images in a folder: what a build has made and no image names yet must not be taken for left over.

Builds hold it together, `sedna image remove` and `sedna image prune` (`sedna.images.removing`) each by itself. Whoever
comes at the wrong time waits. That two builds do not make the same environment at once is `environments`' own matter.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sedna.images.permissions import make_folders

# Hidden: no image can be called so.
LOCK = ".images.lock"


@contextmanager
def building(images_dir: Path) -> Iterator[None]:
    """Let nothing be removed meanwhile; waits until what is being removed is gone."""
    make_folders(images_dir)
    with _held(images_dir, fcntl.LOCK_SH):
        yield


@contextmanager
def removing(images_dir: Path) -> Iterator[None]:
    """Let nothing be built meanwhile; waits until what is being built is there, or has failed."""
    with _held(images_dir, fcntl.LOCK_EX):
        yield


@contextmanager
def _held(images_dir: Path, kind: int) -> Iterator[None]:
    file = os.open(images_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        fcntl.flock(file, kind)
        yield
    finally:
        os.close(file)
