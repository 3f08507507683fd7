"""The sample log: every sample ever seen of one dataset, one a line, in the order of first sight.

A sample's place in the log is its index in `Worker.spec.samples`; it never changes, whatever happens to the
user's file. `tailing` appends, `materialising` copies ranges out. Beside it lies a sparse index of byte offsets.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from sedna.common.publishing import sync_folder

# One offset for so many samples: a range is found by one seek and at most so many lines.
STRIDE = 1000
_CHUNK = 1 << 20
_OFFSET = struct.Struct("<Q")
_LOG = "samples.log"
_INDEX = "samples.idx"


def new_digest() -> hashlib.blake2b:
    """Begin the digest of one sample; 16 bytes, so that ten million lines meet by chance once in 10^24 sets."""
    return hashlib.blake2b(digest_size=16)


class Sink(Protocol):
    """What takes samples: an open file, or whoever looks at each."""

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""


def copy_samples(folder: Path, start: int, end: int, keep: Callable[[int], bool], out: Sink) -> int:
    """Write the kept samples of `start` (included) to `end` (excluded) to `out`; return how many.

    `keep` is asked once for each sample, in order, before the first byte of that sample is written.

    Needs no `SampleLog`: whatever is committed may be read at any time. Reads in pieces, so a sample of any
    length passes through. Raises EOFError when the log ends before, FileNotFoundError when there is none.
    """
    if start >= end:
        return 0
    kept = 0
    number = start - start % STRIDE
    wanted = number >= start and keep(number)
    with (folder / _LOG).open("rb") as file:
        file.seek(_offset_of(folder, start))
        while number < end:
            chunk = file.read(_CHUNK)
            if not chunk:
                raise EOFError(f"{folder / _LOG} ends at sample {number}, before {end}")
            begin = 0
            while number < end:
                stop = chunk.find(b"\n", begin) + 1
                if wanted:
                    out.write(chunk[begin : stop or len(chunk)])
                if not stop:
                    break
                kept += wanted
                begin = stop
                number += 1
                wanted = start <= number < end and keep(number)
    return kept


def _offset_of(folder: Path, sample: int) -> int:
    with (folder / _INDEX).open("rb") as file:
        file.seek(sample // STRIDE * _OFFSET.size)
        entry = file.read(_OFFSET.size)
    if len(entry) != _OFFSET.size:
        raise EOFError(f"{folder / _INDEX} ends before sample {sample}")
    return int(_OFFSET.unpack(entry)[0])


class SampleLog:
    """The log of one dataset; written by one thread; `copy_samples` reads it from any."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(folder.parent)
        self.folder = folder
        self._path = folder / _LOG
        self._index_path = folder / _INDEX
        self._log = self._path.open("ab")
        self._index = self._index_path.open("ab")
        sync_folder(folder)
        self.samples = 0
        self.size = 0
        self._written = 0
        # What an earlier process has written is looked at once: a disk may have spoilt it since.
        self._is_index_checked = False

    def length(self) -> int:
        """Return the bytes in the file, finished samples or not."""
        self._log.flush()
        return os.fstat(self._log.fileno()).st_size

    def cut_to(self, samples: int, size: int) -> bool:
        """Forget everything behind the first `samples` samples, which take `size` bytes.

        Returns False, and leaves the log as it is, when the file is shorter than that: somebody damaged it.
        """
        if self.length() < size:
            return False
        self._truncate(size)
        self.samples, self.size = samples, size
        self._mend_index()
        return True

    def recount(self) -> None:
        """Take every finished line in the file as a sample: for a log whose progress was lost."""
        samples = size = 0
        with self._path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                samples += chunk.count(b"\n")
                last = chunk.rfind(b"\n")
                if last >= 0:
                    size = file.tell() - len(chunk) + last + 1
        self._index.truncate(0)
        self.cut_to(samples, size)

    def extend(self, samples: list[bytes]) -> None:
        """Append finished samples."""
        begin = 0
        while begin < len(samples):
            if self.samples % STRIDE == 0:
                self._index.write(_OFFSET.pack(self.size))
            batch = samples[begin : begin + STRIDE - self.samples % STRIDE]
            data = b"\n".join(batch) + b"\n"
            self._log.write(data)
            self._written = self.size = self.size + len(data)
            self.samples += len(batch)
            begin += len(batch)

    def write_part(self, data: bytes) -> None:
        """Append a piece of a long sample; it counts when `finish_part` says so."""
        self._log.write(data)
        self._written += len(data)

    def finish_part(self) -> None:
        """Let the pieces written since the last finished sample be one sample."""
        if self.samples % STRIDE == 0:
            self._index.write(_OFFSET.pack(self.size))
        self._log.write(b"\n")
        self._written += 1
        self.size = self._written
        self.samples += 1

    def drop_part(self) -> None:
        """Forget the pieces written since the last finished sample."""
        if self._written != self.size:
            self._truncate(self.size)

    def sync(self) -> None:
        """Force to disk what was appended, before the progress that counts on it is stored."""
        for file in (self._log, self._index):
            file.flush()
            os.fsync(file.fileno())

    def read_at(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes of the finished samples, from a byte offset on."""
        self._log.flush()
        with self._path.open("rb") as file:
            file.seek(offset)
            return file.read(max(0, min(size, self.size - offset)))

    def digests(self) -> Iterator[bytes]:
        """Yield the digest of every sample, in order, in constant memory (see `new_digest`)."""
        self._log.flush()
        left = self.size
        hashing = new_digest()
        with self._path.open("rb") as file:
            while left > 0 and (chunk := file.read(min(_CHUNK, left))):
                left -= len(chunk)
                *finished, rest = chunk.split(b"\n")
                for line in finished:
                    hashing.update(line)
                    yield hashing.digest()
                    hashing = new_digest()
                hashing.update(rest)

    def is_whole(self) -> bool:
        """Tell whether it is text of as many samples as are counted: what a disk has spoilt is neither, as a rule."""
        self._log.flush()
        left, found, last = self.size, 0, b"\n"
        text = codecs.getincrementaldecoder("utf-8")()
        with self._path.open("rb") as file:
            while left > 0 and (chunk := file.read(min(_CHUNK, left))):
                left -= len(chunk)
                found += chunk.count(b"\n")
                last = chunk[-1:]
                try:
                    text.decode(chunk, final=left <= 0)
                except UnicodeDecodeError:
                    # No sample is anything else: whatever is not is refused where the user's file is read.
                    return False
        return found == self.samples and last == b"\n"

    def set_aside(self) -> Path:
        """Give a spoilt log another name, return that, and begin an empty one."""
        number = 1
        while (aside := self._path.with_name(f"{_LOG}.damaged-{number}")).exists():
            number += 1
        self.close()
        self._path.rename(aside)
        self._log, self._index = self._path.open("ab"), self._index_path.open("ab")
        self._index.truncate(0)
        sync_folder(self.folder)
        self.samples = self.size = self._written = 0
        return aside

    def close(self) -> None:
        """Let go of the files."""
        self._log.close()
        self._index.close()

    def _fits_index(self, entries: int) -> bool:
        """Whether every offset of the index is where a line begins, in growing order."""
        before = -1
        with self._path.open("rb") as log, self._index_path.open("rb") as index:
            for (offset,) in _OFFSET.iter_unpack(index.read(entries * _OFFSET.size)):
                if not before < offset < max(self.size, 1) or (before < 0 and offset):
                    return False
                log.seek(max(0, offset - 1))
                if offset and log.read(1) != b"\n":
                    return False
                before = offset
        return True

    def _truncate(self, size: int) -> None:
        self._log.flush()
        self._log.truncate(size)
        self._written = size

    def _mend_index(self) -> None:
        entries = -(-self.samples // STRIDE)
        self._index.flush()
        is_long_enough = os.fstat(self._index.fileno()).st_size >= entries * _OFFSET.size
        if is_long_enough and (self._is_index_checked or self._fits_index(entries)):
            self._is_index_checked = True
            self._index.truncate(entries * _OFFSET.size)
            return
        self._is_index_checked = True
        # The index is only ever a shortcut: it is made again from the log.
        self._index.truncate(0)
        offset = 0
        with self._path.open("rb") as file:
            for number in range(self.samples):
                if number % STRIDE == 0:
                    self._index.write(_OFFSET.pack(offset))
                offset += len(file.readline())
        self._index.flush()
