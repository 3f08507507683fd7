"""Telling a file that grew from another file under its name, by looking at little of it.

A file is what it was when its first and its last 4 KiB, up to where it was read, have not changed. What this cannot
see: a change in the middle of a large file that also grew in the same instant. A change without growth is compared
in full by `tailing`.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

_BYTES = 4096


@dataclass(frozen=True)
class Window:
    """The beginning and the end of the first `offset` bytes of a file."""

    offset: int = 0
    first: bytes = b""
    last: bytes = b""

    def advance(self, chunk: bytes) -> Window:
        """Return the window after reading `chunk` as well."""
        return Window(
            self.offset + len(chunk),
            self.first + chunk[: _BYTES - len(self.first)],
            (self.last + chunk[-_BYTES:])[-_BYTES:],
        )

    def fits(self, descriptor: int) -> bool:
        """Tell whether the file still begins and goes on up to `offset` as it did."""
        return window_of(descriptor, self.offset) == self

    def digests(self) -> tuple[str, str]:
        """Return short fingerprints of the beginning and of the end, for keeping."""
        return _digest(self.first), _digest(self.last)


def window_of(descriptor: int, offset: int) -> Window:
    """Read the window of an open file; a shorter file gives one that equals no other of this offset."""
    first = os.pread(descriptor, min(_BYTES, offset), 0)
    begin = max(0, offset - _BYTES)
    return Window(offset, first, os.pread(descriptor, offset - begin, begin))


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
