"""A short run of the fuzzer over all parsers at once; `make fuzz` takes its time over each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.project import ROOT

# As many as half a minute of one core allows. The seed is fixed: what CI finds, everybody finds.
RUNS = 12_000


@pytest.mark.timeout(170)
def test_no_input_that_follows_the_code_crashes_or_hangs_a_parser(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris has no wheel for this Python or machine")
    command = [sys.executable, "-m", "tests.attacks.fuzz", "all", str(tmp_path / "corpus")]
    command += [f"-runs={RUNS}", "-seed=1", "-timeout=10", "-max_len=2048", "-rss_limit_mb=2048"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=160, check=False)
    found = [path.name for path in tmp_path.rglob("found-*")]
    assert told.returncode == 0, f"{found}\n{told.stdout[-2000:]}\n{told.stderr[-6000:]}"
    assert f"Done {RUNS} runs" in told.stderr
