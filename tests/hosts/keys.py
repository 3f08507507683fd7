"""The ways into a lab's hosts: keys, what ssh and ansible must be told, and the hosts' names.

Every lab has its own key to come in by, and every host its own host key that is known beforehand; so nothing turns off
the checking of host keys, here as little as on real hosts. Used by tests.hosts.labs, which calls `write` once when a
lab is made.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.hosts import dialing
from tests.hosts.bases import ADMIN
from tests.hosts.networks import CONTROL, Network
from tests.hosts.running import run

# A host whose link is cut answers nothing: without these, a connection to it would wait for the kernel's two hours.
PATIENCE = "ConnectTimeout 10\n    ServerAliveInterval 5\n    ServerAliveCountMax 6"


def make_key(path: Path, comment: str) -> str:
    """Make an ed25519 key without passphrase at `path`; return its public half as one line."""
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])
    return path.with_suffix(".pub").read_text().strip()


def put_into(upper: Path, *, host: str, addresses: Mapping[str, str], login: str, identity: str) -> str:
    """Write into a host's own layer who it is and who may come in; return the line of known_hosts that names it.

    Args:
        upper: the host's layer over the base image.
        host: its name.
        addresses: the address of every host of the lab, itself included.
        login: the public key that opens it.
        identity: its machine-id, 32 hexadecimal digits.
    """
    ssh = upper / "etc/ssh"
    ssh.mkdir(parents=True)
    public = make_key(ssh / "ssh_host_ed25519_key", host)
    names = ["127.0.0.1 localhost", f"{CONTROL} control", *(f"{address} {name}" for name, address in addresses.items())]
    (upper / "etc/hosts").write_text("\n".join(names) + "\n")
    (upper / "etc/hostname").write_text(f"{host}\n")
    (upper / "etc/machine-id").write_text(f"{identity}\n")
    # One file for root and the administrator, outside their homes: whose owner would not be theirs here.
    (ssh / "lab_keys").write_text(f"{login}\n")
    settings = ssh / "sshd_config.d"
    settings.mkdir()
    (settings / "lab.conf").write_text("AuthorizedKeysFile /etc/ssh/lab_keys\nPasswordAuthentication no\n")
    kind, key, *_ = public.split()
    return f"{addresses[host]},{host} {kind} {key}"


def write(folder: Path, network: Network, addresses: Mapping[str, str], known_hosts: list[str]) -> None:
    """Write known_hosts, ssh_config and inventory.yml of a lab into its folder.

    The inventory is YAML in its JSON form. The first host is the cloud: it alone runs the GlobalManager; every host
    runs a LocalController.
    """
    (folder / "known_hosts").write_text("\n".join(known_hosts) + "\n")
    dial = " ".join(network.entering([sys.executable, str(Path(dialing.__file__).resolve()), "%h", "%p"]))
    ways = "".join(f"Host {name}\n    HostName {address}\n" for name, address in addresses.items())
    (folder / "ssh_config").write_text(
        f"{ways}Host *\n    User {ADMIN}\n    IdentityFile {folder}/key\n    IdentitiesOnly yes\n"
        f"    UserKnownHostsFile {folder}/known_hosts\n    StrictHostKeyChecking yes\n    LogLevel ERROR\n"
        f"    {PATIENCE}\n    ProxyCommand {dial}\n    ProxyUseFdpass yes\n"
    )
    hosts = {name: {"ansible_host": address} for name, address in addresses.items()}
    cloud = next(iter(addresses))
    inventory = {
        "all": {
            "hosts": hosts,
            "vars": {
                "ansible_user": ADMIN,
                "ansible_python_interpreter": "/usr/bin/python3",
                "ansible_ssh_common_args": f"-F {folder}/ssh_config",
                # Two labs have the same addresses: sharing connections by address would mix them up.
                "ansible_control_path_dir": f"{folder}/connections",
                # For a scenario with an authority of the operator's own (tests.hosts.operators).
                "lab_folder": str(folder),
            },
            "children": {
                "sedna_gm": {"hosts": {cloud: {}}},
                "sedna_lc": {
                    "hosts": {name: {} for name in addresses},
                    "vars": {"sedna_lc_gm": f"https://{addresses[cloud]}:9000"},
                },
            },
        }
    }
    (folder / "inventory.yml").write_text(json.dumps(inventory, indent=2) + "\n")
