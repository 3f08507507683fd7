"""A dataset's list and the pictures beside it, as labelling writes to them. The I/O.

The folders may belong to workers, and this program may be root: every step is taken from a descriptor, no link is
followed that has come since the path was judged, and what is made here belongs to whom the list belongs to.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from sedna.common.faults import reached
from sedna_lc.errors import Again
from sedna_lc.folders import Owner, entered, make_folder

_OPEN = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 1 << 20
# No picture that was put here is larger.
_MOST_PICTURE = 64 << 20


class ListFile:
    """One list, open for adding to it."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self.descriptor = descriptor
        self._path = path
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{path} is no plain file")
        self.owner: Owner = (found.st_uid, found.st_gid)
        self.inode = found.st_ino

    @property
    def size(self) -> int:
        """Bytes in the list now."""
        return os.fstat(self.descriptor).st_size

    def append(self, line: str) -> None:
        """Add a whole line in one write and bring it to the disk. Raises OSError; then the line is not there."""
        size = self.size
        # Somebody's editor may have left the last line open: ours must not become a part of it.
        open_line = size > 0 and os.pread(self.descriptor, 1, size - 1) != b"\n"
        data = b"\n" * open_line + line.encode() + b"\n"
        reached("lc.label.append.before")
        written = os.write(self.descriptor, data)
        if written != len(data):
            if self.size == size + written:
                os.ftruncate(self.descriptor, size)
            raise Again("NoRoom", f"{self._path}: the disk took only a part of a line; make room, then save again.")
        self.sync()

    def sync(self) -> None:
        """Bring what was added to the disk."""
        os.fsync(self.descriptor)

    def mend(self, line: str, size: int) -> None:
        """Take back what a power cut has left of a line that was added when the list was so long. Raises OSError."""
        left = os.pread(self.descriptor, len(line.encode()) + 3, size)
        whole = b"\n" + line.encode() + b"\n"
        if left and any(len(left) < len(one) and one.startswith(left) for one in (whole, whole[1:])):
            os.ftruncate(self.descriptor, size)
            self.sync()

    def find(self, wanted: bytes, start: int = 0) -> str | None:
        """Return the first finished line from a place on that is `wanted`, or begins with it and a blank."""
        begins = wanted + b" "
        found = (line for line in self._lines(start) if line == wanted or line.startswith(begins))
        line = next(found, None)
        return None if line is None else line.decode(errors="replace")

    def count(self, start: int) -> int:
        """Return how many finished lines from a place on have something in them."""
        return sum(1 for line in self._lines(start) if line)

    def _lines(self, start: int) -> Iterator[bytes]:
        """Every finished line behind a place; that place may be before the end of an open line."""
        carry, at = b"", start
        while chunk := os.pread(self.descriptor, _CHUNK, at):
            at += len(chunk)
            *lines, carry = (carry + chunk).split(b"\n")
            yield from (line.strip() for line in lines)


@contextlib.contextmanager
def opened_list(path: Path) -> Iterator[ListFile]:
    """Open a list that is there. Raises OSError."""
    with entered(path.parent) as folder:
        descriptor = os.open(path.name, os.O_RDWR | os.O_APPEND | _OPEN, dir_fd=folder)
    try:
        yield ListFile(descriptor, path)
    finally:
        os.close(descriptor)


def put_picture(images: Path, name: str, data: bytes, owner: Owner) -> None:
    """Make a picture appear whole in the folder, which is made when it is missing. Raises OSError."""
    mine = owner == (os.geteuid(), os.getegid())
    make_folder(images, None if mine else owner)
    temporary = f".sedna-label-{hashlib.sha256(name.encode()).hexdigest()[:16]}.tmp"
    with entered(images) as folder:
        # What an accident has left of the same picture.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _OPEN, 0o644, dir_fd=folder)
        try:
            with os.fdopen(file, "wb") as out:
                out.write(data)
                out.flush()
                if not mine:
                    os.fchown(out.fileno(), *owner)
                os.fsync(out.fileno())
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=folder)
            raise
        synced = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
        try:
            os.fsync(synced)
        finally:
            os.close(synced)


def content_of(images: Path, name: str) -> str | None:
    """Return the sha256 of a picture in the folder; None where there is none, "" for what is no plain file."""
    data = read_beside(images, name)
    if not data:
        return data if data is None else ""
    return hashlib.sha256(data).hexdigest()


def read_beside(images: Path, name: str, most: int = _MOST_PICTURE) -> bytes | None:
    """Return up to so many bytes of a picture in the folder; None where there is none, b"" for no plain file."""
    try:
        with entered(images) as folder:
            file = os.open(name, os.O_RDONLY | _OPEN, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError:
        return b""
    with os.fdopen(file, "rb") as opened:
        return opened.read(most) if stat.S_ISREG(os.fstat(opened.fileno()).st_mode) else b""
