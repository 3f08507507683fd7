"""What was measured on, and when: the processor, the kernel, the commit, and three yardsticks of the same minute.

`machine` is for a whole file of results, `moment` for each of its groups, which may be of different days. Numbers of
two machines are compared by their ratio to the yardsticks, never as they are.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Moment:
    """When something was measured, of which code, and how fast the machine was just then."""

    time: str
    """ISO 8601, UTC, to the second."""
    commit: str
    """Empty outside a git repository."""
    changed: bool
    """Whether files that git knows differed from the commit."""
    yardsticks: dict[str, float] = field(default_factory=dict)


def moment() -> Moment:
    """Return what is so now."""
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return Moment(now, _git("rev-parse", "HEAD"), _is_changed(), yardsticks())


def machine() -> dict[str, Any]:
    """Everything that a reader needs to judge the numbers."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memoryGB": round(memory / 1e9, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "commit": _git("rev-parse", "HEAD"),
        "changed": _is_changed(),
        "load": [round(one, 2) for one in os.getloadavg()],
        "yardsticks": yardsticks(),
    }


def yardsticks() -> dict[str, float]:
    """Three simple things: a loop in Python, hashing, and a write that has reached the disk of the temporary folder."""
    begun = time.perf_counter()
    total = 0
    for one in range(2_000_000):
        total += one
    loop = time.perf_counter() - begun
    block = bytes(1 << 24)
    begun = time.perf_counter()
    hashlib.sha256(block).digest()
    hashing = len(block) / (time.perf_counter() - begun)
    return {
        "pythonLoopNs": round(loop / 2e6 * 1e9, 1),
        "sha256MBps": round(hashing / 1e6, 1),
        "fsyncMs": round(_fsync_seconds() * 1e3, 3),
    }


def _fsync_seconds() -> float:
    taken = []
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(50):
            begun = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - begun)
    return sorted(taken)[len(taken) // 2]


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _is_changed() -> bool:
    return bool(_git("status", "--porcelain", "--untracked-files=no"))


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
