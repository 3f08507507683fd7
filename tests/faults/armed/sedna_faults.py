"""What arms a point of `sedna.common.faults`: its folder is put on PYTHONPATH by a sweep, and is part of no wheel.

    SEDNA_FAULT=gm.store.commit.before       dies when that point is reached
    SEDNA_FAULT=gm.store.commit.before:3     … for the third time in this process
    SEDNA_FAULT=@FOLDER                      … as the file FOLDER/armed says (`NAME:N`), for all processes together;
                                             it can be armed anew while they run, and each arming kills once

With @FOLDER, every first passing of a point is written to FOLDER/reached, so that a sweep knows what was passed.
"""

# It runs before anything of the program, and takes nothing along:
# ruff: noqa: PTH104, PTH123
from __future__ import annotations

import os
import signal
from collections import Counter

_SPEC = os.environ["SEDNA_FAULT"]
_FOLDER = _SPEC[1:] if _SPEC.startswith("@") else None
_passed: Counter[str] = Counter()


def reach(point: str) -> None:
    """Die here, if this is the place and the time."""
    _passed[point] += 1
    if _FOLDER is None:
        name, _, times = _SPEC.partition(":")
        if point == name and _passed[point] == int(times or 1):
            _die()
        return
    if _passed[point] == 1:
        _append("reached", f"{point}\n")
    try:
        with open(f"{_FOLDER}/armed", encoding="utf-8") as file:
            name, _, times = file.read().strip().partition(":")
    except OSError:
        return
    if point != name or _append("passed", ".") < int(times or 1):
        return
    try:
        # Whoever gives it another name is the one who dies; the other parts of the system go on.
        os.rename(f"{_FOLDER}/armed", f"{_FOLDER}/fired")
    except OSError:
        return
    with open(f"{_FOLDER}/victim", "w", encoding="utf-8") as file:
        file.write(f"{os.getpid()} {point}")
    _die()


def _append(name: str, text: str) -> int:
    file = os.open(f"{_FOLDER}/{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(file, text.encode())
        return os.lseek(file, 0, os.SEEK_CUR)
    finally:
        os.close(file)


def _die() -> None:
    # The whole group: a service that is two processes loses its power in both.
    os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
