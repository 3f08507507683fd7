"""`sedna up` in an empty folder, as the README tells: the printed manifests by kubectl and by curl, and Ctrl-C."""

from __future__ import annotations

import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.end_to_end.machines import BIN, DEADLINE, end_processes_below, processes_below

pytestmark = pytest.mark.timeout(240)
REQUIRED = os.environ.get("SEDNA_TEST_REQUIRE", "").split(",")
MANIFESTS = Path(__file__).parent / "manifests"
README = Path(__file__).parents[2] / "README.md"
NAMES = ("dataset", "initial-model", "deploy-model", "job")


class Up:
    """A `sedna up` in a folder of its own, read line by line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self._news: queue.Queue[str | None] = queue.Queue()
        self.process: subprocess.Popen[str] | None = None

    def start(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [str(BIN / "sedna"), "up", "--dir", str(self.folder), *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        self._news = queue.Queue()
        threading.Thread(target=self._read, args=(self.process, self._news), daemon=True).start()

    @staticmethod
    def _read(process: subprocess.Popen[str], news: queue.Queue[str | None]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                news.put(line.rstrip("\n"))
        news.put(None)

    def until(self, text: str) -> str:
        deadline = time.monotonic() + DEADLINE
        while True:
            line = self._news.get(timeout=max(0.1, deadline - time.monotonic()))
            assert line is not None, f"it ended before it said {text!r}: {self.lines}"
            self.lines.append(line)
            if text in line:
                return line

    def end(self, number: int = signal.SIGINT) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)

    @property
    def server(self) -> str:
        return f"http://{yaml.safe_load((self.folder / 'gm.yml').read_text())['listen']}"

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.end(signal.SIGTERM)
        end_processes_below(self.folder)
        for log in sorted(self.folder.glob("logs/*.log")):
            print(f"--- {log.name}\n{log.read_text()[-4000:]}")


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    up = Up(tmp_path / "empty")
    try:
        up.start("--port", "0", "--lc-port", "0")
        up.until("Sedna is up in")
        yield up
    finally:
        up.close()


@pytest.fixture
def printed(tmp_path: Path) -> Path:
    """The quick start's four manifests, with its two shell variables filled in as its shell does."""
    folder = tmp_path / "printed"
    folder.mkdir()
    image = "kubeedge/sedna-example-incremental-learning-helmet-detection:v0.4.0"
    for name in NAMES:
        text = (MANIFESTS / f"{name}.yaml").read_text()
        (folder / f"{name}.yaml").write_text(text.replace("$WORKER_NODE", "edge-node").replace("$IMAGE", image))
    return folder


@pytest.fixture
def kubectl(up: Up) -> list[str]:
    found = shutil.which("kubectl")
    if not found and "kubectl" in REQUIRED:
        pytest.fail("kubectl is required here and is not on PATH")
    if not found:
        pytest.skip("kubectl is not installed")
    return [found, "--kubeconfig", str(up.folder / "kubeconfig")]


