"""What the workers of the browser's job run: the library with an estimator that learns only how much it has seen.

A round takes as long as starting processes, and `EPOCHS` times `EPOCH_SECONDS` for a curve that can be watched. Metrics
grow with the samples, so that each round is better than the one before.
"""

from __future__ import annotations

import json
import math
import os
import sys
import threading
from pathlib import Path
from typing import Any

from sedna.core.incremental_learning import IncrementalLearning
from sedna.core.progress import report_progress

turn = threading.Event()


class Counter:
    """Knows how many pictures it was shown."""

    model_name = "model.json"

    def __init__(self) -> None:
        self.seen = 0

    def load(self, model_url: str) -> None:
        self.seen = json.loads(Path(model_url).read_text())["seen"]

    def save(self, model_url: str) -> None:
        Path(model_url).write_text(json.dumps({"seen": self.seen}))

    def train(self, data: list[str], **_: Any) -> None:
        epochs, seconds = int(os.environ.get("EPOCHS", "3")), float(os.environ.get("EPOCH_SECONDS", "0"))
        for epoch in range(1, epochs + 1):
            turn.wait(seconds)
            loss = 0.15 + 1.6 * math.exp(-4 * epoch / epochs) + 0.03 * math.sin(epoch * 1.7)
            print(f"epoch {epoch} of {epochs}: loss {loss:.3f}", flush=True)
            report_progress(done=epoch, total=epochs, unit="epoch", metrics={"loss": loss, "precision": 1 - loss / 2})
        self.seen += len(data)

    def evaluate(self, data: list[str], **_: Any) -> dict[str, float]:
        precision = 1 - 0.45 / (1 + self.seen / 24)
        return {"precision": precision, "recall": precision * 0.9}

    def predict(self, data: Any, **_: Any) -> int:
        return self.seen


def samples(variable: str) -> list[str]:
    return Path(os.environ[variable]).read_text().splitlines()


def main() -> None:
    job = IncrementalLearning(Counter)
    if sys.argv[1] == "train":
        job.train(samples("TRAIN_DATASET_URL"))
    elif sys.argv[1] == "eval":
        job.evaluate(samples("TEST_DATASET_URL"))
    else:
        looked = 0
        while True:
            job.inference(None)
            looked += 1
            if looked % 100 == 1:
                print(f"looked at {looked} frames", flush=True)
            turn.wait(0.1)


if __name__ == "__main__":
    main()
