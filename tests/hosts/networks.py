"""The network of one lab: a bridge in a namespace of its own, and for each host a namespace with one cable to it.

Every lab may use the same addresses, because none of them is seen outside its namespaces. The cable has two ends:
`host0` inside the host, and one on the bridge that is taken down to cut the host off: the host keeps its address and
its routes and simply hears nothing, as when somebody digs up the fibre. Used by tests.hosts.labs and
tests.hosts.machines.
"""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.hosts.running import run

# A range set aside for documentation: nobody's real network.
SUBNET = "198.51.100.{}"
PREFIX_LENGTH = 24
CONTROL = SUBNET.format(1)
FIRST_HOST = 11
BRIDGE = "lab0"
# From linux/sched.h: the kind of namespace to enter.
CLONE_NEWNET = 0x40000000
# The network in which this process began, kept open: in a container, not even root may look at PID 1's.
_OWN = os.open("/proc/self/ns/net", os.O_RDONLY)


class Network:
    """The namespaces of one lab, by the lab's name."""

    def __init__(self, lab: str) -> None:
        self.namespace = f"sedna-{lab}"

    def host_namespace(self, host: str) -> str:
        """Return the name of the host's namespace."""
        return f"{self.namespace}-{host}"

    def make(self) -> None:
        """Make the lab's own namespace with the bridge; this machine's end of it has the address CONTROL."""
        run(["ip", "netns", "add", self.namespace])
        self._ip("link", "set", "lo", "up")
        self._ip("link", "add", BRIDGE, "type", "bridge")
        self._ip("address", "add", f"{CONTROL}/{PREFIX_LENGTH}", "dev", BRIDGE)
        self._ip("link", "set", BRIDGE, "up")

    def connect(self, host: str, address: str) -> None:
        """Make the host's namespace and plug its cable in."""
        inside = self.host_namespace(host)
        run(["ip", "netns", "add", inside])
        self._ip("link", "add", _cable(host), "type", "veth", "peer", "name", "host0", "netns", inside)
        self._ip("link", "set", _cable(host), "master", BRIDGE, "up")
        run(["ip", "-n", inside, "address", "add", f"{address}/{PREFIX_LENGTH}", "dev", "host0"])
        run(["ip", "-n", inside, "link", "set", "lo", "up"])
        run(["ip", "-n", inside, "link", "set", "host0", "up"])

    def set_link(self, host: str, *, up: bool) -> None:
        """Plug the host's cable in, or pull it."""
        self._ip("link", "set", _cable(host), "up" if up else "down")

    def link_is_up(self, host: str) -> bool:
        """Return whether the host's cable is plugged in."""
        [link] = json.loads(self._ip("-json", "link", "show", "dev", _cable(host)))
        return "UP" in link["flags"]

    def entering(self, argv: Sequence[str]) -> list[str]:
        """Return the command that runs `argv` in the lab's network, and else in this machine as it is."""
        return ["nsenter", f"--net=/run/netns/{self.namespace}", *argv]

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be in the lab's network, and in no other, for the time of the block: this thread and what it starts."""
        with Path("/proc/thread-self/ns/net").open() as before, Path("/run/netns", self.namespace).open() as inside:
            _enter(inside.fileno())
            try:
                yield
            finally:
                _enter(before.fileno())

    def remove(self) -> None:
        """Remove all namespaces of the lab, and with them cables and bridge."""
        there = [line.split()[0] for line in run(["ip", "netns", "list"]).stdout.splitlines() if line.strip()]
        for name in there:
            if name == self.namespace or name.startswith(f"{self.namespace}-"):
                run(["ip", "netns", "delete", name])

    def _ip(self, *arguments: str) -> str:
        return run(["ip", "-n", self.namespace, *arguments]).stdout


def outside(argv: Sequence[str]) -> list[str]:
    """Return the command that runs `argv` in this machine's own network, wherever the caller is."""
    return ["nsenter", f"--net=/proc/{os.getpid()}/fd/{_OWN}", *argv]


def _enter(namespace: int) -> None:
    """Put this thread into a network namespace, by its open file."""
    # os.setns comes with Python 3.12.
    if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _cable(host: str) -> str:
    """Return the name of the bridge's end of a host's cable; Linux allows 15 characters."""
    return f"to-{host}"