def say(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.kubectl
def test_the_printed_manifests_by_kubectl(up: Up, kubectl: list[str], printed: Path) -> None:
    for name in NAMES:
        assert "created" in say([*kubectl, "create", "-f", str(printed / f"{name}.yaml")])
    assert "helmet-detection-demo" in say([*kubectl, "get", "incrementallearningjob", "helmet-detection-demo"])
    shown = say([*kubectl, "get", "ilj"]).splitlines()
    assert shown[0].split()[:3] == ["NAME", "STAGE", "PHASE"]
    assert shown[1].split()[:3] == ["helmet-detection-demo", "Train", "Waiting"]
    assert "Events:" in say([*kubectl, "describe", "ilj", "helmet-detection-demo"])
    say([*kubectl, "delete", "ilj", "helmet-detection-demo"])
    say([*kubectl, "delete", "models,datasets", "--all"])
    assert say([*kubectl, "get", "ilj", "-o", "name"]) == ""


def test_the_printed_manifests_by_curl(up: Up, printed: Path) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    plurals = {"dataset": "datasets", "initial-model": "models", "deploy-model": "models"}
    for name in NAMES:
        plural = plurals.get(name, "incrementallearningjobs")
        address = f"{up.server}/apis/sedna.io/v1alpha1/namespaces/default/{plural}"
        yaml_body = ["--data-binary", f"@{printed / name}.yaml", "-H", "Content-Type: application/yaml"]
        say([curl, "--silent", "--show-error", "--fail-with-body", address, *yaml_body])
    sedna = [str(BIN / "sedna"), "get", "ilj", "--server", up.server]
    assert "helmet-detection-demo" in say(sedna)


@pytest.mark.kubectl
def test_what_the_readme_shows_is_what_happens(up: Up, kubectl: list[str], tmp_path: Path) -> None:
    """Type the README's first manifest, line by line, with this test's folder and port for its own."""
    section = README.read_text().split("## A first manifest")[1].split("\n## ")[0]
    blocks = re.findall(r"^```console\n(.*?)^```", section, re.M | re.S)
    typed = "\n".join(re.findall(r"^\$ ((?:.*<<'END'\n(?:.*\n)*?END|(?:.*\\\n)*.*))", "".join(blocks), re.M))
    assert "curl" in typed
    assert "kubectl apply" in typed
    typed = typed.replace("mkdir /tmp/first && cd /tmp/first\nsedna up\n", "").replace("/tmp/first", str(up.folder))
    typed = typed.replace("http://127.0.0.1:9000", up.server).replace("kubectl get", "true get")
    say(["bash", "-e", "-c", typed])
    counted = [
        *kubectl,
        "wait",
        "dataset/first-samples",
        "--for=jsonpath={.status.numberOfSamples}=10",
        "--timeout=60s",
    ]
    assert "condition met" in say(counted)


def test_ctrl_c_ends_everything_and_the_next_up_goes_on(up: Up, printed: Path) -> None:
    sedna = [str(BIN / "sedna"), "--help"]
    say(sedna)
    apply = [str(BIN / "sedna"), "apply", "-f", str(printed), "--server", up.server]
    assert say(apply).count("created") == 4
    assert up.end(signal.SIGINT) == 0
    up.until("Stopped.")
    assert processes_below(up.folder) == []
    up.start()
    up.until("Sedna is up in")
    assert say(apply).count("unchanged") == 4
    assert up.end(signal.SIGTERM) == 0


def test_a_killed_up_leaves_nothing_behind(up: Up) -> None:
    assert up.process is not None
    up.process.kill()
    up.process.wait()
    deadline = time.monotonic() + DEADLINE
    while left := processes_below(up.folder):
        assert time.monotonic() < deadline, left
        threading.Event().wait(0.1)
    up.start()
    up.until("Sedna is up in")


def test_a_terminal_that_is_closed_ends_everything(tmp_path: Path) -> None:
    """The daemons themselves read their settings again at SIGHUP; what a person started in a terminal ends with it."""
    terminal, inside = os.openpty()
    # A session of its own, whose terminal this is: closing it is then what closing a window is. These tests may have
    # been started by nohup, which `sedna up` respects.
    command = [
        "env",
        "--default-signal=HUP",
        "setsid",
        "--ctty",
        "--wait",
        str(BIN / "sedna"),
        "up",
        "--dir",
        str(tmp_path),
    ]
    process = subprocess.Popen(
        [*command, "--port", "0", "--lc-port", "0"], stdin=inside, stdout=inside, stderr=inside, start_new_session=True
    )
    try:
        os.close(inside)
        said = b""
        while b"Sedna is up in" not in said:
            said += os.read(terminal, 4096)
        os.close(terminal)
        process.wait(60)
        assert processes_below(tmp_path) == []
        for name in ("gm", "lc"):
            assert "Stopping." in (tmp_path / "logs" / f"{name}.log").read_text()
    finally:
        process.kill()
        process.wait()
        end_processes_below(tmp_path)


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [str(BIN / "sedna"), "up", "--dir", str(tmp_path), "--port", str(port), "--lc-port", "0"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr
