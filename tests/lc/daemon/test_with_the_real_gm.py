"""Both programs together, over their true wire: jobs go round, whatever is killed in between.

The workers are a small script without the library, so that a round takes as long as starting three processes.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.lc.daemon.nodes import NodeUnderTest, wait_until
from tests.lc.fakes.gm import BASE

WORKER = """
import hashlib, json, os, sys, time, urllib.request

def report(kind, status, **fields):
    name = os.environ["WORKER_NAME"]
    body = {"name": name, "namespace": os.environ["NAMESPACE"], "kind": kind, "status": status, **fields}
    url = f"{os.environ['LC_SERVER']}/sedna/workers/{name}/info"
    token = open(os.path.join(os.environ["CREDENTIALS_DIRECTORY"], "worker-token")).read()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    # An LC that is just being replaced comes back in a moment.
    for _ in range(300):
        try:
            urllib.request.urlopen(request, timeout=20).read()
            return
        except OSError:
            time.sleep(0.1)

def loaded(path):
    content = open(path, "rb").read()
    return {"url": path, "format": "txt", "sha256": hashlib.sha256(content).hexdigest()}

gate, job = os.environ.get("GATE"), os.environ["JOB_NAME"]
role = sys.argv[1]
if role == "train":
    while gate and not os.path.exists(gate):
        time.sleep(0.02)
    samples = open(os.environ["TRAIN_DATASET_URL"]).read().split()
    path = os.path.join(os.environ["MODEL_URL"], "model.txt")
    open(path, "w").write(" ".join(["model", os.environ["WORKER_NAME"], *samples]))
    report("train", "completed", results=[{"format": "txt", "url": path, "metrics": {}}])
elif role == "eval":
    new, old = os.environ["MODEL_URLS"].split(";")
    results = [{"format": "txt", "url": url, "metrics": {"size": len(open(url).read())}} for url in (new, old)]
    report("eval", "completed", results=results)
elif os.environ.get("MODEL_HOT_UPDATE") == "true":
    seen = None
    while True:
        wanted = json.load(open(os.environ["MODEL_HOT_UPDATE_CONFIG"]))["model_config"]
        if wanted != seen:
            seen = wanted
            report("deploy", "completed", results=[loaded(wanted["model_path"])])
        time.sleep(0.05)
else:
    report("inference", "running", results=[loaded(os.environ["MODEL_URL"])])
    while True:
        time.sleep(1)
