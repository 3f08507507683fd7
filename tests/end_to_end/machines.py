"""One machine with a GlobalManager and a LocalController on it, driven as an operator drives a host.

Both are the true daemons, as children, on ports of their own and with everything in one folder. What is asked over
the API is in `tests.end_to_end.clusters`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from sedna.cli.up import children, configs, waiting
from sedna.cli.up.children import Child
from tests.end_to_end.clusters import DEADLINE, Cluster

BIN = Path(sys.executable).parent


class Machine(Cluster):
    """A folder, two daemons, and an operator's hands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.setup = configs.prepare(folder, port=0, lc_port=0, node="edge-node")
        # Daemons are stopped and started here as under systemd: units live on without their LocalController.
        self._configure(self.setup.lc_config, stopWorkersOnExit=False, heartbeatSeconds=1, safetyPollSeconds=1)
        super().__init__(self.setup.server)
        self._daemons: dict[str, Child] = {}

    @staticmethod
    def _configure(path: Path, **settings: Any) -> None:
        path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **settings}))

    # --- daemons

    def start(self) -> None:
        """Start both, and wait until the node is Ready."""
        self.start_gm()
        self.start_lc()

    def start_gm(self) -> None:
        command = [str(BIN / "sedna-gm"), "serve", "--config", str(self.setup.gm_config)]
        child = self._begin("gm", command)
        assert waiting.until_ready([child], lambda: waiting.answers(self.gm), "GlobalManager not ready", self._stop)

    def begin_lc(self) -> Child:
        """Start it, and wait for nothing: there may be no GlobalManager to be seen."""
        return self._begin("lc", [str(BIN / "sedna-lc"), "run", "--config", str(self.setup.lc_config)])

    def start_lc(self) -> None:
        child = self.begin_lc()
        ready = lambda: waiting.node_is_ready(self.gm, self.setup.node, self.setup.lc_listen)  # noqa: E731
        assert waiting.until_ready([child], ready, "node not Ready", self._stop)

    def _begin(self, name: str, command: list[str]) -> Child:
        child = Child(name, command, self.setup.logs / f"{name}.log", self.folder, stop_seconds=20)
        self._daemons[name] = child
        return child

    def stop(self, name: str) -> None:
        """End a daemon as systemd does."""
        children.stop(self._daemons.pop(name), self._stop, print)

    def kill(self, name: str) -> None:
        """End a daemon as a power cut does: itself and what it forked; workers have sessions of their own."""
        child = self._daemons.pop(name)
        os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()

    def close(self) -> None:
        """End everything that this machine runs, and show the logs (pytest keeps them for failures only)."""
        self.gm.close()
        for name in ("lc", "gm"):
            if name in self._daemons:
                self.stop(name)
        end_processes_below(self.folder)
        for log in sorted(self.setup.logs.glob("*.log")):
            print(f"--- {log.name}\n{log.read_text(errors='replace')[-6000:]}")

    # --- a person at the keyboard

    def sedna(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run the `sedna` command as a person does."""
        return subprocess.run(
            [str(BIN / "sedna"), *words], input=stdin, capture_output=True, text=True, timeout=DEADLINE, check=False,
            cwd=self.folder, env={**os.environ, "SEDNA_SERVER": self.setup.server},
        )  # fmt: skip

    def until_file(self, path: Path, holds: Callable[[str], object], what: str) -> str:
        """Wait for what a worker writes."""
        self.until_seen(lambda: path.exists() and holds(path.read_text()), what)
        return path.read_text()


def end_processes_below(folder: Path) -> None:
    """End what works in a folder: workers that outlive their LocalController, as they should."""
    for pid in processes_below(folder):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def processes_below(folder: Path) -> list[int]:
    """Return the processes that name a folder in their command line, or have it as working directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace")
            where = (entry / "cwd").readlink()
        except OSError:
            continue
        if int(entry.name) != os.getpid() and (str(folder) in words or where.is_relative_to(folder)):
            found.append(int(entry.name))
    return found
