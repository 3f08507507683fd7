"""What other processes cost, read from /proc: memory, processor time, and how long until something holds.

Groups watch daemons and fresh interpreters with it; Linux only, as the daemons themselves.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_LOOK_SECONDS = 0.002


def memory_mb(pid: int, what: str = "VmRSS") -> float:
    """Resident memory of a process in MB (10^6 bytes); `VmHWM` is the most that it ever was."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ProcessLookupError(f"process {pid} has no memory any more")


def resident_mb(pids: Sequence[int]) -> float:
    """Resident memory of processes that were forked from one another in MB; what they share is counted once."""
    private, shared = [], []
    for pid in pids:
        sizes = {"Private": 0, "Shared": 0}
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            kind = line.partition("_")[0]
            if kind in sizes and line.partition(":")[0].endswith(("Clean", "Dirty")):
                sizes[kind] += int(line.split()[1])
        private.append(sizes["Private"])
        shared.append(sizes["Shared"])
    return (sum(private) + max(shared)) * 1024 / 1e6


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, all threads together; steps of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def fine_cpu_seconds(pid: int) -> float:
    """The same from the scheduler's own clock, which counts nanoseconds; threads that have ended are not in it."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_bytes().split()[0]) for task in tasks) / 1e9


def family(pid: int) -> list[int]:
    """A process and what it has started, and so on."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int((entry / "stat").read_bytes().rpartition(b")")[2].split()[1])
        except (OSError, IndexError):
            continue
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def until(holds: Callable[[], object], what: str, seconds: float = 120.0, look: float = _LOOK_SECONDS) -> float:
    """Wait until something holds that nobody announces; return the seconds it took. Raises TimeoutError."""
    begun = time.perf_counter()
    while not holds():
        if time.perf_counter() - begun > seconds:
            raise TimeoutError(f"not in {seconds:.0f} s: {what}")
        time.sleep(look)
    return time.perf_counter() - begun


def fresh(code: str, *words: str, env: dict[str, str] | None = None) -> dict[str, float]:
    """Run a program in a new interpreter; return the numbers that it prints as `name value` lines, and its whole time.

    Raises ChildProcessError, with what it said, when it fails.
    """
    begun = time.perf_counter()
    done = python(["-c", code, *words], env=env)
    numbers = {name: float(value) for name, value in (line.split() for line in done.splitlines() if line)}
    return {**numbers, "seconds": time.perf_counter() - begun}


def python(words: Sequence[str], env: dict[str, str] | None = None) -> str:
    """Run this interpreter; return what it prints. Raises ChildProcessError."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", **(env or {})}
    done = subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ChildProcessError(f"a measured program ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


#: Ends a measured program: the most memory that it had. Not ru_maxrss, which keeps that of who started it.
PRINT_PEAK = """
for line in open("/proc/self/status"):
    if line.startswith("VmHWM:"):
        print("peak", int(line.split()[1]) * 1024 / 1e6)
"""
