"""Makes folders and files for workers, step by step, and follows no link on the way.

Workers own the folders above their next output; a link that one puts there must not make this program, which is root,
create something elsewhere and give it away. Used by `sedna_lc.preparing` with paths that have been resolved and judged
(`sedna_lc.guarded`): a link that is met now has come since.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
Owner = tuple[int, int]


def make_folder(path: Path, owner: Owner | None, *, hand_over: bool = False) -> None:
    """Make a folder and those above it; new ones change hands, and with `hand_over` also one that is there already.

    Raises OSError, which names the whole path.
    """
    with _naming(path):
        above = _walk(path.parent, owner)
        try:
            if path.name and not _make(above, path.name, owner) and hand_over and owner is not None:
                _give(above, path.name, owner)
        finally:
            os.close(above)


def make_file(path: Path, owner: Owner | None) -> None:
    """Make an empty file in a folder that is there. Raises OSError, which names the whole path."""
    with _naming(path):
        above = _walk(path.parent, None, make=False)
        try:
            descriptor = os.open(path.name, _CREATE, 0o644, dir_fd=above)
            try:
                if owner is not None:
                    os.fchown(descriptor, *owner)
            finally:
                os.close(descriptor)
        finally:
            os.close(above)


@contextlib.contextmanager
def entered(path: Path) -> Iterator[int]:
    """Hold a folder that is there, for calls that take a `dir_fd`. Raises OSError, which names the whole path."""
    with _naming(path):
        descriptor = _walk(path, None, make=False)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _walk(path: Path, owner: Owner | None, *, make: bool = True) -> int:
    """Return a descriptor of a folder; the caller closes it."""
    here = os.open("/", _STEP)
    for name in path.parts[1:]:
        try:
            if make:
                _make(here, name, owner)
            below = os.open(name, _STEP, dir_fd=here)
        finally:
            os.close(here)
        here = below
    return here


def _make(above: int, name: str, owner: Owner | None) -> bool:
    """Make a folder unless it is there; tell whether it was made."""
    try:
        os.close(os.open(name, _STEP, dir_fd=above))
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o755, dir_fd=above)
            if owner is not None:
                _give(above, name, owner)
            return True
        # Somebody was faster; what it is, the next step tells.
        os.close(os.open(name, _STEP, dir_fd=above))
    return False


def _give(above: int, name: str, owner: Owner) -> None:
    descriptor = os.open(name, _OPEN, dir_fd=above)
    try:
        os.fchown(descriptor, *owner)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        # The call knew only the last step of the way.
        raise OSError(problem.errno, problem.strerror, str(path)) from problem
