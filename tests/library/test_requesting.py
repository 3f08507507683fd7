"""What the edge imports to make requests is small, also where a terminal's packages are installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

SHOW = "import sys; print(sorted({name.split('.')[0] for name in sys.modules} & {'click', 'rich', 'pygments'}))"


@pytest.mark.parametrize("imported", ["sedna.common.requesting", "sedna_lc.daemon.running"])
def test_requests_bring_no_terminal(imported: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import {imported}; {SHOW}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_who_wants_the_command_of_httpx_has_it_still() -> None:
    script = "from sedna.common.requesting import httpx; import httpx._main; print(httpx._main.main.name)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "main"
