"""A whole node for tests: the real program `sedna-lc` with the process runner, a fake GM, and small real workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.lc.fakes.gm import FakeGm

# A worker without the library: it reports in the original's words, and does what its argument says.
WORKER = """
import json, os, sys, time, urllib.request

def report(kind, status, **fields):
    name = os.environ["WORKER_NAME"]
    body = {"name": name, "namespace": os.environ["NAMESPACE"], "kind": kind, "status": status, **fields}
    url = f"{os.environ['LC_SERVER']}/sedna/workers/{name}/info"
    token = open(os.path.join(os.environ["CREDENTIALS_DIRECTORY"], "worker-token")).read()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    urllib.request.urlopen(request, timeout=20).read()

print("begun", flush=True)
role, *rest = sys.argv[1:]
if role == "train":
    samples = open(os.environ["TRAIN_DATASET_URL"]).read().split()
    path = os.path.join(os.environ["MODEL_URL"], "model.txt")
    open(path, "w").write(" ".join(samples))
    report("train", "completed", results=[{"format": "txt", "url": path, "metrics": {}}])
elif role == "wait":
    while not os.path.exists(rest[0]):
        time.sleep(0.02)
"""


class NodeUnderTest:
    """One host: its folder stays, its LC comes and goes."""

    def __init__(self, folder: Path, gm: FakeGm) -> None:
        self.folder = folder
        self.gm = gm
        self.process: subprocess.Popen[bytes] | None = None
        self.log = folder / "lc.log"
        image = folder / "images" / "app" / "v1"
        (image / "app").mkdir(parents=True)
        (image / "app" / "run.py").write_text(WORKER)
        (image / "image.yml").write_text(json.dumps({"name": "app", "tag": "v1", "python": sys.executable}))
        (folder / "base").write_text("base model")
        (folder / "list.txt").write_text("1.jpg\n2.jpg\n")
        self.configure()

    def configure(self, **settings: Any) -> None:
        content = {
            "nodeName": "edge",
            "gm": self.gm.address,
            "listen": "127.0.0.1:0",
            "stateDir": str(self.folder / "state"),
            "imagesDir": str(self.folder / "images"),
            "runner": "process",
            "safetyPollSeconds": 3600,
            **settings,
        }
        self.config.write_text(json.dumps(content))

    @property
    def config(self) -> Path:
        return self.folder / "lc.yml"

    def start(self, **environment: str) -> None:
        with self.log.open("ab") as log:
            command = [sys.executable, "-c", "from sedna_lc.daemon.main import main; main()", "run"]
            self.process = subprocess.Popen(
                [*command, "--config", str(self.config)],
                stdout=log,
                stderr=log,
                env={**os.environ, **environment},
                start_new_session=True,
            )

    def stop(self, number: int = signal.SIGTERM) -> int:
        process, self.process = self.process, None
        assert process is not None
        process.send_signal(number)
        return process.wait(timeout=60)

    def want_dataset(self) -> None:
        spec = {"url": str(self.folder / "list.txt"), "format": "txt", "nodeName": "edge"}
        self.gm.put("datasets", "d", spec=spec)
        self.gm.wait_until(lambda: self.gm.get("datasets", "d").get("status", {}).get("samplesSeen") == 2)

    def want(self, name: str, *arguments: str, **spec: Any) -> None:
        content = {
            "nodeName": "edge",
            "role": "train",
            "job": {"kind": "IncrementalLearningJob", "name": "j", "uid": "ju"},
            "round": 1,
            "template": {"containers": [{"name": "c", "image": "app:v1", "args": ["run.py", *arguments]}]},
            "models": [{"name": "base", "url": str(self.folder / "base")}],
            "outputDir": str(self.folder / "out/train/1"),
            "jobOutputDir": str(self.folder / "out"),
            **spec,
        }
        self.gm.put("workers", name, spec=content, metadata={"finalizers": ["sedna.io/node"]})

    def status(self, name: str) -> dict[str, Any]:
        return dict(self.gm.get("workers", name).get("status", {}))

    def wait_for(self, name: str, phase: str) -> dict[str, Any]:
        self.gm.wait_until(lambda: self.status(name).get("phase") == phase, seconds=40)
        return self.status(name)

    def close(self) -> None:
        """End the LC and every worker of this test, whatever happened."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        for pid in self.worker_pids():
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self.worker_pids())

    def worker_pids(self) -> list[int]:
        """Processes that name this test's folder in their environment or command."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if os.fsencode(self.folder / "state") in told:
                found.append(int(entry.name))
        return found


def wait_until(holds: Callable[[], Any], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
