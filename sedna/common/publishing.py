"""Files appear whole or not at all: write beside the target, sync, rename.

Whoever reads a model, a hot-update file or a report while it is being written sees the old content or
the new one, never a part, even across a power cut. Digests come from `sedna.common.digests`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path

from sedna.common.digests import StrPath, digest, files_below
from sedna.common.faults import reached

# Hidden, so that neither a dataset's glob nor a model loader takes a half-written file for a whole one.
_TEMPORARY_PREFIX = ".sedna-"
_TEMPORARY_SUFFIX = ".tmp"


class ContentChangedError(OSError):
    """What was copied is not what was asked for: the source changed meanwhile, or the disk lies."""


def write_atomically(path: StrPath, data: bytes, *, mode: int = 0o644, synced: bool = True) -> None:
    """Make `path` a file with exactly these bytes, replacing an older file of that name.

    Missing parent folders are made. `mode` is subject to the umask. With `synced=False` it returns before the disk has
    it, whole for every reader, but a power cut may undo it until `sync_file`. Raises OSError and leaves both the
    old file and the folder as they were when it cannot be done.
    """
    target = Path(path)
    _make_folder(target.parent)
    temporary = _temporary_beside(target)
    try:
        _write(temporary, data, mode, synced=synced)
        reached("file.publish.before")
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if synced:
        sync_folder(target.parent)


def copy_atomically(source: StrPath, target: StrPath, *, sha256: str | None = None) -> str:
    """Make `target` a copy of the file or folder `source` and return its digest.

    Links inside are followed. The copy is read back and compared before it gets its name, with `sha256`
    when it is given, else with the source as it is after the copy. A file replaces an older file in one
    step. A folder that already holds the same content is left alone; one with other content is moved
    aside first, so for an instant the name is absent, but it never names a part. Raises
    ContentChangedError on different content, FileNotFoundError without a source.
    """
    origin, goal = Path(source), Path(target)
    is_folder = origin.is_dir()
    if is_folder and goal.absolute().is_relative_to(origin.absolute()):
        raise ValueError(f"{goal} is inside {origin}, the folder to be copied")
    _make_folder(goal.parent)
    temporary = _temporary_beside(goal)
    try:
        (_copy_folder if is_folder else _copy_file)(origin, temporary)
        copied = digest(temporary)
        wanted = sha256 or digest(origin)
        if copied != wanted:
            raise ContentChangedError(f"the copy of {origin} has sha256 {copied}, not {wanted} as expected")
        reached("file.copy.before")
        _give_name(temporary, goal, copied)
    finally:
        _remove(temporary)
    sync_folder(goal.parent)
    return copied


def sync_file(path: StrPath) -> None:
    """Force a file and its name to disk; FileNotFoundError when it is gone."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(Path(path).parent)


def sync_folder(path: StrPath) -> None:
    """Force the names in a folder to disk: after a power cut a rename is otherwise undone."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(folder: StrPath) -> None:
    """Delete what a killed writer left in `folder`; call it only where no other writer is at work."""
    for entry in Path(folder).glob(f"{_TEMPORARY_PREFIX}*{_TEMPORARY_SUFFIX}"):
        _remove(entry)


def _temporary_beside(target: Path) -> Path:
    # Beside the target, because a rename is atomic within one filesystem only.
    return target.parent / f"{_TEMPORARY_PREFIX}{secrets.token_hex(8)}{_TEMPORARY_SUFFIX}"


def _make_folder(folder: Path) -> None:
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        sync_folder(one.parent)


def _write(path: Path, data: bytes, mode: int, *, synced: bool) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        if synced:
            os.fsync(file.fileno())


def _copy_file(source: Path, target: Path) -> None:
    # Permissions are not copied: a model trained by one user is served by another.
    with source.open("rb") as reader, target.open("xb") as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)
        writer.flush()
        os.fsync(writer.fileno())


def _copy_folder(source: Path, target: Path) -> None:
    target.mkdir()
    folders = {target}
    # A loader may expect an empty folder to be there (a SavedModel's assets), so the folders come first.
    for folder, _, _ in os.walk(source):
        made = target / Path(folder).relative_to(source)
        made.mkdir(exist_ok=True)
        folders.add(made)
    for relative, file in files_below(source):
        goal = target / relative
        goal.parent.mkdir(parents=True, exist_ok=True)
        folders.add(goal.parent)
        _copy_file(file, goal)
    for made in folders:
        sync_folder(made)


def _give_name(temporary: Path, target: Path, content: str) -> None:
    if not temporary.is_dir():
        temporary.replace(target)
        return
    if not os.path.lexists(target):
        temporary.rename(target)
        return
    if target.is_dir() and digest(target) == content:
        return
    aside = _temporary_beside(target)
    target.rename(aside)
    try:
        temporary.rename(target)
    except BaseException:
        aside.rename(target)
        raise
    _remove(aside)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
