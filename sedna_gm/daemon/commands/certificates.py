"""`sedna-gm certificates`: an authority of one's own, the server's certificate, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sedna_gm.certificates.keeping import Outcome


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "--group",
            metavar="GROUP",
            help="Who may read gm.key besides its owner. Default: as it is.",
        ),
        click.option(
            "--name",
            "names",
            multiple=True,
            metavar="NAME_OR_IP",
            help="A host name or address by which clients reach the GlobalManager. Default: those it has.",
        ),
        click.option(
            "--folder",
            type=click.Path(path_type=Path, file_okay=False),
            default=Path("/etc/sedna/tls"),
            show_default=True,
            help="Where ca.crt, ca.key, gm.crt and gm.key are.",
        ),
    ):
        command = option(command)
    return command


@click.group()
def certificates() -> None:
    """Make and renew the certificates that this GlobalManager serves with.

    The authority counts for 20 years, the server's certificate for one; it is made anew when less than a third of its
    life is left, when its names have changed, or when its key does not fit. `systemctl reload sedna-gm` then loads it
    without dropping a connection.
    """


@certificates.command()
@_options
def create(folder: Path, names: tuple[str, ...], group: str | None) -> None:
    """Make what is missing, renew what is due; print `unchanged` or what has changed."""
    from sedna_gm.certificates import keeping

    _tell(lambda: keeping.create(folder, names, group, _now()))


@certificates.command()
@_options
def renew(folder: Path, names: tuple[str, ...], group: str | None) -> None:
    """Renew what is due; print `unchanged` or what has changed. For a timer."""
    from sedna_gm.certificates import keeping

    _tell(lambda: keeping.renew(folder, names, group, _now()))


@certificates.command()
@click.argument("certificate", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("key", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--name", "names", multiple=True, metavar="NAME_OR_IP", help="What the certificate must name.")
def check(certificate: Path, key: Path, names: tuple[str, ...]) -> None:
    """Say what is wrong with a certificate and its key, such as an operator's own: fit, time and names."""
    from sedna_gm.certificates import checking
    from sedna_gm.certificates.making import NameUnusable, Pair

    try:
        pair = Pair(certificate.read_bytes(), key.read_bytes())
        problems = list(checking.faults(pair, names, _now()))
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}.") from None
    except NameUnusable as error:
        raise click.BadParameter(str(error), param_hint="--name") from None
    if problems:
        raise click.ClickException("\n".join(f"{certificate}: {problem}." for problem in problems))
    click.echo(f"{certificate}: OK until {checking.end_of(pair.certificate):%Y-%m-%d}")


def _tell(act: Callable[[], Outcome]) -> None:
    from sedna_gm.certificates.keeping import CertificatesUnusable

    try:
        outcome = act()
    except CertificatesUnusable as error:
        raise click.ClickException(f"{error}.") from None
    for warning in outcome.warnings:
        click.echo(f"Warning: {warning}.", err=True)
    click.echo("\n".join(outcome.changes) if outcome.changes else "unchanged")


def _now() -> datetime:
    return datetime.now(timezone.utc)
