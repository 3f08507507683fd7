"""One name for the content of a model: its sha256, whether it is a file or a folder.

The LocalController writes it into the hot-update file, the library checks it before it loads, the
GlobalManager keeps it as the lineage of a model. All three must agree, so it is computed here only.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

StrPath = str | os.PathLike[str]

# Whoever waits for Python's lock waits up to 5 ms for each piece, twice, beside a thread that predicts without a pause.
# So there are few pieces, of one size that any edge host has room for, for as long as it takes.
_CHUNK_BYTES = 8 << 20


def digest(path: StrPath) -> str:
    """The sha256 of a file's bytes, or of a folder's tree (see `tree_digest`), as 64 hex digits.

    Raises FileNotFoundError when nothing is there, ValueError when the path is neither a regular file
    nor a folder, and OSError when it cannot be read.
    """
    found = Path(path)
    mode = found.stat().st_mode
    if stat.S_ISDIR(mode):
        return tree_digest(found)
    if stat.S_ISREG(mode):
        return file_digest(found)
    # Reading a pipe would wait for ever, and a device has no content of its own.
    raise ValueError(f"{found} is neither a regular file nor a folder")


def file_digest(path: StrPath) -> str:
    """The sha256 of one file's bytes as 64 hex digits; reads in constant memory."""
    sha256 = hashlib.sha256()
    with Path(path).open("rb", buffering=0) as file:
        room = memoryview(bytearray(min(_CHUNK_BYTES, max(1, os.fstat(file.fileno()).st_size))))
        while read := file.readinto(room):
            sha256.update(room[:read])
    return sha256.hexdigest()


def tree_digest(path: StrPath) -> str:
    """The sha256 over the sorted lines "<sha256 of a file>  <its path inside the folder>\\n".

    Links are followed, so a folder of links and its plain copy are the same model. Empty folders,
    permissions and times do not count. Raises NotADirectoryError when `path` is not a folder.
    """
    return digest_of_files((relative, file_digest(file)) for relative, file in files_below(path))


def digest_of_files(files: Iterable[tuple[str, str]]) -> str:
    """The digest of a folder (see `tree_digest`) whose files are known by relative path and sha256."""
    lines = (sha256.encode("ascii") + b"  " + os.fsencode(relative) + b"\n" for relative, sha256 in files)
    return hashlib.sha256(b"".join(sorted(lines))).hexdigest()


def files_below(path: StrPath) -> Iterator[tuple[str, Path]]:
    """Every regular file below a folder: its relative path with slashes, and where it is.

    Raises ValueError on a link that leads back into its own parents and on pipes, sockets and devices:
    neither can be part of a model, and both would otherwise be read for ever.
    """
    top = Path(path)
    yield from _walk(top, top, (top.resolve(strict=True),))


def _walk(top: Path, folder: Path, parents: tuple[Path, ...]) -> Iterator[tuple[str, Path]]:
    for entry in sorted(folder.iterdir()):
        mode = entry.stat().st_mode
        if stat.S_ISDIR(mode):
            real = entry.resolve(strict=True)
            if real in parents:
                raise ValueError(f"{entry} is a link to one of its own parent folders")
            yield from _walk(top, entry, (*parents, real))
        elif stat.S_ISREG(mode):
            yield entry.relative_to(top).as_posix(), entry
        else:
            raise ValueError(f"{entry} is neither a regular file nor a folder")
