"""The credentials of a service that may be running, opened from beside it.

Root gives access, and the service's user owns the files: while they are touched, this process acts as their owner, so
that none of them becomes root's, and no link that the service's user might have laid leads to what is not its own.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import click

from sedna.daemons.configuring import Misconfigured
from sedna_gm.daemon import configuring, wiring
from sedna_gm.identity import auditing
from sedna_gm.identity.auditing import Entry
from sedna_gm.store.credentials import Credentials
from sedna_gm.store.sql.credentials import SqlCredentials
from sedna_gm.store.sql.engines import DatabaseUnusable


@dataclass(frozen=True)
class Desk:
    """Where access is given and taken."""

    credentials: Credentials
    now: datetime
    audit: Path | None

    def note(self, entry: Entry) -> None:
        """Writes a line into the audit log; raises click.ClickException, since nothing shall be done unseen."""
        if self.audit is None:
            return
        try:
            auditing.append(self.audit, entry, self.now)
        except OSError as error:
            raise click.ClickException(f"The audit log {self.audit} cannot be written: {error.strerror}.") from None


@contextlib.contextmanager
def opened(config: Path) -> Iterator[Desk]:
    """The credentials of the database that the settings name. Raises click.ClickException."""
    try:
        settings = configuring.load(config)
    except Misconfigured as error:
        raise click.ClickException(str(error)) from None
    if settings.database == "memory":
        raise click.ClickException(f"{config}: database: memory keeps no tokens that another process could make.")
    database = Path(settings.database.removeprefix("sqlite:///"))
    try:
        with as_owner_of(database):
            credentials = SqlCredentials(settings.database)
            try:
                yield Desk(credentials, datetime.now(timezone.utc), wiring.audit_path(settings))
            finally:
                credentials.close()
    except DatabaseUnusable as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename or database}: {error.strerror}.") from None


@contextlib.contextmanager
def as_owner_of(database: Path) -> Iterator[None]:
    """Acts as the owner of the database, or of its folder while there is none yet, where root does it."""
    place = database if os.path.lexists(database) else database.parent
    owner = place.lstat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
