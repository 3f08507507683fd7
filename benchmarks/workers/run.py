"""The workers of `latencies`: train and eval without the library, inference with it; each stamps what it does, when.

Alone on a node, in an image; `benchmarks.sites.Host.stamp` reads the stamps.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any


def stamp(what: str) -> None:
    """Say that it is done now."""
    with Path(os.environ["STAMPS"], f"{os.environ['WORKER_NAME']}.{what}").open("a") as file:
        file.write(f"{time.time_ns()}\n")


def report(kind: str, results: list[dict[str, Any]]) -> None:
    """Tell the LocalController, as the library does."""
    name, secrets = os.environ["WORKER_NAME"], os.environ["CREDENTIALS_DIRECTORY"]
    body = {"name": name, "namespace": os.environ["NAMESPACE"], "kind": kind, "status": "completed", "results": results}
    url = f"{os.environ['LC_SERVER']}/sedna/workers/{name}/info"
    token = Path(secrets, "worker-token").read_text()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    stamp("reported")
    urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=20).read()


def train() -> None:
    """A model is a random name and the hash that proves it whole."""
    path, name = Path(os.environ["MODEL_URL"]) / "model.json", os.urandom(8).hex()
    path.write_text(json.dumps({"name": name, "sha256": hashlib.sha256(name.encode()).hexdigest()}))
    report("train", [{"format": "json", "url": str(path), "metrics": {}}])


def evaluate() -> None:
    """Every model is as good as the next."""
    urls = os.environ["MODEL_URLS"].split(";")
    report("eval", [{"format": "json", "url": url, "metrics": {"known": 1}} for url in urls])


def serve() -> None:
    """Predict a hundred times a second; stamp the first prediction of each model."""
    from sedna.core.incremental_learning import IncrementalLearning

    class Estimator:
        model_name = "model.json"

        def load(self, model_url: str) -> None:
            self.name = str(json.loads(Path(model_url).read_text())["name"])

        def predict(self, _: Any) -> str:
            return self.name

    job, last = IncrementalLearning(Estimator), None
    while True:
        name, _, _ = job.inference(None)
        if name != last:
            stamp("swap")
            last = name
        time.sleep(0.005)


if __name__ == "__main__":
    {"train": train, "eval": evaluate, "inference": serve}[sys.argv[1]]()
