"""The shared words weigh nothing: an edge host pays only for what it uses."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("numpy", "tensorflow", "keras", "torch", "pandas", "cv2", "flask", "httpx", "sqlalchemy", "watchdog", "click")


def test_importing_the_shared_words_loads_nothing_heavy() -> None:
    code = (
        "import sys, sedna, sedna.api.workers, sedna.api.validating, sedna.api.openapi, sedna.api.yaml12\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
