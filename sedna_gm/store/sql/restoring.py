"""A backup in the database's place: at once while nobody serves, else at the service's next start.

The backup is copied beside the database, checked, brought up to date and given the name GM.DB.restore in one rename:
from then on it is decided, and whoever opens the database next (`take_in`) puts it in its place, however often that
is cut off. A service that runs looks for that name and starts its child again; no signal, so no process is mistaken.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

from sedna.common.faults import reached
from sedna.common.publishing import sync_folder
from sedna_gm.store.sql.adopting import adopt, bring_up_to_date, has_adopted, note_adopted
from sedna_gm.store.sql.copying import CopyFailed, check, copy, path_of, said, temporary
from sedna_gm.store.sql.engines import DatabaseUnusable
from sedna_gm.store.sql.exchanging import aside_of, exchange, number_of
from sedna_gm.store.sql.locking import DatabaseLock, give, is_plain

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Restored:
    """What a restore has done. `aside` is where the database of before is now; None when there was none."""

    resources: int
    aside: Path | None


class Outcome(str, Enum):
    """What has become of a backup that was staged."""

    WAITING = "waiting"
    TAKEN = "taken"
    REFUSED = "refused"
    REPLACED = "replaced"


@dataclass(frozen=True)
class Staged:
    """A backup that waits beside the database, and which file the database was then."""

    database: Path
    path: Path
    resources: int
    file: int
    before: int | None

    def outcome(self) -> Outcome:
        """What has become of it."""
        if number_of(self.database) == self.file:
            return Outcome.TAKEN
        if number_of(self.path) == self.file:
            return Outcome.WAITING
        return Outcome.REFUSED if number_of(refused_for(self.database)) == self.file else Outcome.REPLACED

    def aside(self) -> Path | None:
        """Where the database of before is, once this is taken in."""
        return aside_of(self.database, self.before)


def staged_for(database: Path) -> Path:
    """Where a backup waits to be taken in."""
    return database.with_name(f"{database.name}.restore")


def refused_for(database: Path) -> Path:
    """Where a staged backup is that could not be taken in."""
    return database.with_name(f"{database.name}.restore-refused")


def is_staged(database: Path) -> bool:
    """Whether a backup waits to be taken in."""
    return os.path.lexists(staged_for(database))


def restore(url: str, file: Path, now: datetime) -> Restored:
    """Put a backup in the database's place. Raises CopyFailed, or DatabaseInUse while the service runs."""
    database = path_of(url)
    _refuse(database, file)
    lock = DatabaseLock(database)
    try:
        with _prepared(database, file) as (unfinished, count):
            adopt(unfinished, database)
            owner = _hand_over(database, unfinished)
            lock.give_to(*owner)
            # A name that the next start knows, should this one be cut off.
            unfinished.replace(staged_for(database))
            sync_folder(database.parent)
            try:
                return Restored(count, exchange(staged_for(database), database, now))
            except CopyFailed:
                staged_for(database).unlink(missing_ok=True)
                raise
    finally:
        lock.release()


def stage(url: str, file: Path) -> Staged:
    """Have a backup wait for the service that runs. Raises CopyFailed."""
    database = path_of(url)
    _refuse(database, file)
    with _prepared(database, file) as (unfinished, count):
        _hand_over(database, unfinished)
        number = unfinished.stat().st_ino
        staged = Staged(database, staged_for(database), count, number, number_of(database))
        unfinished.replace(staged.path)
        sync_folder(database.parent)
    return staged


def take_in(database: Path, now: datetime) -> Restored | None:
    """Put a backup that waits in the database's place; None when none does, or when that cannot be done.

    What cannot be used is set aside, and the database stays as it was. Raises DatabaseUnusable: while another process
    uses the database, or when not even that can be done.
    """
    staged = staged_for(database)
    if not is_staged(database):
        return None
    lock = DatabaseLock(database)
    try:
        reached("gm.restore.take.before")
        try:
            return _taken_in(staged, database, now)
        except CopyFailed as error:
            refused = refused_for(database)
            with contextlib.suppress(FileNotFoundError):
                staged.replace(refused)
            logger.error(  # noqa: TRY400 - the words say it all
                "The backup that waited as %s is not taken in: %s The database stays as it was, and the backup is %s.",
                staged, error, refused,
            )  # fmt: skip
            return None
    except OSError as error:
        raise DatabaseUnusable(f"The backup {staged} can neither be taken in nor set aside: {error}.") from error
    finally:
        lock.release()


def _taken_in(staged: Path, database: Path, now: datetime) -> Restored:
    if staged.is_symlink() or not staged.is_file():
        raise CopyFailed(f"{staged} is a link, or no file.")
    with said(f"The database {database} cannot be restored"):
        count = check(staged)
        # A start that was cut off later than this is gone on with: its log of writes may be aside already.
        if not (has_adopted(staged, database) and aside_of(database, number_of(database))):
            bring_up_to_date(staged)
            adopt(staged, database)
        done = Restored(count, exchange(staged_for(database), database, now))
    logger.info("%d resources were restored; the database of before is %s.", done.resources, done.aside or "none")
    return done


def _refuse(database: Path, file: Path) -> None:
    if not file.is_file():
        raise CopyFailed(f"There is no backup at {file}.")
    if database.is_symlink():
        raise CopyFailed(f"{database} is a link, and a restore follows none. Name the file itself as `database`.")
    with said(f"The database {database} cannot be restored"):
        database.parent.mkdir(mode=0o750, parents=True, exist_ok=True)


@contextlib.contextmanager
def _prepared(database: Path, file: Path) -> Iterator[tuple[Path, int]]:
    """A copy of the backup beside the database, whole and up to date, and how many resources are in it."""
    with temporary(database) as unfinished, said(f"The backup {file} cannot be restored"):
        copy(file, unfinished)
        count = check(unfinished)
        # Brings an older one up to date, and refuses one of a newer version.
        bring_up_to_date(unfinished)
        note_adopted(unfinished, None)
        yield unfinished, count


def _hand_over(database: Path, backup: Path) -> tuple[int, int]:
    """Give the new file to whom the old one belongs, or the folder: root may restore what the service's user reads.

    Never by a name alone: in its folder that user may have put a link in a file's place, to what is not its own.
    """
    owner = os.lstat(database) if database.exists() else database.parent.stat()
    file = os.open(backup, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not is_plain(file):
            raise CopyFailed(f"Somebody has put something else in the place of {backup}.")
        give(file, owner.st_uid, owner.st_gid)
    finally:
        os.close(file)
    return owner.st_uid, owner.st_gid
