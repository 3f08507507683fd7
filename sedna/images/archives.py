"""Sources and wheelhouses in one file each, so that a bundle brings them to a host in one go.

Packed the same way every time: equal content gives equal bytes, whoever packs it and when. Unpacked with distrust:
a member that is no plain file below the folder is refused.
"""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sedna.common.archives import UnsafeArchiveError, safe_path
from sedna.common.publishing import sync_folder
from sedna.images.records import ImageProblem

# zip's first year, and a time that no clock of a build machine ever shows.
_TIME = 315532800
_CHUNK = 1 << 20


def pack(archive: Path, files: Mapping[str, Path], *, compressed: bool) -> None:
    """Write files under their names into a tar archive, published by rename."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".sedna-", dir=archive.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as raw:
            if compressed:
                with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=_TIME) as zipped:
                    _write(zipped, files)
            else:
                _write(raw, files)
        temporary.chmod(0o644)
        temporary.replace(archive)
        sync_folder(archive.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """Hand out a folder: the path itself, or what the archive at that path holds, for as long as it is needed.

    Raises ImageProblem when it is neither.
    """
    if path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="sedna-", dir=_roomy(path)) as folder:
        _unpack_file(path, Path(folder))
        yield Path(folder)


def _roomy(path: Path) -> Path | None:
    # /tmp may be memory; a wheelhouse of TensorFlow is not what it is for. Beside the archive there was room for it.
    return path.parent if os.access(path.parent, os.W_OK) else None


def _write(target: object, files: Mapping[str, Path]) -> None:
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload]
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size = files[name].stat().st_size
            member.mtime = _TIME
            member.mode = 0o755 if os.access(files[name], os.X_OK) else 0o644
            with files[name].open("rb") as content:
                archive.addfile(member, content)


def _unpack_file(path: Path, folder: Path) -> None:
    try:
        with tarfile.open(path) as archive:
            _unpack(archive, folder)
            # The checksum of what is compressed comes last, and tarfile stops before it.
            while archive.fileobj is not None and archive.fileobj.read(_CHUNK):
                pass
    except tarfile.TarError as error:
        raise ImageProblem(f"{path} is neither a folder nor a tar archive: {error}") from error
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise ImageProblem(f"{path} is cut off or damaged ({error}): copy or make it again") from error
    except OSError as error:
        # Of a damaged bz2, or of the disk; either names what it is about, or says it.
        raise ImageProblem(f"{path} cannot be unpacked into {folder}: {error}") from error


def _unpack(archive: tarfile.TarFile, folder: Path) -> None:
    for member in _plain(archive):
        target = folder / member.name
        target.parent.mkdir(parents=True, exist_ok=True)
        content = archive.extractfile(member)
        if content is None:
            raise tarfile.TarError(f"{member.name} has no content")
        with content, target.open("wb") as file:
            shutil.copyfileobj(content, file)
        os.utime(target, (member.mtime, member.mtime))
        target.chmod(0o755 if member.mode & 0o100 else 0o644)


def _plain(archive: tarfile.TarFile) -> Iterable[tarfile.TarInfo]:
    for member in archive:
        try:
            named = safe_path(member.name).parts
        except UnsafeArchiveError as error:
            raise tarfile.TarError(f"a member is no plain file below its folder: {error}") from error
        if not (member.isdir() or (member.isfile() and named)):
            raise tarfile.TarError(f"{member.name} is no plain file below its folder")
        if member.isfile():
            yield member
