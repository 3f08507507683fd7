"""How `sedna-gm restore` learns that the service serves what it was given: a named pipe beside the database.

The command makes the pipe and waits at it; the service, once it serves, says one word into it if anybody is there.
What came of the backup is seen at the files themselves (`sedna_gm.store.sql.restoring.Staged.outcome`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import stat
from pathlib import Path
from types import TracebackType

_FLAGS = os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_WORD = b"serving\n"


class SomebodyWaits(Exception):
    """Another command waits at the same pipe."""


class Answer:
    """The command's end of the pipe, for as long as it is entered. Made as the owner of the database's folder."""

    def __init__(self, database: Path) -> None:
        """Raises SomebodyWaits, or OSError."""
        self._path = pipe_of(database)
        with contextlib.suppress(FileNotFoundError):
            if _has_reader(self._path):
                raise SomebodyWaits(f"Another `sedna-gm restore` waits at {self._path}; let it end first.")
            # Of a command that was killed.
            self._path.unlink()
        os.mkfifo(self._path, 0o600)
        # For writing, too: else each answer would be followed by an end.
        self._pipe = os.open(self._path, os.O_RDWR | _FLAGS)

    def wait(self, seconds: float) -> bool:
        """Until the service says that it serves; False where it has not within so many seconds."""
        if not select.select([self._pipe], [], [], max(seconds, 0.0))[0]:
            return False
        os.read(self._pipe, 4096)
        return True

    def __enter__(self) -> Answer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._pipe)
        self._path.unlink(missing_ok=True)


def pipe_of(database: Path) -> Path:
    """Where the pipe is."""
    return database.with_name(f"{database.name}.restore-answer")


def tell(database: Path) -> None:
    """Say that the service serves, to whoever waits for it. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        pipe = _writing(pipe_of(database))
        if pipe is None:
            return
        try:
            with contextlib.suppress(BlockingIOError):
                os.write(pipe, _WORD)
        finally:
            os.close(pipe)


def _has_reader(path: Path) -> bool:
    pipe = _writing(path)
    if pipe is not None:
        os.close(pipe)
    return pipe is not None


def _writing(path: Path) -> int | None:
    """The pipe, opened for writing; None where nobody reads, or where it is no pipe."""
    try:
        if not stat.S_ISFIFO(path.lstat().st_mode):
            return None
        return os.open(path, os.O_WRONLY | _FLAGS)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.ELOOP):
            return None
        raise
