"""For how long a report holds up the script that makes it, while its LocalController is dead, or takes and is silent.

Afterwards one that answers begins to listen at the same address, and every report has to arrive.
"""

from __future__ import annotations

import http.server
import json
import socket
import tempfile
import threading
from collections.abc import Iterator

from benchmarks.processes import python, until
from benchmarks.rows import Aim, Row, Size, share

_SCRIPT = """
import json, sys, time
from sedna.core.incremental_learning import IncrementalLearning

class Estimator:
    model_name = "model.txt"
    def train(self, data, **kwargs): return {"loss": 0.1}
    def save(self, path): open(path, "w").close()

job = IncrementalLearning(Estimator())
taken = []
for _ in range(int(sys.argv[1])):
    begun = time.perf_counter()
    job.report_task_info(None, "completed", [{"format": "txt", "url": "/m", "metrics": {}}], kind="train")
    taken.append(time.perf_counter() - begun)
begun = time.perf_counter()
job.train([])
print(json.dumps({"reports": taken, "train": time.perf_counter() - begun}))
"""


class _Silent:
    """Accepts every connection and never says a word."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listening.getsockname()[1]
        self._held: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                self._held.append(self._listening.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        """Hang up on everybody."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()
        for one in self._held:
            one.close()


def measure(size: Size) -> Iterator[Row]:
    """Reports to nobody, and to a silent one."""
    times = size.pick(20, 2)
    for state, original in (("dead", "12 s"), ("silent", "for ever (180 s and more)")):
        with tempfile.TemporaryDirectory(prefix="sedna-bench-") as folder:
            silent = _Silent()
            if state == "dead":
                silent.close()
            environment = {
                "WORKER_NAME": "bench", "NAMESPACE": "default", "JOB_NAME": "bench", "MODEL_URL": folder,
                "LC_SERVER": f"http://127.0.0.1:{silent.port}", "SEDNA_SPOOL_DIR": f"{folder}/spool",
                "SEDNA_REPORT_DEADLINE_SECONDS": "0.2",
            }  # fmt: skip
            said = json.loads(python(["-W", "ignore", "-c", _SCRIPT, str(times)], env=environment).splitlines()[-1])
            if state == "silent":
                silent.close()
            arrived = _arrived(silent.port, environment, times + 1)
        taken = [1e3 * one for one in said["reports"]]
        yield Row(
            f"script held up by a report, LC {state}", max(taken), "ms",
            "the longest of several reports; all of them are spooled and arrive once an LC answers",
            Aim(5), original, {"p50": share(taken, 0.5), "train()": 1e3 * said["train"], "arrived": arrived},
        )  # fmt: skip


def _arrived(port: int, environment: dict[str, str], wanted: int) -> int:
    """Let the next process of that worker find an LC that answers; return how many reports came, which is all."""
    came: list[bytes] = []

    class Door(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    door = http.server.ThreadingHTTPServer(("127.0.0.1", port), Door)
    thread = threading.Thread(target=door.serve_forever, daemon=True)
    thread.start()
    try:
        script = "from sedna.service.reporting import reporter_of_this_worker\nreporter_of_this_worker()"
        python(["-c", script], env={**environment, "SEDNA_REPORT_DEADLINE_SECONDS": "20"})
        until(lambda: len(came) >= wanted, f"{wanted} reports arrive, {len(came)} did", 20)
    finally:
        door.shutdown()
        thread.join()
        door.server_close()
    return len(came)
