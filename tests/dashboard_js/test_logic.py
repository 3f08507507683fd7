"""The dashboard's logic that needs no page, tried by node's own test runner: `node --test tests/dashboard_js`."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REQUIRED = os.environ.get("SEDNA_TEST_REQUIRE", "").replace(",", " ").split()
HERE = Path(__file__).parent


def test_the_dashboards_logic_keeps_its_rules() -> None:
    node = shutil.which("node")
    if node is None:
        if "node" in REQUIRED:
            pytest.fail("node is not there, and SEDNA_TEST_REQUIRE names it")
        pytest.skip("node is not installed (Debian: nodejs)")
    tests = sorted(str(path) for path in HERE.glob("*.test.js"))
    done = subprocess.run([node, "--test", *tests], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(tests) >= 5
