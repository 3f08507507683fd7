"""A short run of the fuzzer over all parsers at once; `make fuzz` takes its time over each."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.house.project import ROOT

# As many as half a minute of one core allows. The seed is fixed: what CI finds, everybody finds.
RUNS = 12_000
# Read before the environment is cleaned: what must be there on this machine, so that nothing is skipped unseen.
REQUIRED = os.environ.get("SEDNA_TEST_REQUIRE", "").replace(",", " ").split()


def need_atheris(required: Sequence[str], module: str = "atheris") -> None:
    """A skipped test where it cannot be imported; a failed one where the environment says that it must be there."""
    try:
        importlib.import_module(module)
    except ImportError as error:
        reason = f"needs {module}, of requirements-dev.lock where it has a wheel for Python and machine: {error}"
        if "atheris" in required:
            pytest.fail(reason)
        pytest.skip(reason)


def test_a_missing_fuzzer_is_skipped_and_fails_where_it_must_be_there() -> None:
    with pytest.raises(pytest.skip.Exception, match="needs no_such_fuzzer"):
        need_atheris(["dbus"], "no_such_fuzzer")
    with pytest.raises(pytest.fail.Exception, match="needs no_such_fuzzer"):
        need_atheris(["dbus", "atheris"], "no_such_fuzzer")


@pytest.mark.timeout(170)
def test_no_input_that_follows_the_code_crashes_or_hangs_a_parser(tmp_path: Path) -> None:
    need_atheris(REQUIRED)
    command = [sys.executable, "-m", "tests.attacks.fuzz", "all", str(tmp_path / "corpus")]
    command += [f"-runs={RUNS}", "-seed=1", "-timeout=10", "-max_len=2048", "-rss_limit_mb=2048"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=160, check=False)
    found = [path.name for path in tmp_path.rglob("found-*")]
    assert told.returncode == 0, f"{found}\n{told.stdout[-2000:]}\n{told.stderr[-6000:]}"
    assert f"Done {RUNS} runs" in told.stderr
