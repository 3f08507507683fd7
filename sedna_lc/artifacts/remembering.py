"""The sha256 of this node's files, read once and remembered as long as a file does not change.

A round adds some samples to thousands that were sent before; only the new files are read. `packing` asks, the node's
state keeps. A file counts as unchanged by its size, time and inode, as for `rsync` and `make`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sedna_lc.state.records import FileDigest
from sedna_lc.state.stores import Store
from sedna_lc.users import WorkerUser, hindrance_of

_CHUNK = 1 << 20
_SECONDS_A_DAY = 86_400
_KEPT_DAYS = 30
# A file that was written to within the last moments may be written to again without its time changing.
_SETTLED_NS = 2_000_000_000


class FileChanged(OSError):
    """The file was written to while it was read."""


@dataclass(frozen=True)
class Content:
    """What a file holds."""

    sha256: str
    size: int


class FileDigests:
    """Reads and remembers; for one thread at a time.

    With a user, only what that user surely may read: this program reads everything, and what it packs leaves the host.
    A line in a dataset must not be enough for that. `refusal` says of an open file why no manifest may name it.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        user: WorkerUser | None = None,
        refusal: Callable[[int], str | None] = lambda _: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._user = user
        self._refusal = refusal
        self._used: dict[str, FileDigest] = {}

    def of(self, path: Path, going: Callable[[], None] = lambda: None) -> Content:
        """Return what a file holds.

        Raises OSError when it cannot be read, FileChanged when it changes meanwhile, ValueError when it is no
        regular file. `going` is called between pieces; what it raises ends the reading.
        """
        name = str(path)
        _check_regular(path, path.stat())
        # Without O_NONBLOCK a named pipe that has just taken its place would hold this thread for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            _check_regular(path, status)
            # What has been opened is judged: a link may lead elsewhere a moment later.
            sentence = self._refusal(descriptor)
            if sentence is None and self._user is not None:
                sentence = hindrance_of(descriptor, self._user)
            if sentence is not None:
                raise PermissionError(errno.EACCES, sentence)
            known = self._used.get(name) or self._store.digest(name)
            if known is None or _mark(known) != (status.st_size, status.st_mtime_ns, status.st_ino):
                sha256 = _read(file.read, status.st_size, going)
                after = os.fstat(descriptor)
                if (after.st_size, after.st_mtime_ns) != (status.st_size, status.st_mtime_ns):
                    raise FileChanged(0, f"{path} was written to while it was read")
                known = FileDigest(name, status.st_size, status.st_mtime_ns, status.st_ino, sha256)
        if self._clock().timestamp() * 1e9 - known.modified_ns > _SETTLED_NS:
            self._used[name] = known
        return Content(known.sha256, known.size)

    def save(self) -> None:
        """Make what was learned durable, and forget what nobody has asked for in a month."""
        day = int(self._clock().timestamp()) // _SECONDS_A_DAY
        self._store.put_digests(self._used.values(), day)
        self._store.drop_digests(day - _KEPT_DAYS)
        self._used = {}


def _read(read: Callable[[int], bytes], size: int, going: Callable[[], None]) -> str:
    sha256 = hashlib.sha256()
    left = size
    # No further than the size: some files of the kernel have no end.
    while left > 0 and (chunk := read(min(_CHUNK, left))):
        going()
        sha256.update(chunk)
        left -= len(chunk)
    if left:
        raise FileChanged(0, "it became shorter while it was read")
    return sha256.hexdigest()


def _mark(known: FileDigest) -> tuple[int, int, int]:
    return known.size, known.modified_ns, known.inode


def _check_regular(path: Path, status: os.stat_result) -> None:
    kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for is_kind, name in kinds if is_kind(status.st_mode)), "a device")
        raise ValueError(f"{path} is {kind}, not a regular file")
