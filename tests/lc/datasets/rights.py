"""Root reads everything, and CI runs as root: this takes that right away for a moment, to test the rule there, too."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterator

_VERSION_3 = 0x20080522  # _LINUX_CAPABILITY_VERSION_3
# CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: what lets root pass by a file's mode.
_PASSING_MODES = 1 << 1 | 1 << 2


@contextlib.contextmanager
def without_passing_modes() -> Iterator[None]:
    """In this thread, files are what their mode says, whoever runs it."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = struct.pack("Ii", _VERSION_3, 0)
    before = ctypes.create_string_buffer(24)
    _check(libc.capget(header, before))
    effective, *rest = struct.unpack("6I", before.raw)
    _check(libc.capset(header, struct.pack("6I", effective & ~_PASSING_MODES, *rest)))
    try:
        yield
    finally:
        _check(libc.capset(header, before.raw))


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
