"""Resolves the lock files: `make lock`.

`requirements.lock` is what `make demo` installs, `requirements-dev.lock` the same and what tests, checks and docs
need on top. Both hold for every Python and machine that the project supports, and name no package index.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
DEMO_EXTRAS = ("gm", "lc", "tensorflow-cpu", "opencv-headless", "sklearn", "charts")
DEV_EXTRAS = (*DEMO_EXTRAS, "dev", "docs")


def resolve(lock: str, extras: tuple[str, ...], *more: str) -> None:
    """Write one lock file; what it already pins stays pinned unless `--upgrade` is among the arguments."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--quiet"]
    command += ["--universal", "--python-version", "3.10", "--generate-hashes"]
    command += ["--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command", "make lock"]
    command += [word for extra in extras for word in ("--extra", extra)]
    subprocess.run([*command, *more, "--output-file", lock, *sys.argv[1:]], cwd=ROOT, check=True)


if __name__ == "__main__":
    resolve("requirements.lock", DEMO_EXTRAS)
    resolve("requirements-dev.lock", DEV_EXTRAS, "--constraint", "requirements.lock")
