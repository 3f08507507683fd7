"""A GlobalManager and some nodes of true daemons in one folder, started again whenever one of them is found dead.

`sweeps` ends them at named points, `tests.chaos` at any moment and in other ways. The first node trains and evaluates,
the last one has the data and serves: every sample and every model goes over the GlobalManager's store.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from sedna.api import kinds
from sedna.cli.client import GlobalManager, path_of
from sedna.cli.errors import CommandError, Refused, Unreachable
from sedna.cli.up import configs
from tests.end_to_end.machines import end_processes_below, processes_below
from tests.faults.worker_models import EMPTY, content_of

BIN = Path(sys.executable).parent
HERE = Path(__file__).parent
JOB = "numbers"
# So many samples begin a round; exactly so many are fed for each. Enough for the split to leave some on both sides.
BATCH = 16
# How long anything may take on two busy cores before it is called lost.
DEADLINE = 60.0
Document = dict[str, Any]


class Lost(AssertionError):
    """What should have come did not; the text has the state of everything."""


class Daemon:
    """One service: its command and the process that it is at present."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
        self.name = name
        self._command, self._folder, self._environment = list(command), folder, environment
        self.deaths = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self._folder / f"{self.name}.log"

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self._command, cwd=self._folder, env=self._environment, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip

    @property
    def dead(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def kill(self) -> None:
        """As a power cut does: itself and what it forked. Workers have sessions of their own."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def wait(self) -> None:
        """Until it ends by itself."""
        if self.process is not None:
            self.process.wait(DEADLINE)

    def wait_for_refusal(self) -> None:
        """Until it says by its exit code that a person has to choose."""
        self.wait()
        assert self.exit_code == os.EX_CONFIG, f"{self.name} ended with {self.exit_code}; see {self.log}"

    @property
    def exit_code(self) -> int | None:
        return None if self.process is None else self.process.returncode

    def revive(self) -> bool:
        """Start it again if it is dead; returns whether it was."""
        if not self.dead:
            return False
        self.deaths += 1
        # A service of two processes may have lost the one that was killed only.
        self.kill()
        self.start()
        return True


class Site:
    """All daemons, and what a person sees and does."""

    def __init__(self, folder: Path, nodes: Sequence[str] = ("cloud", "edge")) -> None:
        self.folder = folder
        self.nodes = tuple(nodes)
        self.stop = threading.Event()
        self.fed = 0
        self.faults = folder / "faults"
        self.ledger = folder / "ledger"
        self.data = folder / nodes[-1] / "data"
        self.list = self.data / "list.txt"
        self.served = folder / "served.json"
        for one in (self.faults, self.ledger, self.data / "s"):
            one.mkdir(parents=True)
        self.list.touch()
        self.environment = {
            "SEDNA_FAULT": f"@{self.faults}",
            # Before what the caller has there, so that another state of the code can be swept, too.
            "PYTHONPATH": os.pathsep.join(filter(None, (str(HERE / "armed"), os.environ.get("PYTHONPATH")))),
        }
        setups = {name: configs.prepare(folder / name, port=0, lc_port=0, node=name) for name in nodes}
        self.setups = setups
        self.server = setups[nodes[0]].server
        self.gm = GlobalManager(self.server, answer_seconds=10.0)
        self.daemons: dict[str, Daemon] = {
            "gm": self._daemon("gm", nodes[0], "sedna-gm", "serve", "--config", str(setups[nodes[0]].gm_config))
        }
        for name, setup in setups.items():
            configure(
                setup.lc_config, gm=self.address_for(name), stopWorkersOnExit=False, heartbeatSeconds=1,
                safetyPollSeconds=1,
            )  # fmt: skip
            image = setup.images / "app" / "v1"
            (image / "app").mkdir(parents=True)
            shutil.copy(HERE / "worker.py", image / "app" / "worker.py")
            (image / "image.yml").write_text(f"{{name: app, tag: v1, python: {sys.executable}}}")
            self.daemons[name] = self._daemon(name, name, "sedna-lc", "run", "--config", str(setup.lc_config))

    def address_for(self, node: str) -> str:
        """The GlobalManager as a node reaches it."""
        return self.server

    def _daemon(self, name: str, where: str, program: str, *words: str) -> Daemon:
        return Daemon(name, [str(BIN / program), *words], self.folder / where, {**os.environ, **self.environment})

    # --- life

    def start(self) -> None:
        for daemon in self.daemons.values():
            daemon.start()

    def heal(self) -> None:
        """Start again what is dead."""
        for daemon in self.daemons.values():
            daemon.revive()

    def close(self) -> None:
        self.gm.close()
        for daemon in self.daemons.values():
            daemon.kill()
        end_processes_below(self.folder)

    # --- asking

    def find(self, kind: str, name: str) -> Document | None:
        return self.gm.find(path_of(kinds.by_kind(kind), "default", name))

    def items(self, kind: str) -> list[Document]:
        items: list[Document] = self.gm.ask("GET", path_of(kinds.by_kind(kind), "default"))["items"]
        return items

    def rounds(self) -> list[Document]:
        path = path_of(kinds.by_kind("IncrementalLearningJob"), "default", JOB, "rounds")
        items: list[Document] = self.gm.ask("GET", path)["items"]
        return items

    def until(self, holds: Callable[[], object], what: str, seconds: float = DEADLINE) -> None:
        """Wait until something holds, while whatever dies is started again."""
        deadline = time.monotonic() + seconds
        while True:
            self.heal()
            with contextlib.suppress(Refused, Unreachable, CommandError, OSError, ValueError):
                if holds():
                    return
            if time.monotonic() > deadline:
                raise Lost(f"not in {seconds:.0f} s: {what}\n{self.explained()}")
            self.stop.wait(0.05)

    def explained(self) -> str:
        """Everything that helps to see why."""
        parts = []
        try:
            for kind in ("IncrementalLearningJob", "Dataset", "Worker", "Artifact"):
                for item in self.items(kind):
                    status = {**(item.get("status") or {}), "conditions": None}
                    parts.append(f"{kind} {item['metadata']['name']}: {json.dumps(status)}")
            parts += [f"round {each['round']}: {each['decision']} {each['samples']}" for each in self.rounds()]
        except (CommandError, ValueError) as error:
            parts.append(str(error))
        for daemon in self.daemons.values():
            if daemon.log.exists():
                parts.append(f"--- {daemon.name}\n{daemon.log.read_text(errors='replace')[-3000:]}")
        for log in sorted(self.folder.glob("*/state/lc/units/*/log")):
            parts.append(f"--- {log.parent.name}\n{log.read_text(errors='replace')[-800:]}")
        return "\n".join(parts)

    # --- doing

    def command(self, program: str, *words: str) -> None:
        """Run one of our commands as a person does."""
        subprocess.run([str(BIN / program), *words], check=True, timeout=DEADLINE, capture_output=True)

    def restore_as_it_is(self, until: Callable[[], bool]) -> None:
        """Restore a backup of this moment while the GlobalManager runs, and wait until it is taken in, or `until`."""
        config, backup = str(self.setups[self.nodes[0]].gm_config), self.folder / "now.db"
        backup.unlink(missing_ok=True)
        self.command("sedna-gm", "backup", "--config", config, str(backup))
        self.command("sedna-gm", "restore", "--config", config, "--timeout", "0", str(backup))
        waits = self.folder / self.nodes[0] / "state" / "gm.db.restore"
        self.until(lambda: until() or not waits.exists(), "the GlobalManager takes a backup in")

    def create(self, kind: str, name: str, spec: Document) -> None:
        """As often as it takes: the answer to the first time may have been lost with the service."""
        document = {"apiVersion": "sedna.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}

        def done() -> bool:
            if self.find(kind, name) is None:
                self.gm.ask("POST", path_of(kinds.by_kind(kind), "default"), body=document)
            return True

        self.until(done, f"{kind} {name} is created")

    def submit(self) -> None:
        """A job that trains on the first node and serves on the last one."""
        base, first = self.folder / self.nodes[0] / "base.json", self.folder / self.nodes[-1] / "first.json"
        base.write_text(EMPTY)
        first.write_text(EMPTY)
        self.until(lambda: len(self._ready_nodes()) == len(self.nodes), "all nodes are Ready")
        self.create("Model", "base", {"url": str(base), "format": "json", "nodeName": self.nodes[0]})
        self.create("Model", "served", {"url": str(first), "format": "json"})
        self.create("Dataset", "samples", {"url": str(self.list), "format": "txt", "nodeName": self.nodes[-1]})
        self.create("IncrementalLearningJob", JOB, self._job())
        self.until(lambda: self._is_served(0), "the first model is served")

    def _ready_nodes(self) -> list[str]:
        found = self.gm.ask("GET", path_of(kinds.by_kind("Node"), None))["items"]
        return [
            node["metadata"]["name"]
            for node in found
            for condition in node.get("status", {}).get("conditions", [])
            if (condition["type"], condition["status"]) == ("Ready", "True")
        ]

    def _job(self) -> Document:
        variables = {**self.environment, "LEDGER": str(self.ledger), "OUT": str(self.served)}

        def template(role: str, node: str) -> Document:
            env = [{"name": name, "value": value} for name, value in variables.items()]
            container = {"name": role, "image": "app:v1", "args": ["worker.py", role], "env": env}
            restart = "Always" if role == "inference" else "OnFailure"
            return {"template": {"spec": {"nodeName": node, "restartPolicy": restart, "containers": [container]}}}

        enough = {"operator": ">=", "threshold": BATCH, "metric": "num_of_samples"}
        return {
            "dataset": {"name": "samples", "trainProb": 0.5},
            "initialModel": {"name": "base"},
            "trainSpec": {
                **template("train", self.nodes[0]),
                "trigger": {"checkPeriodSeconds": 1, "condition": enough},
            },
            "evalSpec": template("eval", self.nodes[0]),
            "deploySpec": {
                **template("inference", self.nodes[-1]),
                "model": {"name": "served", "hotUpdateEnabled": True, "pollPeriodSeconds": 1},
                "trigger": {"condition": {"operator": ">", "threshold": 0, "metric": "known"}},
            },
            "outputDir": str(self.folder / self.nodes[0] / "out"),
        }

    def feed(self, count: int = BATCH) -> None:
        """Some more samples: the files first, then their lines."""
        numbers = range(self.fed, self.fed + count)
        for number in numbers:
            (self.data / "s" / f"{number}.txt").write_text(f"{number:06}")
        with self.list.open("a") as lines:
            lines.writelines(f"s/{number}.txt {number % 2}\n" for number in numbers)
        self.fed += count

    def round(self, seconds: float = DEADLINE) -> None:
        """Feed one batch and wait until all that was fed is learned, and the model of it is served."""
        self.feed()
        self.settled(seconds)

    def settled(self, seconds: float = DEADLINE, until: Callable[[], None] = lambda: None) -> None:
        """Wait until there is nothing more to do, or until `until` raises."""

        def done() -> bool:
            until()
            job = (self.find("IncrementalLearningJob", JOB) or {}).get("status") or {}
            used = (job.get("samples") or {}).get("used", 0)
            return used == self.fed and job.get("stage") == "Train" and self._is_served(len(self.rounds()))

        self.until(done, f"the model of all {self.fed} samples is served", seconds)

    def _is_served(self, round_: int) -> bool:
        worker = self.find("Worker", f"{JOB}-inference") or {}
        told = (worker.get("status") or {}).get("model") or {}
        if (told.get("state"), told.get("round")) != ("Loaded", round_):
            return False
        # What was swapped in shows in what is served with the next prediction only.
        known = json.loads(self.served.read_text())["known"]
        return bool(told.get("sha256") == hashlib.sha256(content_of(known).encode()).hexdigest())

    def gm_deletes_job(self) -> bool:
        """Ask for the job's deletion; returns whether it is gone already."""
        if self.find("IncrementalLearningJob", JOB) is None:
            return True
        self.gm.ask("DELETE", path_of(kinds.by_kind("IncrementalLearningJob"), "default", JOB))
        return False

    def delete_job(self) -> None:
        """Delete the job and wait until nothing of it runs anywhere."""

        def gone() -> bool:
            if not self.gm_deletes_job():
                return False
            return not self.items("Worker") and not self.workers()

        self.until(gone, "nothing of the deleted job runs")

    def workers(self) -> list[int]:
        """Processes of workers and their supervisors, which are not the daemons' own."""
        own = {daemon.process.pid for daemon in self.daemons.values() if daemon.process is not None}
        found = []
        for pid in processes_below(self.folder):
            with contextlib.suppress(OSError):
                if os.getpgid(pid) not in own:
                    found.append(pid)
        return found


def configure(path: Path, **settings: Any) -> None:
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **settings}))
