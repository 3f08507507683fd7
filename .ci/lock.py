"""Resolves the lock files: `make lock`.

`requirements.lock` is what `make demo` installs, `requirements-dev.lock` the same and what tests, checks and docs
need on top, `requirements-hosts.lock` what a bundle brings to hosts for both services. All hold for every Python and
machine that the project supports, and name no package index.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
DEMO_EXTRAS = ("gm", "lc", "tensorflow-cpu", "opencv-headless", "litert", "sklearn", "charts")
HOST_EXTRAS = ("gm", "lc", "s3")
# Hosts have no pip, or one too old for an index-less install of today's wheels.
HOST_TOOLS = "pip>=24"
DEV_EXTRAS = (*DEMO_EXTRAS, "s3", "dev", "docs")


def resolve(lock: str, extras: tuple[str, ...], *more: str, beside: str = "") -> None:
    """Write one lock file; what it already pins stays pinned unless `--upgrade` is among the arguments.

    `beside` are requirements besides the project's own.
    """
    sources = ["pyproject.toml", "-"] if beside else ["pyproject.toml"]
    command = [sys.executable, "-m", "uv", "pip", "compile", *sources, "--quiet"]
    command += ["--universal", "--python-version", "3.10", "--generate-hashes"]
    command += ["--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command", "make lock"]
    command += ["--constraint", ".ci/constraints.txt"]
    command += [word for extra in extras for word in ("--extra", extra)]
    command += [*more, "--output-file", lock, *sys.argv[1:]]
    subprocess.run(command, cwd=ROOT, check=True, input=beside or None, text=True)


if __name__ == "__main__":
    resolve("requirements.lock", DEMO_EXTRAS)
    resolve("requirements-hosts.lock", HOST_EXTRAS, beside=HOST_TOOLS)
    resolve("requirements-dev.lock", DEV_EXTRAS, "--constraint", "requirements.lock")
