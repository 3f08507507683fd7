"""The command `sedna-gm`."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import click

from sedna.daemons.configuring import Misconfigured
from sedna.daemons.notifying import Notifier
from sedna_gm.daemon import configuring
from sedna_gm.settings import Settings

_config = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path("/etc/sedna/gm.yml"),
    show_default=True,
    help="The settings, as YAML.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sedna-metal")
def main() -> None:
    """Sedna's GlobalManager: takes manifests over HTTP and decides what runs where."""


@main.command("check-config")
@_config
def check_config(config: Path) -> None:
    """Say whether the settings can be used; name file and key of every problem."""
    _load(config)
    click.echo(f"{config}: OK")


@main.command()
@_config
@click.option(
    "--address-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the URL to this file once it is served; tells the port where `listen` ends in :0.",
)
def serve(config: Path, address_file: Path | None) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    settings = _load(config)
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Late, since each costs a moment that `check-config` and `--help` can do without.
    from sedna_gm.daemon import serving, wiring
    from sedna_gm.store.sql.engines import DatabaseUnusable

    try:
        # Here, where it can still be said in one sentence; the worker opens it again.
        wiring.open_store(settings).close()
    except DatabaseUnusable as error:
        raise click.ClickException(str(error)) from None
    serving.Application(settings, Notifier.taken_from(os.environ), address_file).run()


def _load(config: Path) -> Settings:
    try:
        return configuring.load(config)
    except Misconfigured as error:
        raise click.ClickException(str(error)) from None
