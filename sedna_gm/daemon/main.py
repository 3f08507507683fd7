"""The command `sedna-gm`."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path

import click

from sedna.api.quantities import size_text
from sedna.daemons import logs
from sedna.daemons.configuring import Misconfigured
from sedna.daemons.notifying import Notifier
from sedna_gm.daemon import configuring
from sedna_gm.daemon.commands.certificates import certificates
from sedna_gm.daemon.commands.tokens import token
from sedna_gm.settings import Settings

_config = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path("/etc/sedna/gm.yml"),
    show_default=True,
    help="The settings, as YAML.",
)


class ConfigUnusable(click.ClickException):
    """The settings cannot be used. Its own exit code (EX_CONFIG): systemd need not try again."""

    exit_code = os.EX_CONFIG


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sedna-metal")
def main() -> None:
    """Sedna's GlobalManager: takes manifests over HTTP and decides what runs where."""


@main.command("check-config")
@_config
def check_config(config: Path) -> None:
    """Say whether the settings can be used; name file and key of every problem."""
    from sedna_gm.daemon import securing

    settings = _load(config)
    try:
        securing.check(settings.tls)
    except securing.CertificateUnusable as error:
        raise ConfigUnusable(f"{config}: {error}") from None
    click.echo(f"{config}: OK")


@main.command()
@_config
@click.option(
    "--address-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the URL to this file once it is served; tells the port where `listen` ends in :0.",
)
def serve(config: Path, address_file: Path | None) -> None:
    """Serve until SIGTERM or Ctrl-C. SIGHUP reads the log level again."""
    settings = _load(config)
    logs.set_up(settings.log_level, settings.log_format, "sedna-gm", os.environ)
    # What is kept is nobody else's to read, however the service was started.
    os.umask(0o077)
    # Late, since each costs a moment that `check-config` and `--help` can do without.
    from sedna_gm.daemon import securing, serving, wiring
    from sedna_gm.identity.auditing import AuditUnwritable
    from sedna_gm.store.sql.damage import DatabaseDamaged
    from sedna_gm.store.sql.engines import DatabaseUnusable

    try:
        securing.check(settings.tls)
    except securing.CertificateUnusable as error:
        raise ConfigUnusable(f"{config}: {error}") from None
    try:
        # Here, where it can still be said in one sentence; the worker opens it again.
        wiring.open_store(settings).close()
        wiring.open_audit(settings).close()
    except DatabaseDamaged as error:
        # Starting again changes nothing; a person chooses.
        raise ConfigUnusable(str(error)) from None
    except (DatabaseUnusable, AuditUnwritable) as error:
        raise click.ClickException(str(error)) from None
    serving.Application(settings, config.absolute(), Notifier.taken_from(os.environ), address_file).run()


@main.command()
@_config
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(config: Path, file: Path) -> None:
    """Copy the database to FILE while the service runs.

    FILE is one SQLite database, checked, readable by its owner only, and never an existing file. It holds all
    resources and the history of rounds. Artifacts are not in it: they are copies of what a node has, on their way to
    another one, and are sent again.
    """
    from sedna_gm.daemon.commands import copies

    copies.backup(_load(config).database, file)


@main.command()
@_config
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=120.0,
    show_default=True,
    help="Wait so many seconds until the service serves what was restored; 0: do not wait.",
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def restore(config: Path, file: Path, timeout: float) -> None:
    """Put the backup FILE in the database's place, while the service runs or not.

    FILE is checked first. A service that runs ends what it does within two seconds, takes the backup in and serves
    on. The database of before stays beside the new one under another name, which is told, and credentials stay those
    of that database.
    """
    from sedna_gm.daemon.commands import copies

    copies.restore(_load(config).database, file, timeout)


@main.command()
@click.argument("url")
@click.option(
    "--server",
    "servers",
    multiple=True,
    required=True,
    help="A GlobalManager whose Artifacts lie there, such as http://127.0.0.1:9000. Name all of them.",
)
@click.option("--keep-seconds", type=click.IntRange(1), default=86400, show_default=True, help="Nothing younger goes.")
@click.option(
    "--credentials-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("/etc/sedna/credentials"),
    show_default=True,
    help="Where the credential `artifacts` is; without one, ACCESS_KEY_ID and SECRET_ACCESS_KEY count.",
)
@click.option(
    "--token-file",
    "token_files",
    multiple=True,
    type=click.Path(dir_okay=False),
    help="File with a token that may read all Artifacts: one for all servers, or one for each, in their order."
    " Default: that of KUBECONFIG for its server.",
)
@click.option(
    "--ca", type=click.Path(dir_okay=False), envvar="SEDNA_CA", help="Certificates of whom is believed about servers."
)
@click.option("--force", is_flag=True, help="Go on where no Artifact of any server lies in that store.")
def collect(
    url: str,
    servers: tuple[str, ...],
    keep_seconds: int,
    credentials_dir: Path,
    token_files: tuple[str, ...],
    ca: str | None,
    *,
    force: bool,
) -> None:
    """Remove from the artifact store URL (such as s3://bucket/prefix) what no Artifact names any more.

    The service does this by itself for its own store. In a bucket, which several may share, it is done by whoever
    knows them all: from time to time, by hand or by a timer. Nothing is removed while anything is being sent there.
    Where no Artifact of any server lies in that store, all that is old would go: a slip in URL or --server must not do
    that, so it takes --force.
    """
    from sedna.cli.proving import access
    from sedna_gm.daemon import collecting

    if len(token_files) not in (0, 1, len(servers)):
        raise click.UsageError("--token-file: one for all servers, or one for each")
    files = token_files * len(servers) if len(token_files) == 1 else token_files or ("",) * len(servers)
    proofs = {server: access(server, file, ca, os.environ).proof for server, file in zip(servers, files, strict=True)}

    def clock() -> datetime:
        return datetime.now(timezone.utc)

    try:
        swept = collecting.collect(url, servers, credentials_dir, keep_seconds, clock, proofs=proofs, force=force)
    except collecting.CollectingFailed as failed:
        raise click.ClickException(f"{failed}.") from None
    click.echo(f"{url}: {swept.blobs} blobs removed, {size_text(swept.size)}.")


main.add_command(certificates)
main.add_command(token)


def _load(config: Path) -> Settings:
    try:
        return configuring.load(config)
    except Misconfigured as error:
        raise ConfigUnusable(str(error)) from None
