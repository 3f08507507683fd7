"""What `benchmarks.swapping` runs: a script that predicts without a pause while models are published to it.

Arguments: an empty folder, how many models, how many quiet seconds before and after them, and the bytes of a model,
all of which are one and the same byte: a prediction that sees two has seen half a model. Prints JSON. The models come
from a process of their own, as they come from a LocalController.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from sedna.common.publishing import write_atomically

# Looked at by each prediction: begin, end and some of what is between.
_PAGE = 4096


class Estimator:
    """Remembers its model's bytes; `loads` has the seconds that each load took."""

    loads: list[float] = []  # noqa: RUF012 - the library makes the instances

    def load(self, model_url: str) -> None:
        """Read it all."""
        begun = time.perf_counter()
        self.weights = Path(model_url).read_bytes()
        self.loads.append(time.perf_counter() - begun)

    def predict(self, _: Any) -> int:
        """Some work of about a millisecond; -1 when the model is torn."""
        first, weights = self.weights[0], self.weights
        for begin in range(0, len(weights), len(weights) // 16):
            page = weights[begin : begin + _PAGE]
            if page.count(first) != len(page):
                return -1
        total = 0
        for one in range(12_000):
            total = (total * 31 + one) & 0xFFFF
        return first


class Predicting(threading.Thread):
    """Predicts until told to stop; `taken` has (seconds, whether a swap was under way)."""

    def __init__(self, job: Any) -> None:
        super().__init__()
        self.job = job
        self.taken: list[tuple[float, bool]] = []
        self.seen: dict[int, float] = {}
        self.news = threading.Event()
        self.torn = 0
        self.stop = threading.Event()
        self.swapping = False

    def run(self) -> None:
        """Predict, and look at the clock."""
        last = 0
        while not self.stop.is_set():
            was = self.swapping
            begun = time.perf_counter()
            got, _, _ = self.job.inference(None)
            ended = time.perf_counter()
            self.taken.append((ended - begun, was or self.swapping))
            self.torn += got < 0
            if got != last:
                self.seen[got] = ended
                last = got
                self.news.set()


def write_model(folder: Path, number: int, size: int) -> bytes:
    """Write a model; return the hot-update file that names it, as a LocalController would write it."""
    path, content = folder / f"model-{number}.bin", bytes([number]) * size
    path.write_bytes(content)
    said = {"model_path": str(path), "model_update_time": str(number), "sha256": hashlib.sha256(content).hexdigest()}
    return json.dumps({"model_config": said}).encode()


class Publisher:
    """Writes and publishes models from another process, whose work takes nothing from the predictions."""

    def __init__(self, folder: Path, size: int) -> None:
        command = [sys.executable, __file__, "publish", str(folder), str(size)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, what: str, number: int) -> float:
        """Have a model written, published or removed; return the seconds on the common clock at which it began."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(what, number, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def publish(folder: Path, size: int) -> None:
    """Do what the standard input says."""
    content = b""
    for line in sys.stdin:
        what, number = line.split()
        begun = time.perf_counter()
        if what == "write":
            content = write_model(folder, int(number), size)
        elif what == "publish":
            write_atomically(folder / "hot.json", content)
        else:
            (folder / f"model-{number}.bin").unlink()
        print(begun, flush=True)


def main() -> None:
    """Predict, publish, print."""
    folder, swaps, quiet, size = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    write_model(folder, 1, size)
    os.environ |= {
        "MODEL_URL": str(folder / "model-1.bin"),
        "MODEL_HOT_UPDATE": "true",
        "MODEL_HOT_UPDATE_CONFIG": str(folder / "hot.json"),
    }
    from sedna.core.incremental_learning import IncrementalLearning

    job = IncrementalLearning(Estimator)
    predicting, publisher = Predicting(job), Publisher(folder, size)
    predicting.start()
    time.sleep(quiet)
    delays = []
    for number in range(2, swaps + 2):
        publisher.ask("write", number)
        time.sleep(0.3)
        predicting.swapping = True
        begun = publisher.ask("publish", number)
        while number not in predicting.seen:
            predicting.news.wait()
            predicting.news.clear()
        predicting.swapping = False
        delays.append((predicting.seen[number] - begun, Estimator.loads[-1]))
        publisher.ask("remove", number)
    time.sleep(quiet)
    predicting.stop.set()
    predicting.join()
    publisher.close()
    job.close()
    print(json.dumps({"delays": delays, "torn": predicting.torn, "taken": predicting.taken}))


if __name__ == "__main__":
    publish(Path(sys.argv[2]), int(sys.argv[3])) if sys.argv[1] == "publish" else main()
