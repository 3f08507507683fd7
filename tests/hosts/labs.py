"""A lab: several hosts, their network and the ways in, made together and removed together.

Everything that says what a lab is lies in its folder under the cache, so another process (a test, ansible, a person)
opens it by its name. Called by the command tests.hosts.lab and by the fixtures in tests/hosts/conftest.py; hands on to
bases, networks, keys, machines.
"""

from __future__ import annotations

import json
import re
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from tests.hosts import bases, keys, operators
from tests.hosts.machines import Machine
from tests.hosts.networks import FIRST_HOST, SUBNET, Network
from tests.hosts.running import run

HOSTS = ("cloud", "edge1", "edge2")
# Interface names allow 15 characters with their prefix; a hyphen would make "a" and "a-b" hard to tell apart.
NAME = re.compile(r"[a-z][a-z0-9]{0,11}")
NEEDED = {
    "systemd-nspawn": "systemd-container",
    "debootstrap": "debootstrap",
    "ssh-keygen": "openssh-client",
    "ip": "iproute2",
    "nsenter": "util-linux",
}


class LabError(Exception):
    """A lab could not be made or opened; the message says what to do."""


def folder_of(name: str) -> Path:
    """Return the folder of the lab of that name."""
    return bases.cache() / "labs" / name


def existing() -> list[str]:
    """Return the names of the labs that are there."""
    return sorted(path.name for path in (bases.cache() / "labs").glob("*") if path.is_dir())


class Lab:
    """A lab that is there; `make` makes one, `open` finds one."""

    def __init__(self, name: str, addresses: dict[str, str]) -> None:
        self.name = name
        self.folder = folder_of(name)
        self.network = Network(name)
        self.machines = {
            host: Machine(name, host, address, self.folder / host, self.network) for host, address in addresses.items()
        }

    def __getitem__(self, host: str) -> Machine:
        return self.machines[host]

    @property
    def inventory(self) -> Path:
        """The inventory for ansible."""
        return self.folder / "inventory.yml"

    @classmethod
    def make(cls, name: str, hosts: Sequence[str] = HOSTS) -> Lab:
        """Make a lab and wait until all its hosts are up; what fails leaves nothing behind.

        Raises:
            LabError: when the name is taken or wrong, or a package is missing.
        """
        for word in (name, *hosts):
            if not NAME.fullmatch(word):
                raise LabError(
                    f"{word!r} is no name for a lab or a host: up to twelve small letters and digits, a letter first."
                )
        missing = sorted({package for command, package in NEEDED.items() if shutil.which(command) is None})
        if missing:
            raise LabError(f"These Debian packages are missing: apt-get install {' '.join(missing)}")
        if folder_of(name).exists():
            raise LabError(f"There is a lab {name} already: python -m tests.hosts.lab down --name {name}")
        base = bases.provide_base()
        addresses = {host: SUBNET.format(FIRST_HOST + number) for number, host in enumerate(hosts)}
        folder_of(name).mkdir(parents=True)
        lab = cls(name, addresses)
        try:
            lab._make(base, addresses)
        except BaseException:
            lab.remove()
            raise
        return lab

    @classmethod
    def open(cls, name: str) -> Lab:
        """Open the lab of that name.

        Raises:
            LabError: when there is none.
        """
        try:
            addresses = json.loads((folder_of(name) / "lab.json").read_text())
        except FileNotFoundError:
            raise LabError(f"There is no lab {name}: python -m tests.hosts.lab up --name {name}") from None
        return cls(name, addresses)

    def _make(self, base: Path, addresses: dict[str, str]) -> None:
        (self.folder / "lab.json").write_text(json.dumps(addresses))
        (self.folder / "connections").mkdir(mode=0o700)
        login = keys.make_key(self.folder / "key", f"lab {self.name}")
        self.network.make()
        known_hosts = []
        for machine in self.machines.values():
            identity = uuid.uuid4().hex
            upper = machine.folder / "upper"
            known_hosts.append(
                keys.put_into(upper, host=machine.name, addresses=addresses, login=login, identity=identity)
            )
            self.network.connect(machine.name, machine.address)
            machine.mount(base)
            machine.start()
        keys.write(self.folder, self.network, addresses, known_hosts)
        operators.write(self.folder / "operator", next(iter(addresses.items())))
        for machine in self.machines.values():
            machine.wait_booted()

    def remove(self) -> None:
        """End all hosts at once and remove everything, also of a lab that was made only in part."""
        for machine in self.machines.values():
            machine.remove()
        for connection in (self.folder / "connections").glob("*"):
            # ssh keeps shared connections for a minute, and with them a process.
            run(
                ["ssh", "-F", str(self.folder / "ssh_config"), "-O", "exit", "-o", f"ControlPath={connection}", "any"],
                check=False,
            )
        self.network.remove()
        shutil.rmtree(self.folder)

    def save_evidence(self, folder: Path) -> None:
        """Save the journals and the units of all hosts, each in a folder of its name."""
        for machine in self.machines.values():
            machine.save_evidence(folder / machine.name)
