"""A host with a GlobalManager and a LocalController as they are installed, for what is measured from outside.

The true daemons with the defaults of their settings, the process runner, and all of it in a temporary folder. Workers
stamp the moment at which they were exec'd: `Stamps` reads that.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.processes import family, resident_mb, until
from sedna.cli.up import waiting
from tests.end_to_end.machines import Machine, end_processes_below

IMAGE = "bench:v1"
WORKERS = Path(__file__).parent / "workers"
_STAMP = """#!/bin/sh
date +%s%N >> "$STAMPS/$WORKER_NAME.exec"
exec "$@"
"""


class Host(Machine):
    """One machine. `stamps` is where its workers write when they were started, and what else they have to tell."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        # What an operator gets who says nothing; tests ask for a faster pace.
        self._configure(self.setup.lc_config, heartbeatSeconds=10.0, safetyPollSeconds=30.0)
        self.stamps = folder / "stamps"
        self.stamps.mkdir()

    def add_image(self) -> None:
        """Install the image of the benchmarks' workers; each of them is started through the stamp."""
        image = self.setup.images / IMAGE.replace(":", "/")
        (image / "app").mkdir(parents=True)
        for script in WORKERS.glob("*.py"):
            (image / "app" / script.name).write_text(script.read_text())
        stamp = image / "stamp"
        stamp.write_text(_STAMP)
        stamp.chmod(0o755)
        record = {"name": "bench", "tag": "v1", "python": sys.executable, "command": [str(stamp), sys.executable]}
        (image / "image.yml").write_text(json.dumps(record))

    def pid(self, name: str) -> int:
        """The process of `gm` or `lc`."""
        return self._daemons[name].process.pid

    def memory_mb(self, name: str) -> float:
        """Resident memory of a daemon and what it has forked; what these share is counted once."""
        return resident_mb(family(self.pid(name)))

    def time_to_ready(self, name: str) -> float:
        """Start a daemon, and return the seconds until it is ready: the GM answers, the LC's node is seen."""
        begun = time.perf_counter()
        if name == "gm":
            self._begin("gm", [f"{sys.prefix}/bin/sedna-gm", "serve", "--config", str(self.setup.gm_config)])
            until(lambda: waiting.answers(self.gm), "the GlobalManager answers")
        else:
            self.begin_lc()
            seen = lambda: waiting.node_is_ready(self.gm, self.setup.node, self.setup.lc_listen)  # noqa: E731
            until(seen, "the node is Ready", look=0.005)
        return time.perf_counter() - begun

    def stamp(self, worker: str, what: str = "exec", number: int = 0, seconds: float = 60.0) -> float:
        """Seconds since 1970 at which a worker did something for the n-th time; waits until it has."""
        file = self.stamps / f"{worker}.{what}"

        def lines() -> list[str]:
            return file.read_text().splitlines() if file.exists() else []

        try:
            until(lambda: len(lines()) > number, f"{worker} has its stamp {what} {number}", seconds)
        except TimeoutError as problem:
            raise TimeoutError(f"{problem}\n{self._explained('Worker', worker, {})}") from problem
        return int(lines()[number]) / 1e9


@contextlib.contextmanager
def host(*, daemons: bool = True) -> Iterator[Host]:
    """A host that runs, or is about to; nothing of it is left afterwards."""
    with tempfile.TemporaryDirectory(prefix="sedna-bench-") as folder:
        one = Host(Path(folder))
        try:
            one.add_image()
            if daemons:
                one.start()
            yield one
        finally:
            # A machine shows its logs at its end, which pytest keeps for failures; here a failure has shown them.
            with contextlib.redirect_stdout(io.StringIO()):
                one.close()
            end_processes_below(Path(folder))


def manifest(kind: str, name: str, spec: dict[str, Any]) -> str:
    """Return one as text."""
    return json.dumps({"apiVersion": "sedna.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
