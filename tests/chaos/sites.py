"""A site of a GlobalManager and three nodes with everything that mischief needs: lines, small disks, a clock."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from pathlib import Path

from sedna.cli.errors import CommandError
from tests.chaos.lines import Line
from tests.faults.sites import DEADLINE, Lost, Site

NODES = ("cloud", "relay", "edge")
# More than the 256 MiB that a LocalController leaves free for others, and filled in a moment.
_DISK = "300m"


class ChaoticSite(Site):
    """`lines` are each node's to the GlobalManager, `disks` those nodes' state folders that are file systems."""

    def __init__(self, folder: Path) -> None:
        self.lines: dict[str, Line] = {}
        self.disks: dict[str, Path] = {}
        self.backup = folder / "backup.db"
        self.clock = folder / "clock"
        os.environ["SEDNA_CLOCK_FILE"] = str(self.clock)
        super().__init__(folder, NODES)
        self.environment["SEDNA_CLOCK_FILE"] = str(self.clock)
        for node in ("edge", "cloud"):
            self._give_disk(node)

    def address_for(self, node: str) -> str:
        host, _, port = self.server.rpartition("//")[2].rpartition(":")
        self.lines[node] = Line((host, int(port)))
        return self.lines[node].address

    def state_of(self, node: str) -> Path:
        return self.folder / node / "state" / "lc"

    @property
    def database(self) -> Path:
        return self.folder / NODES[0] / "state" / "gm.db"

    def set_clock(self, seconds: float) -> None:
        """Every host's time of the day is this far from the true one."""
        new = self.clock.with_suffix(".new")
        new.write_text(f"{seconds:.0f}")
        new.replace(self.clock)

    def refuses_to_start(self) -> bool:
        """Wait until the GlobalManager that was just started has refused its database, or has taken it."""
        daemon, deadline = self.daemons["gm"], time.monotonic() + DEADLINE
        while not daemon.dead:
            with contextlib.suppress(CommandError):
                self.items("Worker")
                return False
            if time.monotonic() > deadline:
                raise Lost(f"the GlobalManager neither took its database nor refused it\n{self.explained()}")
            self.stop.wait(0.05)
        daemon.wait_for_refusal()
        return True

    def _give_disk(self, node: str) -> None:
        """A file system of its own for a node's state, where this user may make one."""
        folder = self.state_of(node)
        folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() != 0:
            return
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "sedna-chaos", str(folder)], check=False)
        if done.returncode == 0:
            self.disks[node] = folder

    def close(self) -> None:
        os.environ.pop("SEDNA_CLOCK_FILE", None)
        super().close()
        for line in self.lines.values():
            line.close()
        for folder in self.disks.values():
            subprocess.run(["umount", "-l", str(folder)], check=False)
