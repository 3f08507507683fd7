"""A dataset of ten million samples on one host: the first count, and what it costs to keep watching it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.processes import fine_cpu_seconds, memory_mb, until
from benchmarks.rows import Aim, Row, Size
from benchmarks.sites import Host, host, manifest

_LINE_BYTES = 60


def measure(size: Size) -> Iterator[Row]:
    """Count a file, then leave it alone."""
    lines = size.pick(10_000_000, 20_000)
    with host() as one:
        time.sleep(size.pick(5, 0))
        pid = one.pid("lc")
        idle = memory_mb(pid)
        before = _idle_cpu_an_hour(pid, size.pick(60, 1))
        # Deep enough: the folder that holds a dataset's folder is watched too, and others write into /tmp all the time.
        file = one.folder / "data" / "list" / "samples.txt"
        file.parent.mkdir(parents=True)
        _write(file, lines)
        baseline = _plain_count(file)
        cpu = fine_cpu_seconds(pid)
        seconds = _count(one, file, lines)
        cpu = fine_cpu_seconds(pid) - cpu
        peak = memory_mb(pid, "VmHWM")
        time.sleep(size.pick(5, 0))
        watching, after = memory_mb(pid), _idle_cpu_an_hour(pid, size.pick(120, 1))
    how = f"{lines:,} lines of {_LINE_BYTES} bytes, from the submission of the Dataset until the GM knows the count"
    yield Row(
        "first count of 10 M lines", seconds, "s", how, Aim(3),
        more={"lines": lines, "cpuSeconds": cpu, "plainReadAndCountSeconds": baseline, "ratio": seconds / baseline},
    )  # fmt: skip
    yield Row(
        "first count of 10 M lines, memory", peak - idle, "MB", "the LC's highest resident memory above its idle one",
        Aim(10), "3.1 to 4.8 GB", {"idleMB": idle, "peakMB": peak},
    )  # fmt: skip
    yield Row(
        "LC idle with 10 M lines, CPU per hour", after, "s", "scaled up from two minutes in which nothing happens",
        Aim(2), "131 to 234 s", {"withoutDataset": before},
    )  # fmt: skip
    yield Row(
        "LC idle with 10 M lines, memory above idle", watching - idle, "MB", "resident memory, some seconds after",
        Aim(10), "3 to 4.8 GB", {"idleMB": idle},
    )  # fmt: skip


def _write(file: Path, lines: int) -> None:
    with file.open("w") as out:
        for begin in range(0, lines, 10_000):
            numbers = range(begin, min(begin + 10_000, lines))
            out.writelines(
                f"/data/helmets/images/{one:09}.jpg".ljust(_LINE_BYTES - 3) + f" {one % 2}\n" for one in numbers
            )


def _plain_count(file: Path) -> float:
    """How long it takes to read the file once and count its ends of lines, in the same chunks."""
    begun, count = time.perf_counter(), 0
    with file.open("rb", buffering=0) as opened:
        while chunk := opened.read(1 << 18):
            count += chunk.count(b"\n")
    return time.perf_counter() - begun


def _count(one: Host, file: Path, lines: int) -> float:
    begun = time.perf_counter()
    one.create(manifest("Dataset", "samples", {"url": str(file), "format": "txt", "nodeName": one.setup.node}))

    def counted() -> bool:
        return (one.get("Dataset", "samples").get("status") or {}).get("numberOfSamples") == lines

    until(counted, f"{lines} samples are counted", 600, look=0.02)
    return time.perf_counter() - begun


def _idle_cpu_an_hour(pid: int, seconds: int) -> float:
    begun, before = time.monotonic(), fine_cpu_seconds(pid)
    time.sleep(seconds)
    return (fine_cpu_seconds(pid) - before) * 3600 / (time.monotonic() - begun)
