"""One machine with a GlobalManager and a LocalController on it, driven as an operator drives a host.

Both are the true daemons, as children, on ports of their own and with everything in one folder. Tests wait for a
condition with a deadline; when it passes, the failure shows the resource, its workers and the ends of the logs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from sedna.api import kinds, yaml12
from sedna.cli.client import GlobalManager, path_of
from sedna.cli.errors import Refused, Unreachable
from sedna.cli.up import children, configs, waiting
from sedna.cli.up.children import Child

Document = dict[str, Any]
BIN = Path(sys.executable).parent
# Generous, for two busy cores: a deadline only decides how long a failure takes.
DEADLINE = 90.0


class Machine:
    """A folder, two daemons, and an operator's hands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.setup = configs.prepare(folder, port=0, lc_port=0, node="edge-node")
        # Daemons are stopped and started here as under systemd: units live on without their LocalController.
        self._configure(self.setup.lc_config, stopWorkersOnExit=False, heartbeatSeconds=1, safetyPollSeconds=1)
        self.gm = GlobalManager(self.setup.server)
        self._stop = threading.Event()
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

    def start_lc(self) -> None:
        command = [str(BIN / "sedna-lc"), "run", "--config", str(self.setup.lc_config)]
        child = self._begin("lc", command)
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

    # --- resources

    def sedna(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run the `sedna` command as a person does."""
        return subprocess.run(
            [str(BIN / "sedna"), *words], input=stdin, capture_output=True, text=True, timeout=DEADLINE, check=False,
            cwd=self.folder, env={**os.environ, "SEDNA_SERVER": self.setup.server},
        )  # fmt: skip

    def create(self, text: str) -> None:
        """Submit manifests as curl does."""
        for document in yaml12.load_documents(text):
            kind = kinds.by_kind(document["kind"])
            self.gm.ask("POST", path_of(kind, "default"), body=document)

    def get(self, kind: str, name: str) -> Document:
        return self.gm.ask("GET", path_of(kinds.by_kind(kind), "default", name))

    def list(self, kind: str, **params: str) -> list[Document]:
        items: list[Document] = self.gm.ask("GET", path_of(kinds.by_kind(kind), "default"), params=params)["items"]
        return items

    def rounds(self, job: str) -> list[Document]:
        path = path_of(kinds.by_kind("IncrementalLearningJob"), "default", job, "rounds")
        items: list[Document] = self.gm.ask("GET", path)["items"]
        return items

    def events(self, name: str) -> list[str]:
        """What was told about a resource, as sentences."""
        return [str(e["message"]) for e in self.list("Event", fieldSelector=f"involvedObject.name={name}")]

    def until(
        self, kind: str, name: str, holds: Callable[[Document], object], what: str, seconds: float = DEADLINE
    ) -> Document:
        """Watch one resource until a condition holds; fail with everything known when it does not in time."""
        deadline = time.monotonic() + seconds
        last: Document = {}
        while time.monotonic() < deadline:
            try:
                for last in self._versions(kind, name):
                    if holds(last):
                        return last
            except (Refused, Unreachable):
                # Not there yet, or a daemon is just being restarted by the test.
                self._stop.wait(0.1)
        raise AssertionError(f"not in {seconds:.0f} s: {what}\n{self._explained(kind, name, last)}")

    def _versions(self, kind: str, name: str) -> Iterator[Document]:
        row = kinds.by_kind(kind)
        one = self.gm.ask("GET", path_of(row, "default", name))
        yield {"status": {}, **one}
        params = {
            "watch": "1", "timeoutSeconds": "2", "fieldSelector": f"metadata.name={name}",
            "resourceVersion": one["metadata"]["resourceVersion"],
        }  # fmt: skip
        for event in self.gm.follow(path_of(row, "default"), params=params):
            if event["type"] in ("ADDED", "MODIFIED"):
                yield {"status": {}, **event["object"]}

    def until_gone(self, kind: str, name: str, seconds: float = DEADLINE) -> None:
        deadline = time.monotonic() + seconds
        while self.gm.find(path_of(kinds.by_kind(kind), "default", name)) is not None:
            assert time.monotonic() < deadline, f"{kind} {name} is still there"
            self._stop.wait(0.1)

    def until_file(self, path: Path, holds: Callable[[str], object], what: str) -> str:
        """Wait for what a worker writes."""
        self.until_seen(lambda: path.exists() and holds(path.read_text()), what)
        return path.read_text()

    def until_seen(self, holds: Callable[[], object], what: str, seconds: float = DEADLINE) -> None:
        """Wait for what nobody announces, such as files of a worker."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"not in {seconds:.0f} s: {what}\n{self._explained('Worker', '', {})}"
            self._stop.wait(0.1)

    def _explained(self, kind: str, name: str, last: Document) -> str:
        parts = [f"{kind} {name}:", yaml.safe_dump(last.get("status", {}), sort_keys=False)]
        try:
            for worker in self.list("Worker"):
                parts.append(f"worker {worker['metadata']['name']}: {yaml.safe_dump(worker.get('status', {}))}")
                log = self.sedna("logs", worker["metadata"]["name"], "--tail", "20")
                parts.append(log.stdout + log.stderr)
        except (Refused, Unreachable, subprocess.TimeoutExpired) as error:
            parts.append(str(error))
        return "\n".join(parts)


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
