"""The inside of a host: commands run there, and what it says, reads and writes.

Commands enter the host's namespaces directly and need no network, so a host whose link is cut can still be asked. What
happens to the host as a whole (boots, crashes, cut links) is in tests.hosts.machines, which builds on this.
"""

from __future__ import annotations

import subprocess
from abc import ABC, abstractmethod
from pathlib import Path

from tests.hosts.running import CommandFailed, run

ENVIRONMENT = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LANG=C.UTF-8",
    "TERM=dumb",
)


class Inside(ABC):
    """What can be asked of a host and done in it, by its name and the folder that is its root."""

    name: str
    root: Path

    @abstractmethod
    def leader(self) -> int:
        """Return the process that is PID 1 in the host; fails when the host is down."""

    def entering(self, argv: tuple[str, ...]) -> list[str]:
        """Return the command that runs `argv` as root in the host."""
        enter = [
            "nsenter",
            f"--target={self.leader()}",
            "--mount",
            "--uts",
            "--ipc",
            "--net",
            "--pid",
            "--cgroup",
            "--root",
            "--wd",
        ]
        return [*enter, "env", "--ignore-environment", *ENVIRONMENT, *argv]

    def run(self, *argv: str, stdin: str | None = None, timeout: float = 120, check: bool = True) -> str:
        """Run a command in the host as root and return its standard output; fails as tests.hosts.running.run does."""
        return self.completed(*argv, stdin=stdin, timeout=timeout, check=check).stdout

    def completed(
        self, *argv: str, stdin: str | None = None, timeout: float = 120, check: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the host as root and return its status and both outputs."""
        return run(self.entering(argv), stdin=stdin, timeout=timeout, check=check, where=self.name)

    def shell(self, script: str, *, timeout: float = 120) -> str:
        """Run a shell script in the host as root and return its standard output."""
        return self.run("/bin/sh", "-euc", script, timeout=timeout)

    def systemctl(self, *arguments: str, check: bool = True) -> str:
        """Run systemctl in the host and return what it prints."""
        return self.run("systemctl", "--no-pager", *arguments, check=check)

    def show(self, unit: str, *properties: str) -> dict[str, str]:
        """Return properties of a unit, by name, as systemd holds them; without names, all of them."""
        chosen = [f"--property={','.join(properties)}"] if properties else []
        lines = self.systemctl("show", unit, *chosen).splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def journal(self, unit: str = "", *, lines: int | None = None) -> str:
        """Return the journal, of one unit or of the whole host; also of a host that is down."""
        chosen = [f"--unit={unit}"] if unit else []
        amount = [f"--lines={lines}"] if lines else []
        argv = [
            "journalctl",
            f"--directory={self.root}/var/log/journal",
            "--no-pager",
            "--output=short-precise",
            "--quiet",
            *chosen,
            *amount,
        ]
        return run(argv, check=False).stdout

    def read(self, path: str) -> str:
        """Return the text of a file of the host."""
        return self.run("cat", path)

    def write(self, path: str, content: str) -> None:
        """Replace a file of the host; its folder must be there."""
        self.run("/bin/sh", "-euc", 'cat > "$1"', "sh", path, stdin=content)

    def append(self, path: str, content: str) -> None:
        """Append to a file of the host in one write, as a camera's program would."""
        self.run("/bin/sh", "-euc", 'cat >> "$1"', "sh", path, stdin=content)

    def copy_in(self, source: Path, target: str) -> None:
        """Copy a file or a folder of this machine into a folder of the host (made when missing), owned by root."""
        unpack = self.entering(
            ("/bin/sh", "-euc", 'mkdir -p "$1" && exec tar -xf - -C "$1" --no-same-owner', "sh", target)
        )
        with subprocess.Popen(
            ["tar", "-C", str(source.parent), "-cf", "-", source.name], stdout=subprocess.PIPE
        ) as pack:
            done = subprocess.run(unpack, stdin=pack.stdout, capture_output=True, text=True, check=False)
        if pack.returncode or done.returncode:
            raise CommandFailed(f"Copying {source} to {self.name}:{target} failed: {done.stderr}")
