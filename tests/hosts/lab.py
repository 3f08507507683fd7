"""The command that makes, shows, uses and removes labs: `python -m tests.hosts.lab --help`; see tests/hosts/__init__.py
for a first use.

All it does is in tests.hosts.labs; molecule's create and destroy call it, and so may a person.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from tests.hosts.bases import system
from tests.hosts.labs import HOSTS, Lab, LabError, existing, folder_of
from tests.hosts.machines import Machine
from tests.hosts.running import CommandFailed

NAME = click.option("--name", required=True, metavar="NAME", help="The lab's name.")


@click.group()
def main() -> None:
    """Real systemd hosts on this machine, for tests."""
    if os.geteuid() != 0:
        raise click.ClickException("A lab needs root: namespaces, mounts and machines.")
    # A killed `up` must clean up as an interrupted one does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


@main.command()
@NAME
@click.option(
    "--hosts", default=",".join(HOSTS), show_default=True, help="Names of the hosts, by commas; the first is the cloud."
)
def up(name: str, hosts: str) -> None:
    """Make a lab and wait until its hosts are up."""
    lab = Lab.make(name, hosts.split(","))
    click.echo(f"{name} is up: {', '.join(f'{machine.name} {machine.address}' for machine in lab.machines.values())}")
    click.echo(f"ansible-playbook -i {lab.inventory} …   ssh -F {lab.folder}/ssh_config {next(iter(lab.machines))}")


@main.command()
@NAME
def down(name: str) -> None:
    """Remove a lab and all that is in it; none is fine, too."""
    if not folder_of(name).exists():
        click.echo(f"There is no lab {name}.")
        return
    try:
        lab = Lab.open(name)
    except LabError:
        # It ended before it could say which hosts it has.
        lab = Lab(name, {})
    lab.remove()
    click.echo(f"{name} is gone.")


@main.command()
@click.option("--name", metavar="NAME", help="Only this lab.")
def status(name: str | None) -> None:
    """Say which labs there are, and how their hosts are."""
    for each in [name] if name else existing():
        for machine in Lab.open(each).machines.values():
            life = "up" if machine.is_alive else "down"
            click.echo(
                f"{each}\t{machine.name}\t{machine.address}\t{life}\tlink {'up' if machine.link_is_up else 'cut'}"
            )


@main.command()
@NAME
def inventory(name: str) -> None:
    """Say where the inventory for ansible lies."""
    click.echo(Lab.open(name).inventory)


@main.command()
def python() -> None:
    """Say which Python the hosts of a new lab have; $SEDNA_LAB_SYSTEM chooses what they run."""
    click.echo(system().python)


@main.command(name="run", context_settings={"ignore_unknown_options": True})
@NAME
@click.argument("host")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run_(name: str, host: str, command: Sequence[str]) -> None:
    """Run a command in a host as root; needs no network there."""
    argv = _machine(name, host).entering(tuple(command))
    os.execvp(argv[0], argv)


@main.command(name="exec", context_settings={"ignore_unknown_options": True})
@NAME
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_(name: str, command: Sequence[str]) -> None:
    """Run a command on this machine, but inside the lab's network (and no other)."""
    argv = Lab.open(name).network.entering(command)
    os.execvp(argv[0], argv)


@main.command()
@NAME
@click.argument("act", type=click.Choice(["boot", "boot-without-link", "crash", "stop", "cut-link", "mend-link"]))
@click.argument("host")
def host(name: str, act: str, host: str) -> None:
    """Do to a host what life does to hosts."""
    machine = _machine(name, host)
    if act.startswith("boot"):
        machine.boot(link=act == "boot")
    else:
        {"crash": machine.crash, "stop": machine.stop, "cut-link": machine.cut_link, "mend-link": machine.mend_link}[
            act
        ]()


@main.command()
@NAME
@click.argument("folder", type=click.Path(path_type=Path))
def journals(name: str, folder: Path) -> None:
    """Save the journals and the list of units of all hosts in a folder; no lab is fine, too."""
    if not (folder_of(name) / "lab.json").exists():
        click.echo(f"There is no lab {name}.")
        return
    Lab.open(name).save_evidence(folder)
    click.echo(f"The journals of {name} are in {folder}")


def _machine(name: str, host: str) -> Machine:
    lab = Lab.open(name)
    if host not in lab.machines:
        raise LabError(f"{name} has no host {host}; it has {', '.join(lab.machines)}.")
    return lab[host]


if __name__ == "__main__":
    try:
        main()
    except (LabError, CommandFailed) as error:
        sys.exit(str(error))
