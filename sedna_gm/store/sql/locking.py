"""One process, one database: a second GlobalManager on the same file is refused instead of believed.

Two would each keep a log of changes of its own, and the watchers of one would never hear of the other's writes.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from sedna_gm.store.sql.engines import DatabaseUnusable


class DatabaseLock:
    """Holds a lock file beside the database. The system lets go of it when the process ends, however it ends."""

    def __init__(self, database: Path) -> None:
        path = database.with_name(f"{database.name}.lock")
        try:
            self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise DatabaseUnusable(f"The database {database} cannot be opened: {error.strerror} ({path}).") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise DatabaseUnusable(f"The database {database} is in use by another sedna-gm.") from None

    def release(self) -> None:
        """Lets the next one in. May be called more than once."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
