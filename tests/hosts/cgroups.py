"""The processes of one machine, held together by a control group of its own.

Without one, systemd-nspawn puts every machine's PID 1 into the group it was started from, and two machines would
manage, and kill, each other's services. It is also what makes a crash: `cgroup.kill` ends nspawn and all that runs in
the machine at one blow, as a power switch does. Used by tests.hosts.machines.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from tests.hosts.waiting import wait_until

PREFIX = "sedna-lab"


def hierarchies() -> list[Path]:
    """Return the mounted hierarchies that systemd wants for itself, the unified one (it can kill) first.

    Raises:
        RuntimeError: when no unified hierarchy is mounted.
    """
    unified: list[Path] = []
    named: list[Path] = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, folder, kind, options, *_ = line.split()
        if kind == "cgroup2" and not unified:
            unified.append(Path(folder))
        elif kind == "cgroup" and "name=systemd" in options.split(","):
            named.append(Path(folder))
    if not unified:
        raise RuntimeError(
            "No cgroup2 file system is mounted, and a lab needs one: mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified"
        )
    return unified + named


class ControlGroup:
    """The control group of one machine, by the machine's full name."""

    def __init__(self, name: str) -> None:
        self.folders = [hierarchy / f"{PREFIX}-{name}" for hierarchy in hierarchies()]

    def make(self) -> None:
        """Make it; one that is there stays."""
        for folder in self.folders:
            folder.mkdir(exist_ok=True)

    def entering(self, argv: Sequence[str]) -> list[str]:
        """Return the command that enters the group and becomes `argv`."""
        enter = "".join(f"echo $$ > {shlex.quote(str(folder))}/cgroup.procs && " for folder in self.folders)
        return ["sh", "-c", f'{enter}exec "$@"', "sh", *argv]

    @property
    def populated(self) -> bool:
        """Whether any process lives in it."""
        try:
            return "populated 1" in (self.folders[0] / "cgroup.events").read_text()
        except FileNotFoundError:
            return False

    def leader(self) -> int | None:
        """Return the process that is PID 1 inside the machine, None before it is born and after its death."""
        for procs in sorted(self.folders[0].rglob("cgroup.procs")):
            try:
                pids = procs.read_text().split()
            except OSError:
                # The group went while we looked.
                continue
            for pid in pids:
                try:
                    status = Path(f"/proc/{pid}/status").read_text()
                except OSError:
                    continue
                inner = next((line.split() for line in status.splitlines() if line.startswith("NSpid:")), [])
                if len(inner) == 3 and inner[-1] == "1":
                    return int(pid)
        return None

    def kill(self) -> None:
        """End every process in it by SIGKILL, at once, and wait until none is left."""
        if self.populated:
            (self.folders[0] / "cgroup.kill").write_text("1")
            wait_until(
                f"every process of {self.folders[0].name} is gone", lambda: not self.populated, seconds=30, pause=0.02
            )

    def remove(self) -> None:
        """Kill what is in it and remove it, with the groups that the machine made inside."""
        self.kill()
        for folder in self.folders:
            for inner in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
                inner.rmdir()
            if folder.exists():
                folder.rmdir()
