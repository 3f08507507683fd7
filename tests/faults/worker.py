"""What the workers of a sweep run: the library with an estimator that only remembers, so that a round takes moments.

A model is the sorted list of all samples that it was trained with, under its own checksum: a half one does not load,
and one that has seen a sample twice, or not at all, shows it. Every process holds the lock of its worker's name while
it lives, and says so in the ledger when somebody else had it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

LEDGER = Path(os.environ["LEDGER"])


def content_of(known: list[str]) -> str:
    body = json.dumps(sorted(known))
    return json.dumps({"known": body, "sha256": hashlib.sha256(body.encode()).hexdigest()})


def known_in(text: str) -> list[str]:
    found = json.loads(text)
    if hashlib.sha256(found["known"].encode()).hexdigest() != found["sha256"]:
        raise ValueError("half a model")
    known: list[str] = json.loads(found["known"])
    return known


def note(name: str, line: str) -> None:
    with (LEDGER / name).open("a") as file:
        file.write(f"{line}\n")


class Memory:
    """Knows what it was shown."""

    model_name = "model.json"

    def __init__(self) -> None:
        self.known: list[str] = []

    def load(self, model_url: str) -> None:
        try:
            self.known = known_in(Path(model_url).read_text())
        except ValueError as problem:
            note("half-models", f"{os.environ['WORKER_NAME']} {model_url}: {problem}")
            raise

    def save(self, model_url: str) -> None:
        Path(model_url).write_text(content_of(self.known))

    def train(self, data: list[str], **_: Any) -> None:
        self.known = sorted([*self.known, *data])

    def evaluate(self, data: list[str], **_: Any) -> dict[str, float]:
        return {"known": float(len(self.known) + 1)}

    def predict(self, data: Any, **_: Any) -> list[str]:
        return self.known


def samples(variable: str) -> list[str]:
    here = Path(os.environ["ORIGINAL_DATASET_URL"]).parent
    lines = Path(os.environ[variable]).read_text().splitlines()
    return [(here / line.split()[0]).read_text() for line in lines]


def serve(job: Any) -> None:
    out, turn = Path(os.environ["OUT"]), threading.Event()
    while True:
        known, _, _ = job.inference(None)
        new = out.with_suffix(".new")
        new.write_text(json.dumps({"pid": os.getpid(), "known": known}))
        new.replace(out)
        turn.wait(0.1)


def main() -> None:
    name = os.environ["WORKER_NAME"]
    lock = (LEDGER / f"{name}.lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        note("twice", f"{name} runs already")
        raise
    note("runs", f"{name} {os.getpid()}")
    from sedna.core.incremental_learning import IncrementalLearning

    job = IncrementalLearning(Memory)
    if sys.argv[1] == "train":
        job.train(samples("TRAIN_DATASET_URL"))
    elif sys.argv[1] == "eval":
        job.evaluate(samples("TEST_DATASET_URL"))
    else:
        serve(job)


if __name__ == "__main__":
    main()
