"""A cloud host with the GlobalManager, and an edge host behind a line that can be cut: no disk is shared.

Both are folders of this machine; each has its own LocalController, state, images and data. Training and evaluation
run on `cloud`, data and inference are on `edge`. The workers are a script without the library, so that a round takes
as long as starting three processes; a sample is a line of a txt list that names a file.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.end_to_end.links import Link
from tests.end_to_end.machines import Machine, end_processes_below

WORKER = '''
import hashlib, json, os, sys, time, urllib.request
from pathlib import Path

def report(kind, status, **fields):
    name = os.environ["WORKER_NAME"]
    body = {"name": name, "namespace": os.environ["NAMESPACE"], "kind": kind, "status": status, **fields}
    url = f"{os.environ['LC_SERVER']}/sedna/workers/{name}/info"
    token = open(os.path.join(os.environ["CREDENTIALS_DIRECTORY"], "worker-token")).read()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    # A LocalController that is just being replaced comes back in a moment.
    for _ in range(300):
        try:
            urllib.request.urlopen(request, timeout=20).read()
            return
        except OSError:
            time.sleep(0.1)

def samples(list_url):
    """Every sample's file, as user code finds it: beside the original list, unless its path is absolute."""
    lines = Path(list_url).read_text().splitlines()
    return [(Path(os.environ["ORIGINAL_DATASET_URL"]).parent / line.split()[0]).read_bytes() for line in lines]

def model(path):
    content = Path(path).read_bytes()
    return {"url": path, "format": "txt", "sha256": hashlib.sha256(content).hexdigest()}

role = sys.argv[1]
if role == "train":
    base = Path(os.environ["BASE_MODEL_URL"]).read_bytes()
    seen = samples(os.environ["TRAIN_DATASET_URL"])
    path = Path(os.environ["MODEL_URL"]) / "model.txt"
    heads = b" ".join(sorted(one[:9] for one in seen))
    path.write_bytes(base.splitlines()[0] + b" " + heads + b"\\n" + os.urandom(int(os.environ["MODEL_BYTES"])))
    report("train", "completed", results=[{"format": "txt", "url": str(path), "metrics": {}}])
elif role == "eval":
    assert samples(os.environ["TEST_DATASET_URL"])
    urls = os.environ["MODEL_URLS"].split(";")
    known = [len(Path(url).read_bytes().splitlines()[0]) for url in urls]
    results = [{"format": "txt", "url": url, "metrics": {"known": one}} for url, one in zip(urls, known)]
    report("eval", "completed", results=results)
else:
    out, seen = Path(os.environ["OUT"]), None
    while True:
        wanted = json.load(open(os.environ["MODEL_HOT_UPDATE_CONFIG"]))["model_config"]["model_path"]
        if wanted != seen:
            seen, served = wanted, model(wanted)
            report("deploy", "completed", results=[served])
        out.with_suffix(".new").write_text(json.dumps({"pid": os.getpid(), "time": time.time(), **served}))
        out.with_suffix(".new").replace(out)
        time.sleep(0.05)
