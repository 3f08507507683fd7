"""Pack and unpack archives of models and data, letting nothing out of the folder they are unpacked into.

Used by `sedna.common.file_ops`. A member with a path that leads elsewhere, a link or a device is refused
before anything is written: an archive comes from somewhere else, and links and `../` write where they like.
"""

from __future__ import annotations

import errno
import lzma
import os
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from sedna.common.digests import StrPath, files_below

ARCHIVE_SUFFIXES = (".tar.gz", ".tgz", ".tar", ".zip")
# What Linux takes for a path and for a name.
_LONGEST_PATH = 4096
_LONGEST_NAME = 255
# No model and no data set is like this; a bomb of a few megabytes is.
_DEEPEST = 100
_MOST_MEMBERS = 1_000_000
# What the standard library raises for archives that are damaged, or made to look so.
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    IndexError,
    KeyError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    UnicodeError,
)


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
    it, ValueError when the file is no such archive or is damaged, and OSError when it cannot be read or written.
    """
    try:
        if zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as zipped:
                _extract(list(_zip_members(zipped)), Path(folder))
        else:
            with tarfile.open(source) as tar:
                _extract(list(_tar_members(tar)), Path(folder))
    except _DAMAGED as problem:
        raise ValueError(f"{source} cannot be unpacked: {problem}") from problem
    except OSError as problem:
        # The decompressors raise it, too, and then without a number; a damaged zip has one sought before its beginning.
        if problem.errno not in (None, errno.EINVAL):
            raise
        raise ValueError(f"{source} cannot be unpacked: {problem}") from problem


class _Member:
    def __init__(self, name: str, size: int, opened: IO[bytes] | None) -> None:
        self.path = safe_path(name)
        self.size = size
        self.opened = opened
        if opened is not None and self.path == PurePosixPath():
            raise UnsafeArchiveError(f"the archive's member {name[:80]!r} is a file without a name")


def safe_path(name: str) -> PurePosixPath:
    """The relative path that a member's name stands for; raises UnsafeArchiveError for one that no file can have."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise UnsafeArchiveError(f"the archive's member {name[:80]!r} leads out of its folder")
    if "\0" in name:
        raise UnsafeArchiveError(f"the archive's member {name[:80]!r} holds a NUL character")
    try:
        lengths = [len(os.fsencode(part)) for part in path.parts]
    except UnicodeEncodeError:
        raise UnsafeArchiveError(f"the archive's member {name[:80]!r} has a name that no file can have") from None
    if max(lengths, default=0) > _LONGEST_NAME or sum(lengths) + len(lengths) > _LONGEST_PATH:
        raise UnsafeArchiveError(f"the archive's member {name[:80]!r}… has a longer name than a file can have")
    if len(lengths) > _DEEPEST:
        raise UnsafeArchiveError(f"the archive's member {name[:80]!r}… lies more than {_DEEPEST} folders deep")
    return path


def _zip_members(archive: zipfile.ZipFile) -> Iterator[_Member]:
    for number, info in enumerate(archive.infolist()):
        _check_number(number)
        # The high half of the attributes is the Unix mode; zero where another system made the archive.
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise UnsafeArchiveError(f"the archive's member {info.filename[:80]!r} is neither a file nor a folder")
        yield _Member(info.orig_filename, info.file_size, None if info.is_dir() else archive.open(info))


def _tar_members(archive: tarfile.TarFile) -> Iterator[_Member]:
    for number, info in enumerate(archive):
        _check_number(number)
        if not (info.isfile() or info.isdir()):
            raise UnsafeArchiveError(f"the archive's member {info.name[:80]!r} is neither a file nor a folder")
        yield _Member(info.name, info.size, archive.extractfile(info) if info.isfile() else None)


def _check_number(number: int) -> None:
    if number >= _MOST_MEMBERS:
        raise UnsafeArchiveError(f"the archive has more than {_MOST_MEMBERS} members")


def _extract(members: list[_Member], folder: Path) -> None:
    _check_shape(members)
    folder.mkdir(parents=True, exist_ok=True)
    top = folder.resolve()
    for member in members:
        target = folder / member.path
        # A link that was there before the archive could lead out as well.
        if not target.resolve().is_relative_to(top):
            raise UnsafeArchiveError(f"{target} leads out of {folder}")
    needed = sum(member.size for member in members)
    if needed > (free := shutil.disk_usage(folder).free):
        raise OSError(errno.ENOSPC, f"{needed} bytes are to be unpacked, and {free} are free", str(folder))
    for member in members:
        target = folder / member.path
        if member.opened is None:
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        # A new file, not the old one's bytes: that may have another name elsewhere, as a link.
        target.unlink(missing_ok=True)
        with member.opened, target.open("xb") as writer:
            shutil.copyfileobj(member.opened, writer)


def _check_shape(members: list[_Member]) -> None:
    files = {member.path for member in members if member.opened is not None}
    for member in members:
        if member.size < 0:
            raise UnsafeArchiveError(f"the archive's member {str(member.path)[:80]!r} has a negative size")
        above = {member.path, *member.path.parents} if member.opened is None else set(member.path.parents)
        if both := above & files:
            raise UnsafeArchiveError(f"the archive has {str(min(both))[:80]!r} as a file and as a folder")
