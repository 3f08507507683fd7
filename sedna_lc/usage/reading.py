"""What the kernel says of this host and of one worker: a few small files, read as they are.

A worker that has a cgroup of its own (systemd's) is that cgroup; any other is the tree of processes below its first
one. Whatever ends while it is looked at is not there.
"""

# pathlib would be a good part of what a look costs, and there is one every ten seconds for ever:
# ruff: noqa: PTH110, PTH123, PTH208
from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
# More processes than a worker has; a fork bomb must not keep the LC busy.
_MOST_PROCESSES = 500


@dataclass(frozen=True)
class Used:
    """Since it began: seconds of CPU; now: bytes of memory and how many threads (None where nobody counts)."""

    cpu_seconds: float
    memory_bytes: int | None = None
    tasks: int | None = None


@dataclass(frozen=True)
class Host:
    """The whole host."""

    cpu_seconds: float
    """Since it started, over all its CPUs."""
    memory_bytes: int
    """In use: what is not available to a new program."""
    memory_total_bytes: int


Look = Callable[[], Used | None]
"""Looks at one worker; None when it has ended."""


class Kernel:
    """The files; elsewhere in tests."""

    def __init__(self, proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> None:
        self._proc = str(proc)
        self._cgroups = str(cgroups)

    def host(self) -> Host:
        """Look at the host. Raises OSError or ValueError where /proc is not what it is on Linux."""
        with open(f"{self._proc}/stat", "rb") as file:
            # user nice system idle iowait irq softirq (steal, guest): what others took is not used here, and what
            # guests took is in user.
            user, nice, system, _, _, irq, softirq = map(int, file.readline().split()[1:8])
        memory = self._memory()
        total = memory[b"MemTotal"]
        return Host((user + nice + system + irq + softirq) / _TICKS, total - memory[b"MemAvailable"], total)

    def load_average(self) -> list[float]:
        """How many tasks have been running or waiting for a CPU, over 1, 5 and 15 minutes."""
        return [float(word) for word in self._read("loadavg").split()[:3]]

    def worker(self, unit: str, pid: int) -> Look:
        """Return what looks at the worker of a unit whose first process this is."""
        folder = self._cgroup_of(unit, pid)
        if folder is not None:
            return lambda: _of_cgroup(folder)
        born = self._stat(pid)
        return lambda: self._of_tree(pid, born[19] if born else b"")

    def _read(self, name: str) -> bytes:
        with open(f"{self._proc}/{name}", "rb") as file:
            return file.read()

    def _memory(self) -> dict[bytes, int]:
        found = {}
        for line in self._read("meminfo").splitlines()[:8]:
            name, _, rest = line.partition(b":")
            found[name] = int(rest.split()[0]) * 1024
        return found

    def _cgroup_of(self, unit: str, pid: int) -> str | None:
        try:
            lines = self._read(f"{pid}/cgroup").decode().splitlines()
        except (OSError, ValueError):
            return None
        # Version 2 alone: there, everything is counted in one place.
        path = next((line[3:] for line in lines if line.startswith("0::")), "")
        folder = f"{self._cgroups}{path}"
        return folder if path.endswith(f"/{unit}.service") and os.path.exists(f"{folder}/cpu.stat") else None

    def _of_tree(self, pid: int, born: bytes) -> Used | None:
        first = self._stat(pid)
        if first is None or first[19] != born:
            # Another process may have its number by now.
            return None
        ticks = pages = threads = 0
        for stat in self._tree(pid, first):
            # utime, stime, and those of children that have ended; num_threads; rss. See proc_pid_stat(5).
            ticks += sum(map(int, stat[11:15]))
            threads += int(stat[17])
            pages += int(stat[21])
        return Used(ticks / _TICKS, pages * _PAGE, threads)

    def _tree(self, pid: int, first: list[bytes]) -> Iterator[list[bytes]]:
        yield first
        waiting = list(self._children(pid))
        seen = 0
        while waiting and seen < _MOST_PROCESSES:
            seen += 1
            child = waiting.pop()
            if (stat := self._stat(child)) is not None:
                yield stat
                waiting += self._children(child)

    def _children(self, pid: int) -> Iterator[int]:
        try:
            for thread in os.listdir(f"{self._proc}/{pid}/task"):
                yield from map(int, self._read(f"{pid}/task/{thread}/children").split())
        except OSError:
            return

    def _stat(self, pid: int) -> list[bytes] | None:
        """The fields after the name, which may hold anything; the first is the state."""
        try:
            return self._read(f"{pid}/stat").rpartition(b")")[2].split()
        except OSError:
            return None


def disk(folder: Path) -> tuple[int, int]:
    """Return how many bytes are free on the disk of a folder, and of how many. Raises OSError."""
    found = shutil.disk_usage(folder)
    return found.free, found.total


def _of_cgroup(folder: str) -> Used | None:
    try:
        with open(f"{folder}/cpu.stat", "rb") as file:
            microseconds = int(file.readline().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return Used(microseconds / 1e6, _number(f"{folder}/memory.current"), _number(f"{folder}/pids.current"))


def _number(path: str) -> int | None:
    try:
        with open(path, "rb") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None
