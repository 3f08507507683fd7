"""What the kernel says is read as it is: of a cgroup where the unit has one, of a tree of processes elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sedna_lc.usage.reading import Kernel, Used, disk

UNIT = "sedna-worker-default-w"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    proc, cgroup = tmp_path / "proc", tmp_path / "cgroup" / "sedna.slice" / f"{UNIT}.service"
    (proc / "7").mkdir(parents=True)
    cgroup.mkdir(parents=True)
    (proc / "stat").write_text("cpu  100 20 30 4000 50 6 7 8 9 0\ncpu0 1 1 1 1\n")
    (proc / "meminfo").write_text("MemTotal:  1000 kB\nMemFree:  100 kB\nMemAvailable:  400 kB\nBuffers: 1 kB\n")
    (proc / "loadavg").write_text("0.50 0.25 0.10 1/200 4711\n")
    (proc / "7" / "cgroup").write_text(f"0::/sedna.slice/{UNIT}.service\n")
    (cgroup / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    (cgroup / "memory.current").write_text("4096\n")
    (cgroup / "pids.current").write_text("3\n")
    return tmp_path


@pytest.fixture
def kernel(root: Path) -> Kernel:
    return Kernel(root / "proc", root / "cgroup")


def test_a_host_is_busy_with_what_it_does_and_not_with_waiting_for_disks_or_for_other_hosts(kernel: Kernel) -> None:
    host = kernel.host()
    assert host.cpu_seconds == (100 + 20 + 30 + 6 + 7) / os.sysconf("SC_CLK_TCK")
    assert (host.memory_bytes, host.memory_total_bytes) == (600 * 1024, 1000 * 1024)
    assert kernel.load_average() == [0.5, 0.25, 0.1]


def test_a_unit_of_systemd_is_its_cgroup_until_that_is_gone(kernel: Kernel, root: Path) -> None:
    look = kernel.worker(UNIT, 7)
    assert look() == Used(2.5, 4096, 3)
    (root / "cgroup" / "sedna.slice" / f"{UNIT}.service" / "cpu.stat").unlink()
    assert look() is None


def test_where_nobody_counts_memory_nothing_is_said_of_it(kernel: Kernel, root: Path) -> None:
    for name in ("memory.current", "pids.current"):
        (root / "cgroup" / "sedna.slice" / f"{UNIT}.service" / name).unlink()
    assert kernel.worker(UNIT, 7)() == Used(2.5, None, None)


def test_a_cgroup_that_others_share_says_nothing_of_one_worker(kernel: Kernel) -> None:
    # The process runner's workers are in the cgroup of whoever started the LC.
    assert kernel.worker("sedna-worker-default-v", 7)() is None


@pytest.fixture
def family() -> Iterator[subprocess.Popen[bytes]]:
    """A process with a child of its own; both wait."""
    child = "import sys; print('ready', flush=True); sys.stdin.read()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as made:
        assert made.stdout is not None
        assert made.stdout.readline() == b"ready\n"
        yield made
        assert made.stdin is not None
        made.stdin.close()


def test_a_worker_of_the_process_runner_is_its_first_process_and_all_below(family: subprocess.Popen[bytes]) -> None:
    found = Kernel().worker(UNIT, family.pid)()
    assert found is not None
    assert found.tasks == 2
    assert found.cpu_seconds > 0
    # Two interpreters.
    assert (found.memory_bytes or 0) > 10_000_000


def test_a_process_that_has_ended_is_not_there(family: subprocess.Popen[bytes]) -> None:
    look = Kernel().worker(UNIT, family.pid)
    assert look() is not None
    assert family.stdin is not None
    family.stdin.close()
    family.wait(30)
    assert look() is None


def test_another_process_of_the_same_number_is_not_the_worker(tmp_path: Path) -> None:
    folder = tmp_path / "7"
    folder.mkdir()

    def born(at: int) -> None:
        # See proc_pid_stat(5); the name may hold anything.
        fields = ["S", *["0"] * 10, "5", "6", "7", "8", "20", "0", "2", "0", str(at), "1000", "25"]
        (folder / "stat").write_text(f"7 (a ) b) {' '.join(fields)}\n")

    born(100)
    look = Kernel(tmp_path, tmp_path).worker(UNIT, 7)
    assert look() == Used(26 / os.sysconf("SC_CLK_TCK"), 25 * os.sysconf("SC_PAGE_SIZE"), 2)
    born(200)
    assert look() is None


def test_a_host_that_is_no_linux_says_so(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="stat"):
        Kernel(tmp_path).host()


def test_this_very_host_can_be_read(tmp_path: Path) -> None:
    host = Kernel().host()
    assert 0 < host.memory_bytes <= host.memory_total_bytes
    free, total = disk(tmp_path)
    assert 0 < free <= total
