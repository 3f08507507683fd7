"""What a worker of an earlier round has printed is there to be read, whoever asks, after the worker is gone."""

from __future__ import annotations

import os
import shutil
import subprocess

import httpx
import pytest

from sedna.api.kinds import by_kind
from sedna.cli.client import path_of
from tests.end_to_end.machines import Machine
from tests.end_to_end.test_loop import feed, round_done, submit

pytestmark = pytest.mark.timeout(300)
REQUIRED = os.environ.get("SEDNA_TEST_REQUIRE", "").replace(",", " ").split()
WORKER = "numbers-train-1"
SAYS = "trains round 1 with"


def speak(machine: Machine) -> None:
    """Have the training print what it does, so that two rounds have not the same log."""
    script = machine.setup.images / "numbers" / "v1" / "app" / "train.py"
    said = "import os\nprint('trains round', os.environ['WORKER_NAME'][-1], 'with the numbers', flush=True)\n"
    script.write_text(said + script.read_text())


def test_the_log_of_the_first_round_is_read_after_the_second(numbers: Machine) -> None:
    speak(numbers)
    submit(numbers)
    feed(numbers, 0)
    first = round_done(numbers, 1)
    feed(numbers, 50)
    round_done(numbers, 2)
    numbers.until_gone("Worker", WORKER)
    (trained, *_) = first["workers"]  # type: ignore[misc]
    assert trained == {"name": WORKER, "role": "train", "node": first["nodes"]["Train"]}  # type: ignore[index]

    server = str(numbers.setup.server)
    for address in (
        path_of(by_kind("Worker"), "default", WORKER, "log"),
        f"/api/v1/namespaces/default/pods/{WORKER}/log",
    ):
        log = httpx.get(f"{server}{address}", params={"follow": "true"}, timeout=60, trust_env=False)
        assert (log.status_code, SAYS in log.text) == (200, True), log.text
        assert "trains round 2" not in log.text

    for words in (("numbers", "--round", "1", "--role", "train"), (WORKER,), (f"worker/{WORKER}", "-f")):
        shown = numbers.sedna("logs", *words)
        assert (shown.returncode, SAYS in shown.stdout) == (0, True), shown.stderr
    both = numbers.sedna("logs", "numbers", "--round", "1")
    assert f"[{WORKER}] {SAYS}" in both.stdout
    gone = numbers.sedna("logs", "numbers-train-9")
    assert (gone.returncode, "no worker is named" in gone.stderr) == (1, True)

    numbers.stop("lc")
    numbers.start_lc()
    again = numbers.sedna("logs", WORKER)
    assert SAYS in again.stdout, "a node that starts again has it still"


def test_kubectl_reads_the_log_of_a_worker_that_is_gone(numbers: Machine) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        if "kubectl" in REQUIRED:
            pytest.fail("kubectl is not there, and SEDNA_TEST_REQUIRE names it")
        pytest.skip("kubectl is not installed")
    speak(numbers)
    submit(numbers)
    feed(numbers, 0)
    round_done(numbers, 1)
    numbers.gm.ask("DELETE", path_of(by_kind("Worker"), "default", WORKER))
    numbers.until_gone("Worker", WORKER)
    command = [kubectl, "--server", str(numbers.setup.server), "logs", WORKER]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (shown.returncode, SAYS in shown.stdout) == (0, True), shown.stderr
