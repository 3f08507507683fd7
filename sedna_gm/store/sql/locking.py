"""One process, one database: a second GlobalManager on the same file is refused instead of believed.

Two would each keep a log of changes of its own, and the watchers of one would never hear of the other's writes.
The folder is the service's, and root may lock there for a restore: what lies there instead of a file is not followed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from pathlib import Path

from sedna_gm.store.sql.engines import DatabaseUnusable

_MARK = b"A database was in use beside this file.\n"


class DatabaseInUse(DatabaseUnusable):
    """Another process holds the lock."""


class DatabaseLock:
    """Holds a lock file beside the database. The system lets go of it when the process ends, however it ends."""

    def __init__(self, database: Path) -> None:
        path = database.with_name(f"{database.name}.lock")
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            self._file: int | None = os.open(path, flags, 0o644)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise DatabaseUnusable(_no_file(database, path)) from None
            raise DatabaseUnusable(f"The database {database} cannot be opened: {error.strerror} ({path}).") from None
        if not is_plain(self._file):
            self.release()
            raise DatabaseUnusable(_no_file(database, path))
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise DatabaseInUse(f"The database {database} is in use by another sedna-gm.") from None

    def mark(self) -> None:
        """Notes that a database was in use here, so that one that an accident has emptied is no first start."""
        # On a full disk what is there can still be read and told, and the next start marks it.
        with contextlib.suppress(OSError):
            if self._file is not None and not os.fstat(self._file).st_size:
                os.write(self._file, _MARK)

    def give_to(self, user: int, group: int) -> None:
        """Makes the lock file somebody's, so that the service can open what root has made. Raises OSError."""
        if self._file is not None:
            give(self._file, user, group)

    def release(self) -> None:
        """Lets the next one in. May be called more than once."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def is_plain(file: int) -> bool:
    """Whether an open file is a file that has this one name, not somebody else's under a second one."""
    found = os.fstat(file)
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1


def give(file: int, user: int, group: int) -> None:
    """Makes an open file somebody's. Raises OSError."""
    found = os.fstat(file)
    if (found.st_uid, found.st_gid) != (user, group):
        os.fchown(file, user, group)


def _no_file(database: Path, path: Path) -> str:
    return f"The database {database} cannot be opened: {path} is a link, or no file. Look who put it there; remove it."
