"""Reading the log of a process runner's unit: its tail, and what is still being written.

The supervisor keeps two files, `log.1` (older) and `log`, and moves the one to the other when it is full.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

#: Seconds between two looks at a growing log. People read it; a tenth of this would not show.
FOLLOW_PERIOD = 0.25
_BLOCK = 65536


def read(
    folder: Path, tail_lines: int | None, follow: bool, stop: threading.Event, ended: Callable[[], bool]
) -> Iterator[bytes]:
    """The log in pieces; with `follow` until `stop`, or until `ended` says so and all is read."""
    with contextlib.ExitStack() as files:
        older, current = _open(folder / "log.1", files), _open(folder / "log", files)
        yield from _tail(older, current, tail_lines)
        while follow:
            # Asked first, then read: what the unit wrote before it ended is not missed.
            last = ended() or stop.is_set()
            if current is not None:
                yield from _rest(current)
            fresh = _rotated(folder / "log", current, files)
            if fresh is not None:
                current = fresh
                continue
            if last:
                return
            stop.wait(FOLLOW_PERIOD)


def _tail(older: BinaryIO | None, current: BinaryIO | None, lines: int | None) -> Iterator[bytes]:
    files = [file for file in (older, current) if file is not None]
    if lines is not None:
        missing = lines
        for file in reversed(files):
            missing -= _seek_lines(file, missing)
    for file in files:
        yield from _rest(file)


def _seek_lines(file: BinaryIO, wanted: int) -> int:
    """Put the file before its last `wanted` lines, or its beginning; how many lines follow from there."""
    end = position = file.seek(0, 2)
    found = 0
    while position and wanted:
        size = min(_BLOCK, position)
        position -= size
        file.seek(position)
        block = file.read(size)
        at = len(block)
        while (at := block.rfind(b"\n", 0, at)) >= 0:
            # The line break that ends the file's last line begins no further line.
            if position + at + 1 == end:
                continue
            found += 1
            if found == wanted:
                file.seek(position + at + 1)
                return found
    if not wanted:
        file.seek(end)
        return 0
    file.seek(0)
    return found + (1 if end else 0)


def _rest(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block


def _open(path: Path, files: contextlib.ExitStack) -> BinaryIO | None:
    """Open a log; whatever a worker has put there instead of one is not read, be it a link or a pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            return None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return files.enter_context(os.fdopen(descriptor, "rb"))


def _rotated(path: Path, current: BinaryIO | None, files: contextlib.ExitStack) -> BinaryIO | None:
    """The new file, when `current` is no longer the one that is written."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return None
    if current is not None:
        here = Path(f"/proc/self/fd/{current.fileno()}").stat()
        if (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino):
            return None
        current.close()
    return _open(path, files)
