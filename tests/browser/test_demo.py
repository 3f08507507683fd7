"""`make demo` as a person has it who has never seen it: its last line, the dashboard, ten labels, a round.

The demo trains with TensorFlow for minutes, so CI leaves this to `make test-demo`; `test_first_time` has the same with
a small job in every test run.
"""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Look
from tests.browser.steps import begin_labelling, save
from tests.house.project import ROOT

# Read before the environment is cleaned for each test.
WANTED = os.environ.get("SEDNA_DEMO") == "1"
LABELS = 10
SECONDS = 1500.0

pytestmark = [
    pytest.mark.skipif(not WANTED, reason="the demo takes minutes: make test-demo plays it"),
    pytest.mark.timeout(2 * SECONDS),
]


class Demo:
    """The demo in a process group of its own, and what it says."""

    def __init__(self, folder: Path) -> None:
        command = ["make", "demo", f"ARGS=--stay --rounds 1 --dir {folder}"]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            print(line, end="")
            self._lines.put(line)
        self._lines.put(None)

    def says(self, pattern: str) -> re.Match[str]:
        """Wait until it says something like that."""
        while (line := self._lines.get(timeout=SECONDS)) is not None:
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"the demo has ended and never said {pattern}")

    def close(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(120)
        self._reader.join(20)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    made = Demo(tmp_path / "demo")
    try:
        yield made
    finally:
        made.close()


def test_from_the_last_line_of_the_demo_ten_labels_begin_a_round_that_ends(demo: Demo, look: Look) -> None:
    server = demo.says(r"^Open (http://\S+)/ in a browser: watch it there, and label hard examples")[1]
    demo.says(rf"{LABELS} more begin round 2; they are yours: label hard examples at {re.escape(server)}/")
    page = look(server)
    begin_labelling(page)
    for _ in range(LABELS):
        save(page)
    expect(page.get_by_text("Round 2 has begun with what was labelled.")).to_be_visible()
    page.get_by_role("link", name="Watch it").click()
    page.get_by_role("link", name="Training live").click()
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"\d+ of \d+ epochs"))
    demo.says(r"Round 2 is finished \(")
    page.get_by_role("link", name="State").click()
    # Whether the model was better is the metrics' word: ten labels by somebody who takes every prediction for right.
    expect(page.get_by_role("button", name=re.compile(r"^Round 2 (Deployed|Not deployed)"))).to_be_visible()
