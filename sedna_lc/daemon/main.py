"""The command `sedna-lc`."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import click

from sedna.daemons import logs
from sedna_lc.daemon import configuring
from sedna_lc.errors import LcError, SettingsInvalid
from sedna_lc.settings import Settings

_config = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path("/etc/sedna/lc.yml"),
    show_default=True,
    help="The settings, as YAML.",
)


class ConfigUnusable(click.ClickException):
    """The settings cannot be used. Its own exit code (EX_CONFIG): systemd need not try again."""

    exit_code = os.EX_CONFIG


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sedna-metal")
def main() -> None:
    """Sedna's LocalController: makes this host run what the GlobalManager wants of it."""


@main.command("check-config")
@_config
def check_config(config: Path) -> None:
    """Say whether the settings can be used; name file and key of every problem."""
    _load(config)
    click.echo(f"{config}: OK")


@main.command()
@_config
def run(config: Path) -> None:
    """Run until SIGTERM or Ctrl-C. SIGHUP reads the log level again."""
    settings = _load(config)
    logs.set_up(settings.log_level, settings.log_format, "sedna-lc", os.environ)
    # The client's own lines repeat, at every heartbeat, what ours say when it matters.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # Where the log itself lies in a folder that is watched, each line about it would bring the next one.
    logging.getLogger("watchdog").setLevel(logging.INFO)
    # Late, since each costs a moment that `check-config` and `--help` can do without.
    from sedna_lc.daemon import running
    from sedna_lc.runners.errors import RunnerError

    try:
        running.run(settings, config)
    except (LcError, RunnerError) as problem:
        raise click.ClickException(str(problem)) from None


def _load(config: Path) -> Settings:
    try:
        return configuring.load(config)
    except SettingsInvalid as problem:
        raise ConfigUnusable(str(problem)) from None