'''
DATA_BYTES = 20_000


class Site:
    """Two hosts."""

    def __init__(self, folder: Path) -> None:
        self.cloud = Machine(folder / "cloud")
        self.edge = Machine(folder / "edge")
        host, _, port = self.cloud.setup.server.rpartition("//")[2].rpartition(":")
        self.link = Link((host, int(port)))
        self.edge.gm.close()
        self.edge.gm = self.cloud.gm
        for name, one, gm in (("cloud", self.cloud, self.cloud.setup.server), ("edge", self.edge, self.link.address)):
            one._configure(one.setup.lc_config, nodeName=name, gm=gm)
            one.setup = dataclasses.replace(one.setup, node=name)
            image = one.setup.images / "app" / "v1"
            (image / "app").mkdir(parents=True)
            (image / "app" / "run.py").write_text(WORKER)
            (image / "image.yml").write_text(f"{{name: app, tag: v1, python: {sys.executable}}}")
        self.data = self.edge.folder / "data"
        (self.data / "pictures").mkdir(parents=True)
        self.list = self.data / "list.txt"
        self.list.touch()
        self.served = self.edge.folder / "served.json"

    def start(self) -> None:
        self.cloud.start()
        self.edge.start_lc()

    def close(self) -> None:
        self.link.close()
        self.edge.close()
        self.cloud.close()
        end_processes_below(self.edge.folder)

    def submit(self, *, model_bytes: int = 0) -> None:
        """Submit the job: trained and evaluated on the cloud, served on the edge."""
        base, first = self.cloud.folder / "base.txt", self.edge.folder / "first.txt"
        base.write_text("m\n")
        first.write_text("m\n")
        create = self.cloud.create
        create(_manifest("Model", "base", {"url": str(base), "format": "txt", "nodeName": "cloud"}))
        create(_manifest("Model", "served", {"url": str(first), "format": "txt"}))
        create(_manifest("Dataset", "pictures", {"url": str(self.list), "format": "txt", "nodeName": "edge"}))

        def template(role: str, node: str, **env: str) -> dict[str, Any]:
            variables = [{"name": key, "value": value} for key, value in env.items()]
            container = {"name": role, "image": "app:v1", "args": ["run.py", role], "env": variables}
            return {"template": {"spec": {"nodeName": node, "containers": [container]}}}

        condition = {"operator": ">=", "threshold": 20, "metric": "num_of_samples"}
        spec = {
            "dataset": {"name": "pictures", "trainProb": 0.5},
            "initialModel": {"name": "base"},
            "trainSpec": {
                **template("train", "cloud", MODEL_BYTES=str(model_bytes)),
                "trigger": {"checkPeriodSeconds": 1, "condition": condition},
            },
            "evalSpec": template("eval", "cloud"),
            "deploySpec": {
                **template("inference", "edge", OUT=str(self.served)),
                "model": {"name": "served", "hotUpdateEnabled": True, "pollPeriodSeconds": 1},
                "trigger": {"condition": {"operator": ">", "threshold": 0, "metric": "known"}},
            },
            "outputDir": str(self.cloud.folder / "out"),
        }
        create(_manifest("IncrementalLearningJob", "pictures", spec))
        self.cloud.until("Worker", "pictures-inference", _is_loaded(0), "the first model is served")

    def feed(self, begin: int, count: int, size: int = DATA_BYTES) -> None:
        """Take some pictures: the files first, then their lines, named as seen from the list."""
        for number in range(begin, begin + count):
            (self.data / "pictures" / f"{number}.jpg").write_bytes(f"p{number:08}".encode() + os.urandom(size - 9))
        with self.list.open("a") as lines:
            lines.writelines(f"pictures/{number}.jpg {number % 2}\n" for number in range(begin, begin + count))

    def round_done(self, number: int) -> dict[str, Any]:
        self.cloud.until(
            "IncrementalLearningJob",
            "pictures",
            lambda job: job["status"].get("stage") == "Train" and len(self.cloud.rounds("pictures")) >= number,
            f"round {number} is finished",
        )
        return self.cloud.rounds("pictures")[number - 1]

    def is_served(self, round_: int) -> dict[str, Any]:
        """Wait until the edge's worker serves a round's model; return what the GM is told of it."""
        worker = self.cloud.until("Worker", "pictures-inference", _is_loaded(round_), f"round {round_} is served")
        return dict(worker["status"]["model"])


def _is_loaded(round_: int) -> Any:
    def holds(worker: dict[str, Any]) -> bool:
        model = worker["status"].get("model") or {}
        return (model.get("state"), model.get("round")) == ("Loaded", round_)

    return holds


def _manifest(kind: str, name: str, spec: dict[str, Any]) -> str:
    return json.dumps({"apiVersion": "sedna.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
