"""Blobs on this host's disk: taken piece by piece, published whole and checked, or not at all.

    <folder>/blobs/<two digits>/<sha256>    complete, never changed again
    <folder>/parts/<sha256>                 still on its way

The modification time of either says when somebody last wrote it or asked for it. Nothing is made before the first
byte comes. `sedna_gm.http.artifacts` calls from many threads or greenlets; what may take long goes through an Aside,
and locks are held around that, never inside, so that the two kinds of threads never share one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from sedna_gm.artifacts.interface import Blob
from sedna_gm.artifacts.rooms import Room
from sedna_gm.artifacts.uploads import Upload
from sedna_gm.asides import Aside, at_once
from sedna_gm.errors import BadRequest, NotFound, WrongDigest
from sedna_gm.settings import ArtifactSettings
from sedna_gm.store.interface import Clock

# Uploads whose hash is remembered between two requests; each costs some hundred bytes.
_REMEMBERED = 1024
# Making a file safe takes milliseconds, in which nobody else would be served: as long as hashing so many bytes.
_LONG = 1024 * 1024
_PIECE = 8 * 1024 * 1024


class DiskBlobs:
    """The GlobalManager's own artifact store, for one process at a time. Implements `Blobs`."""

    def __init__(self, settings: ArtifactSettings, clock: Clock, aside: Aside = at_once) -> None:
        self.folder = Path(settings.folder)
        self._blobs = self.folder / "blobs"
        self._parts = self.folder / "parts"
        self._clock = clock
        self._aside = aside
        self._room = Room(self.folder, settings.reserve_bytes, settings.max_bytes, self._measure)
        self._uploads: OrderedDict[str, Upload] = OrderedDict()
        self._lock = threading.Lock()
        # Between "it is there" and "it is touched" collecting must not come.
        self._touching = threading.Lock()

    def missing(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """Which of these blobs (sha256 and size) are not here, and from which byte on each.

        What is here is safe from collecting for a while. Raises BadRequest for a size that is not the blob's, and
        StoreFull when the missing ones do not fit.
        """
        with self._touching:
            found = self._aside(lambda: self._offsets(wanted), len(wanted) * 1000)
        for sha256 in [sha256 for sha256, offset in found.items() if offset >= wanted[sha256] > 0]:
            # All of it had come when the service ended.
            try:
                self.append(sha256, found[sha256], b"", wanted[sha256])
                del found[sha256]
            except WrongDigest:
                found[sha256] = 0
        self._room.check(sum(wanted[sha256] - offset for sha256, offset in found.items()))
        return found

    def _offsets(self, wanted: Mapping[str, int]) -> dict[str, int]:
        now = self._clock().timestamp()
        found = {}
        for sha256, size in wanted.items():
            try:
                os.utime(self._blob(sha256), (now, now))
                there = self._blob(sha256).stat().st_size
            except FileNotFoundError:
                found[sha256] = self._touched_part(sha256, now)
            else:
                if there != size:
                    raise BadRequest(f"The blob {sha256} has {there} bytes, not {size}.")
        return found

    def _touched_part(self, sha256: str, now: float) -> int:
        with contextlib.suppress(FileNotFoundError):
            os.utime(self._part(sha256), (now, now))
            return self._part(sha256).stat().st_size
        return 0

    def size(self, sha256: str) -> int | None:
        """How many bytes a blob has; None while it is not here whole."""
        try:
            return self._blob(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def offset(self, sha256: str) -> int:
        """How many bytes have come of a blob that is not here whole."""
        try:
            return self._part(sha256).stat().st_size
        except FileNotFoundError:
            return 0

    def append(self, sha256: str, position: int, data: bytes, total: int) -> int:
        """Takes the next piece of a blob; returns how many bytes are here, which are all once it is published.

        The first piece to come at a position is the one that counts: two senders of one blob help each other, and one
        whose connection hangs keeps nobody waiting. Raises what `Upload.add` raises.
        """
        with self._using(sha256) as upload, upload.lock:
            if self._touch(sha256):
                return total
            self._room.check(len(data))
            now = self._clock().timestamp()
            before = upload.size
            last = position + len(data) >= total
            try:
                return self._aside(lambda: upload.add(position, data, total, now), _LONG if last else len(data))
            finally:
                after = self.size(sha256)
                self._room.took((upload.size if after is None else after) - before)

    def check_room(self, more: int) -> None:
        """Raises StoreFull when so many more bytes do not fit."""
        self._room.check(more)

    def open(self, sha256: str) -> BinaryIO:
        """A blob to read from, which stays readable even when it is removed meanwhile. Raises NotFound."""
        try:
            return self._blob(sha256).open("rb")
        except FileNotFoundError:
            raise NotFound(f"There is no blob {sha256}.", kind="Blob", name=sha256) from None

    def verify(self, sha256: str) -> int:
        """Reads all of a blob, and drops it when the disk has spoilt it, so that `missing` asks for it again.

        Returns its size. Raises NotFound, and WrongDigest for one that was dropped.
        """
        with self.open(sha256) as file:
            found = hashlib.sha256()

            def read() -> int:
                piece = file.read(_PIECE)
                found.update(piece)
                return len(piece)

            while self._aside(read, _PIECE):
                pass
            seen = os.fstat(file.fileno())
            if found.hexdigest() == sha256:
                return seen.st_size
            path = self._blob(sha256)
            with self._touching, contextlib.suppress(FileNotFoundError):
                # Somebody may have dropped it and sent it again meanwhile.
                if os.path.samestat(path.stat(), seen):
                    path.unlink()
                    self._room.took(-seen.st_size)
        raise WrongDigest(
            f"The blob {sha256} had become {found.hexdigest()} on the disk; it was dropped, and has to be sent again. "
            "Look after that disk."
        )

    def list(self) -> Sequence[Blob]:
        """Every blob and every part."""
        return self._aside(lambda: list(self._walk()), _LONG)

    def total(self) -> int:
        """How many bytes all blobs and parts of blobs have; looks at every one."""
        return self._aside(self._measure, _LONG)

    def read(self, sha256: str, limit: int) -> bytes | None:
        """A blob's content; None if there is none. Raises ValueError when it is larger than `limit` bytes."""
        size = self.size(sha256)
        if size is None:
            return None
        if size > limit:
            raise ValueError(f"it has {size} bytes, more than the {limit} that are read")
        return self._aside(self._blob(sha256).read_bytes, _LONG)

    def delete(self, blobs: Sequence[Blob]) -> int:
        """Removes those that nobody has touched since they were listed; returns how many bytes that freed."""
        with self._touching:
            whole = [blob for blob in blobs if not blob.part]
            freed = self._aside(lambda: sum(self._deleted(self._blob(blob.sha256), blob) for blob in whole), _LONG)
        for blob in blobs:
            if blob.part:
                freed += self._deleted_part(blob)
        self._room.took(-freed)
        return freed

    def _deleted(self, path: Path, blob: Blob) -> int:
        with contextlib.suppress(FileNotFoundError):
            found = path.stat()
            if found.st_mtime == blob.touched:
                path.unlink()
                return found.st_size
        return 0

    def _deleted_part(self, blob: Blob) -> int:
        # Under the lock nobody begins to use it.
        with self._lock:
            upload = self._uploads.get(blob.sha256)
            if upload is not None and upload.users:
                return 0
            self._uploads.pop(blob.sha256, None)
            return self._aside(lambda: self._deleted(self._part(blob.sha256), blob), _LONG)

    @contextlib.contextmanager
    def _using(self, sha256: str) -> Iterator[Upload]:
        with self._lock:
            upload = self._uploads.get(sha256)
            if upload is None:
                upload = self._uploads[sha256] = Upload(sha256, self._part(sha256), self._blob(sha256))
            self._uploads.move_to_end(sha256)
            upload.users += 1
        try:
            yield upload
        finally:
            with self._lock:
                upload.users -= 1
                # The oldest first; one that is used stays, for two objects of one part file would not know each other.
                if (excess := len(self._uploads) - _REMEMBERED) > 0:
                    for one in [one for one, kept in self._uploads.items() if not kept.users][:excess]:
                        del self._uploads[one]

    def _touch(self, sha256: str) -> bool:
        now = self._clock().timestamp()
        with self._touching, contextlib.suppress(FileNotFoundError):
            os.utime(self._blob(sha256), (now, now))
            return True
        return False

    def _walk(self) -> Iterator[Blob]:
        for folder in _entries(self._blobs):
            for entry in _entries(Path(folder.path)):
                yield from _seen(entry, part=False)
        for entry in _entries(self._parts):
            yield from _seen(entry, part=True)

    def _measure(self) -> int:
        return sum(blob.size for blob in self.list())

    def _blob(self, sha256: str) -> Path:
        return self._blobs / sha256[:2] / sha256

    def _part(self, sha256: str) -> Path:
        return self._parts / sha256


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except FileNotFoundError:
        return


def _seen(entry: os.DirEntry[str], *, part: bool) -> Iterator[Blob]:
    # What goes while we look is not there.
    with contextlib.suppress(FileNotFoundError):
        found = entry.stat()
        yield Blob(entry.name, found.st_size, found.st_mtime, part)
