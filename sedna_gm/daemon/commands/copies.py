"""`sedna-gm backup` and `sedna-gm restore`: the database to a file and back, beside a service that may be running."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from pathlib import Path

import click

from sedna_gm.daemon.awaiting import Answer, SomebodyWaits
from sedna_gm.daemon.commands.databases import as_owner_of
from sedna_gm.store.sql import restoring
from sedna_gm.store.sql.copying import CopyFailed, back_up, path_of
from sedna_gm.store.sql.engines import DatabaseUnusable
from sedna_gm.store.sql.locking import DatabaseInUse
from sedna_gm.store.sql.restoring import Outcome, Staged


def backup(url: str, file: Path) -> None:
    """Copies the database to a file. Raises click.ClickException."""
    try:
        count = back_up(url, file)
    except CopyFailed as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{file}: {count} resources.")


def restore(url: str, file: Path, seconds: float) -> None:
    """Puts a backup in the database's place, or has the service do it that runs. Raises click.ClickException."""
    try:
        try:
            done = restoring.restore(url, file, datetime.now(timezone.utc))
        except DatabaseInUse:
            _hand_to_the_service(url, file, seconds)
            return
    except (CopyFailed, DatabaseUnusable, SomebodyWaits) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename or file}: {error.strerror}.") from None
    click.echo(f"{done.resources} resources restored from {file}.")
    _say_aside(done.aside)


def _hand_to_the_service(url: str, file: Path, seconds: float) -> None:
    database = path_of(url)
    # Before the backup is there: the service may be faster than this process.
    with as_owner_of(database):
        answer = Answer(database)
    with answer:
        staged = restoring.stage(url, file)
        click.echo(f"{file} is checked and waits as {staged.path}; the GlobalManager takes it in.")
        if not seconds:
            return
        deadline = time.monotonic() + seconds
        while answer.wait(deadline - time.monotonic()):
            if (outcome := staged.outcome()) is not Outcome.WAITING:
                _say_outcome(outcome, staged, file)
                return
    if (outcome := staged.outcome()) is Outcome.WAITING:
        raise click.ClickException(
            f"Nobody has taken {staged.path} in within {seconds:g} s. Whenever sedna-gm is started next, it does: "
            "systemctl restart sedna-gm, or end it and start it again where nobody else does. To call it off, remove "
            "that file before."
        )
    if outcome is Outcome.TAKEN:
        raise click.ClickException(
            f"{file} is in the database's place, but the GlobalManager has not said within {seconds:g} s that it "
            "serves. Look at its log: journalctl -u sedna-gm. Where nobody starts it again, start it."
        )
    _say_outcome(outcome, staged, file)


def _say_outcome(outcome: Outcome, staged: Staged, file: Path) -> None:
    if outcome is Outcome.TAKEN:
        click.echo(f"{staged.resources} resources restored from {file}; the GlobalManager serves them.")
        _say_aside(staged.aside())
        return
    if outcome is Outcome.REFUSED:
        raise click.ClickException(
            f"The GlobalManager could not take the backup in and goes on with what it had; its log says why. The "
            f"backup is {restoring.refused_for(staged.database)} now."
        )
    raise click.ClickException(f"Another backup than {file} was put in the database's place meanwhile.")


def _say_aside(aside: Path | None) -> None:
    if aside is not None:
        click.echo(f"The database of before is {aside}; remove it when you need it no more.")
