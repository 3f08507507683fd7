"""Pack and unpack archives of models and data, letting nothing out of the folder they are unpacked into.

Used by `sedna.common.file_ops`. A member with a path that leads elsewhere, a link or a device is refused
before anything is written: an archive comes from somewhere else, and links and `../` write where they like.
"""

from __future__ import annotations

import errno
import lzma
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from sedna.common.digests import StrPath, files_below

# RuntimeError: a member is encrypted. NotImplementedError: it is packed by a method that Python does not know.
_DAMAGED = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError,
    NotImplementedError, RuntimeError,
)  # fmt: skip
ARCHIVE_SUFFIXES = (".tar.gz", ".tgz", ".tar", ".zip")


class UnsafeArchiveError(ValueError):
    """An archive that would write outside the folder it is unpacked into, or something else than files."""


def is_archive(path: StrPath) -> bool:
    """Whether the name is one of an archive that `unpack` reads."""
    return str(path).lower().endswith(ARCHIVE_SUFFIXES)


def pack(source: StrPath, target: StrPath) -> None:
    """Write the file, or what is in the folder, `source` to a new `.tar.gz`; names are relative to it."""
    origin = Path(source)
    members = files_below(origin) if origin.is_dir() else [(origin.name, origin)]
    with tarfile.open(target, "w:gz") as archive:
        for name, file in members:
            archive.add(file.resolve(), name)


def unpack(source: StrPath, folder: StrPath) -> None:
    """Unpack a `.tar.gz`, `.tgz`, `.tar` or `.zip` into `folder`, replacing files of the same names.

    Raises UnsafeArchiveError, before writing anything, when a member is not a plain file or folder below
    it, and ValueError when the file is no such archive, or a damaged one.
    """
    try:
        if zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as zipped:
                _extract(list(_zip_members(zipped)), Path(folder))
        else:
            with tarfile.open(source) as tar:
                _extract(list(_tar_members(tar)), Path(folder))
    except _DAMAGED as problem:
        raise ValueError(f"{source} cannot be unpacked: {problem or 'it is cut off'}") from problem
    except OSError as problem:
        # What gzip, bzip2 and a seek to a nonsensical place say of damaged content; a disk's errors have a number.
        if problem.errno not in (None, errno.EINVAL):
            raise
        raise ValueError(f"{source} cannot be unpacked: {problem}") from problem


class _Member:
    def __init__(self, name: str, opened: IO[bytes] | None) -> None:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise UnsafeArchiveError(f"the archive's member {name!r} leads out of its folder")
        self.path = path
        self.opened = opened


def _zip_members(archive: zipfile.ZipFile) -> Iterator[_Member]:
    for info in archive.infolist():
        if not info.filename:
            raise UnsafeArchiveError("a member of the archive has no name")
        # The high half of the attributes is the Unix mode; 0o12 is a link.
        if info.external_attr >> 28 == 0o12:
            raise UnsafeArchiveError(f"the archive's member {info.filename!r} is a link")
        yield _Member(info.filename, None if info.is_dir() else archive.open(info))


def _tar_members(archive: tarfile.TarFile) -> Iterator[_Member]:
    for info in archive:
        if not (info.isfile() or info.isdir()):
            raise UnsafeArchiveError(f"the archive's member {info.name!r} is neither a file nor a folder")
        yield _Member(info.name, archive.extractfile(info) if info.isfile() else None)


def _extract(members: list[_Member], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    top = folder.resolve()
    for member in members:
        target = folder / member.path
        # A link that was there before the archive could lead out as well.
        if not target.resolve().is_relative_to(top):
            raise UnsafeArchiveError(f"{target} leads out of {folder}")
        if member.opened is None:
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with member.opened, target.open("wb") as writer:
            shutil.copyfileobj(member.opened, writer)
