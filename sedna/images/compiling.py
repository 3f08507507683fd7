"""Bytecode beside the code, made at build: a worker's sandbox cannot write it, and would compile at every start."""

from __future__ import annotations

import subprocess
from pathlib import Path

from sedna.images.installing import UMASK


def compile_folder(folder: Path, python: Path | str, *, known_as: Path) -> tuple[str, ...]:
    """Compile every module below a folder that will be called `known_as`.

    Returns the first line of what the compiler complained about: a file that is no module of this Python keeps
    nobody from running the others.
    """
    command = [str(python), "-m", "compileall", "-q", "-s", str(folder), "-p", str(known_as), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, umask=UMASK)
    if done.returncode == 0:
        return ()
    said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return (f"not all of it could be compiled: {said[0] if said else 'compileall said nothing'}",)