"""


# A job's uid is drawn anew each time, and with it the split: so many samples never all fall on one side.
BATCH = 40


class Manager:
    """The real GlobalManager as a process; its folder stays, its port too."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.address = ""
        self.listen = "127.0.0.1:0"
        self.start()

    def start(self) -> None:
        config, address = self.folder / "gm.yml", self.folder / "gm.address"
        config.write_text(f"listen: {self.listen}\nauth: none\ndatabase: sqlite:///{self.folder / 'gm.db'}\n")
        address.unlink(missing_ok=True)
        command = [sys.executable, "-c", "from sedna_gm.daemon.main import main; main()", "serve"]
        with (self.folder / "gm.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--config", str(config), "--address-file", str(address)],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(address.exists, seconds=60)
        self.address = address.read_text().strip()
        self.listen = self.address.removeprefix("http://").rstrip("/")

    def stop(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)

    def create(self, kind: str, plural: str, name: str, spec: dict[str, Any]) -> None:
        body = {"apiVersion": "sedna.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        answer = httpx.post(f"{self.address}{BASE}/namespaces/default/{plural}", json=body, trust_env=False)
        assert answer.status_code == 201, answer.text

    def get(self, plural: str, name: str = "") -> dict[str, Any]:
        url = f"{self.address}{BASE}/namespaces/default/{plural}/{name}".rstrip("/")
        return dict(httpx.get(url, trust_env=False, timeout=30).json())

    def delete(self, plural: str, name: str) -> None:
        httpx.delete(f"{self.address}{BASE}/namespaces/default/{plural}/{name}", trust_env=False, timeout=30)


class Site:
    """A GM, a node, and jobs on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gm = Manager(folder)
        self.node = NodeUnderTest.__new__(NodeUnderTest)
        self.node.folder, self.node.gm, self.node.process = folder, self.gm, None  # type: ignore[assignment]
        self.node.log = folder / "lc.log"
        image = folder / "images" / "app" / "v1"
        (image / "app").mkdir(parents=True)
        (image / "app" / "run.py").write_text(WORKER)
        (image / "image.yml").write_text(f"{{name: app, tag: v1, python: {sys.executable}}}")
        # A port that stays: workers that outlive their LC report to the next one.
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.listen = f"127.0.0.1:{free.getsockname()[1]}"
        self.node.configure(listen=self.listen)
        self.node.start()

    def job(self, name: str, *, hot: bool = True) -> None:
        folder = self.folder / name
        (folder / "out").mkdir(parents=True)
        for model in ("base", "deploy"):
            (folder / f"{model}.txt").write_text("m")
            spec = {"url": str(folder / f"{model}.txt"), "format": "txt"}
            self.gm.create("Model", "models", f"{name}-{model}", spec)
        (folder / "list.txt").touch()
        dataset = {"url": str(folder / "list.txt"), "format": "txt", "nodeName": "edge"}
        self.gm.create("Dataset", "datasets", name, dataset)

        def template(role: str, **env: str) -> dict[str, Any]:
            variables = [{"name": key, "value": value} for key, value in env.items()]
            container = {"name": role, "image": "app:v1", "args": ["run.py", role], "env": variables}
            return {"template": {"spec": {"containers": [container]}}}

        condition = {"operator": ">=", "threshold": 4, "metric": "num_of_samples"}
        better = {"operator": ">", "threshold": 0, "metric": "size"}
        spec = {
            "dataset": {"name": name, "trainProb": 0.5},
            "initialModel": {"name": f"{name}-base"},
            "trainSpec": {
                **template("train", GATE=str(folder / "gate")),
                "trigger": {"checkPeriodSeconds": 1, "condition": condition},
            },
            "evalSpec": template("eval"),
            "deploySpec": {
                **template("inference"),
                "model": {"name": f"{name}-deploy", "hotUpdateEnabled": hot, "pollPeriodSeconds": 1},
                "trigger": {"condition": better},
            },
            "outputDir": str(folder / "out"),
        }
        self.gm.create("IncrementalLearningJob", "incrementallearningjobs", name, spec)

    def append(self, name: str, begin: int, end: int) -> None:
        with (self.folder / name / "list.txt").open("a") as writer:
            writer.write("".join(f"{number}.jpg\n" for number in range(begin, end)))

    def open_gate(self, name: str) -> None:
        (self.folder / name / "gate").touch()

    def worker(self, name: str) -> dict[str, Any]:
        found = self.gm.get("workers", name)
        return dict(found.get("status") or {}) if found["kind"] == "Worker" else {}

    def rounds(self, name: str) -> list[dict[str, Any]]:
        return list(self.gm.get("incrementallearningjobs", f"{name}/rounds").get("items") or [])

    def served(self, name: str) -> dict[str, Any]:
        return dict(self.worker(f"{name}-inference").get("model") or {})

    def wait(self, holds: Callable[[], Any], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, self.gm.get("incrementallearningjobs")
            time.sleep(0.1)

    def close(self) -> None:
        self.node.close()
        self.gm.stop()
        for log in ("gm.log", "lc.log"):
            print(f"--- {log}\n{(self.folder / log).read_text()[-20_000:]}")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


def test_two_jobs_go_round_twice_hot_and_cold_on_one_node(site: Site) -> None:
    for name, hot in (("hot", True), ("cold", False)):
        site.job(name, hot=hot)
        site.open_gate(name)
    for name in ("hot", "cold"):
        site.wait(lambda name=name: site.served(name).get("state") == "Loaded")  # type: ignore[misc]
    pids = {name: site.worker(f"{name}-inference")["pid"] for name in ("hot", "cold")}
    for number in (1, 2):
        for name in ("hot", "cold"):
            site.append(name, BATCH * number, BATCH * (number + 1))
        for name in ("hot", "cold"):
            site.wait(lambda name=name, number=number: len(site.rounds(name)) == number)  # type: ignore[misc]
            assert site.served(name)["state"] == "Loaded"
            assert site.served(name)["url"] == str(site.folder / name / f"out/train/{number}/model.txt")
    for name in ("hot", "cold"):
        both = [(site.folder / name / f"out/train/{number}/model.txt").read_text().split() for number in (1, 2)]
        used = [*both[0][2:], *both[1][2:]]
        assert len(used) == len(set(used))
        assert all(one.startswith(str(site.folder / name)) for one in used)
    assert site.worker("hot-inference")["pid"] == pids["hot"]
    assert site.worker("cold-inference")["pid"] != pids["cold"]


def test_a_round_survives_the_death_of_the_lc_and_of_the_gm(site: Site) -> None:
    site.job("j")
    site.append("j", 0, BATCH)
    site.wait(lambda: site.worker("j-train-1").get("phase") == "Running")
    pid = site.worker("j-train-1")["pid"]
    site.node.stop(signal.SIGKILL)
    site.gm.stop()
    os.kill(pid, 0)
    site.open_gate("j")
    site.node.start()
    site.append("j", BATCH, BATCH + 2)
    site.gm.start()
    site.wait(lambda: len(site.rounds("j")) == 1)
    site.wait(lambda: site.served("j").get("state") == "Loaded" and site.served("j").get("round") == 1)
    assert site.node.log.read_text().count("sedna-worker-default-j-train-1 has been started") == 1
    assert site.gm.get("datasets", "j")["status"]["samplesSeen"] == BATCH + 2


def test_a_deleted_job_leaves_no_process_and_no_worker(site: Site) -> None:
    site.job("j")
    site.append("j", 0, BATCH)
    site.wait(lambda: site.worker("j-train-1").get("phase") == "Running")
    pids = [site.worker(name)["pid"] for name in ("j-train-1", "j-inference")]
    site.gm.delete("incrementallearningjobs", "j")
    site.wait(lambda: site.gm.get("incrementallearningjobs", "j").get("code") == 404)
    assert site.gm.get("workers")["items"] == []
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def test_a_log_is_read_through_the_gm(site: Site) -> None:
    (site.folder / "images/app/v1/app/run.py").write_text(f"print('hello', flush=True)\n{WORKER}")
    site.job("j")
    site.wait(lambda: site.worker("j-inference").get("phase") == "Running")
    url = f"{site.gm.address}{BASE}/namespaces/default/workers/j-inference/log"
    site.wait(lambda: httpx.get(url, trust_env=False, timeout=30).text == "hello\n")
