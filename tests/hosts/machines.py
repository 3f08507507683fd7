"""One host of a lab: what a test does to it, and what it sees of it.

Made by tests.hosts.labs; its processes are tests.hosts.cgroups' affair, its cable tests.hosts.networks', and what runs
in it tests.hosts.insides'.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.hosts.cgroups import ControlGroup
from tests.hosts.insides import Inside
from tests.hosts.networks import Network
from tests.hosts.running import CommandFailed, run
from tests.hosts.waiting import wait_until

# systemd's words for a host that is up, and for one that is up with failed units.
UP = ("running", "degraded")


class Machine(Inside):
    """A host that boots, runs, is cut off, crashes and boots again.

    Args:
        lab: the lab's name.
        name: the host's name.
        address: its address in the lab's network.
        folder: where its layers and its console lie.
        network: the lab's network.
    """

    def __init__(self, lab: str, name: str, address: str, folder: Path, network: Network) -> None:
        self.full_name = f"{lab}-{name}"
        self.name = name
        self.address = address
        self.folder = folder
        self.root = folder / "root"
        self._network = network
        self._group = ControlGroup(self.full_name)

    def __repr__(self) -> str:
        return f"Machine({self.full_name!r})"

    # Life.

    @property
    def is_alive(self) -> bool:
        """Whether any of its processes runs."""
        return self._group.populated

    def mount(self, base: Path) -> None:
        """Lay its own layer over the base image."""
        layers = [self.folder / part for part in ("upper", "work", "root")]
        for layer in layers:
            layer.mkdir(parents=True, exist_ok=True)
        upper, work, root = layers
        run(
            [
                "mount",
                "-t",
                "overlay",
                self.full_name,
                "-o",
                f"lowerdir={base},upperdir={upper},workdir={work}",
                str(root),
            ]
        )

    def start(self, *, link: bool = True) -> None:
        """Switch it on, with or without its link, and do not wait."""
        self._network.set_link(self.name, up=link)
        self._group.make()
        argv = [
            "systemd-nspawn",
            f"--directory={self.root}",
            "--boot",
            "--quiet",
            "--register=no",
            "--keep-unit",
            f"--machine={self.full_name}",
        ]
        argv += [f"--network-namespace-path=/run/netns/{self._network.host_namespace(self.name)}", "--console=pipe"]
        argv += ["--link-journal=no", "--resolv-conf=off", "--timezone=off"]
        kubectl = shutil.which("kubectl")
        if kubectl:
            argv.append(f"--bind-ro={Path(kubectl).resolve()}:/usr/local/bin/kubectl")
        with (self.folder / "console.log").open("ab") as console:
            # A grandchild in a session of its own: it outlives whoever boots it, and is nobody's to wait for.
            subprocess.run(
                ["setsid", "--fork", *self._group.entering(argv)],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                check=True,
            )

    def wait_booted(self, *, seconds: float = 120) -> None:
        """Wait until systemd says that it is up.

        Raises:
            AssertionError: when it does not come up, or with failed units; both with what its console said last.
        """
        try:
            state = wait_until(f"{self.name} is up", self._state, lambda state: state in UP, seconds=seconds)
        except AssertionError as late:
            raise AssertionError(f"{late}\nIts console said last:\n{self._console_tail()}") from None
        if state != "running":
            raise AssertionError(
                f"{self.name} is up, but some of its units failed:\n{self.systemctl('--failed', '--no-legend')}"
            )

    def boot(self, *, link: bool = True, seconds: float = 120) -> None:
        """Switch it on and wait until it is up."""
        self.start(link=link)
        self.wait_booted(seconds=seconds)

    def stop(self) -> None:
        """Shut it down in order, as `systemctl poweroff` does."""
        leader = self.leader()
        nspawn = next(
            line.split()[1]
            for line in Path(f"/proc/{leader}/status").read_text().splitlines()
            if line.startswith("PPid:")
        )
        os.kill(int(nspawn), signal.SIGTERM)
        wait_until(f"{self.name} has shut down", lambda: not self.is_alive, seconds=150)

    def crash(self) -> None:
        """End all of it at one blow, with no word to anybody."""
        self._group.kill()

    def remove(self) -> None:
        """End it and remove what holds it; its folder stays."""
        self._group.remove()
        if os.path.ismount(self.root):
            run(["umount", str(self.root)])
        # nspawn leaves it after a crash.
        shutil.rmtree(f"/run/systemd/nspawn/propagate/{self.full_name}", ignore_errors=True)

    # Its link.

    def cut_link(self) -> None:
        """Pull its cable: it keeps address and routes and hears nothing any more."""
        self._network.set_link(self.name, up=False)

    def mend_link(self) -> None:
        """Plug its cable in again."""
        self._network.set_link(self.name, up=True)

    @property
    def link_is_up(self) -> bool:
        """Whether its cable is plugged in."""
        return self._network.link_is_up(self.name)

    # What is known of it.

    def save_evidence(self, folder: Path) -> None:
        """Write into a folder of this machine what a person needs to see why a test failed here."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "journal.log").write_text(self.journal())
        console = self.folder / "console.log"
        if console.exists():
            shutil.copy(console, folder)
        if self._group.leader() is not None:
            units = self.systemctl("list-units", "--all", "--full", "sedna*", check=False)
            (folder / "units.txt").write_text(units + self.systemctl("list-jobs", check=False))

    def leader(self) -> int:
        """Return its PID 1, as this machine numbers it."""
        leader = self._group.leader()
        if leader is None:
            raise CommandFailed(f"{self.name} is down; its console said last:\n{self._console_tail()}")
        return leader

    def _state(self) -> str:
        """Return systemd's one word for the whole host; what it could not be asked for is part of the answer."""
        asked = self.completed("systemctl", "is-system-running", "--wait", timeout=60)
        return asked.stdout.strip() or asked.stderr.strip()

    def _console_tail(self) -> str:
        console = self.folder / "console.log"
        return "\n".join(console.read_text(errors="replace").splitlines()[-15:]) if console.exists() else "(nothing)"
