"""One blob on its way to the disk: what has come of it so far, in order, until all of it has come and is what it is
called.

`sedna_gm.artifacts.disks` keeps one of these for each blob that is being sent, whoever sends it, and calls it under
its lock. The bytes are in a part file, which outlives the service; the hash is kept in memory, and computed anew from
the file where it is not known.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from pathlib import Path

from sedna.common.faults import reached
from sedna_gm.errors import OffsetMismatch, StoreFull, WrongDigest

_CHUNK = 1024 * 1024
# A limit on the size of files is the operator's way to say that there is no more room.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Upload:
    """The part file of one blob. Hold `lock` while calling anything."""

    def __init__(self, sha256: str, part: Path, final: Path) -> None:
        self.lock = threading.Lock()
        self.users = 0
        """How many requests are about to use it; for the one who keeps it."""
        self._sha256 = sha256
        self._part = part
        self._final = final
        self._size = 0
        self._hash = hashlib.sha256()

    @property
    def size(self) -> int:
        """Bytes that have come, as the file says."""
        try:
            return self._part.stat().st_size
        except FileNotFoundError:
            return 0

    def add(self, position: int, data: bytes, total: int, now: float) -> int:
        """Appends data whose first byte is number `position`, and publishes the blob once it has `total` bytes.

        Returns how many bytes have come. Raises OffsetMismatch when another byte is the next one, WrongDigest when all
        bytes are there and are not what they were called (none of them is kept then), StoreFull when the disk has no
        room (what came before is kept then), OSError for whatever else is wrong with the disk.
        """
        try:
            size = self._known_size()
            if size > total:
                self._drop()
                raise WrongDigest(
                    f"More bytes had come than the {total} of this blob; send it again from the beginning."
                )
            # All of it has come, but the service ended before it was published: whoever asks next has it done.
            if size < total or size == position == 0:
                if position != size:
                    raise OffsetMismatch(size, total)
                size = self._append(data, total, now)
            if size == total:
                self._publish(now)
        except OSError as error:
            if error.errno in _FULL:
                raise StoreFull(
                    f"The disk of {self._part.parent} is full; what came before is kept. Make room there."
                ) from error
            raise
        return size

    def _known_size(self) -> int:
        """The size of the file, after making sure that the hash is that of its bytes."""
        size = self.size
        if size != self._size:
            found = hashlib.sha256()
            with self._part.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    found.update(chunk)
            self._size, self._hash = size, found
        elif size == 0:
            self._size, self._hash = 0, hashlib.sha256()
        return size

    def _append(self, data: bytes, total: int, now: float) -> int:
        if not data and total:
            return self._size
        self._part.parent.mkdir(parents=True, exist_ok=True)
        with self._part.open("ab", buffering=0) as file:
            try:
                rest = memoryview(data)
                while rest:
                    rest = rest[file.write(rest) :]
                os.utime(file.fileno(), (now, now))
            except OSError:
                # Half a piece would be bytes that nobody has counted.
                file.truncate(self._size)
                raise
        self._hash.update(data)
        self._size += len(data)
        reached("gm.blob.append.after")
        return self._size

    def _publish(self, now: float) -> None:
        if (found := self._hash.hexdigest()) != self._sha256:
            self._drop()
            raise WrongDigest(
                f"What has come has the sha256 {found}, not {self._sha256}; none of it is kept. "
                "Read it again where it lies and send it from the beginning."
            )
        with self._part.open("rb") as file:
            os.fsync(file.fileno())
        os.utime(self._part, (now, now))
        if not self._final.parent.is_dir():
            self._final.parent.mkdir(parents=True, exist_ok=True)
            _sync_folder(self._final.parent.parent)
        reached("gm.blob.publish.before")
        self._part.replace(self._final)
        _sync_folder(self._final.parent)
        reached("gm.blob.publish.after")
        self._size, self._hash = 0, hashlib.sha256()

    def _drop(self) -> None:
        self._part.unlink(missing_ok=True)
        self._size, self._hash = 0, hashlib.sha256()


def _sync_folder(folder: Path) -> None:
    """A rename is on the disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
