"""What the two daemons take when nothing happens, and how long they take to be ready."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.processes import family, fine_cpu_seconds
from benchmarks.rows import Aim, Row, Size, median
from benchmarks.sites import host


def measure(size: Size) -> Iterator[Row]:
    """Start both several times, then leave them alone for a while."""
    ready: dict[str, list[float]] = {"gm": [], "lc": []}
    with host(daemons=False) as one:
        for _ in range(size.pick(7, 1)):
            for name in ("gm", "lc"):
                ready[name].append(one.time_to_ready(name))
            settled = size.pick(1, 0)
            if len(ready["gm"]) < size.pick(7, 1):
                one.stop("lc")
                one.stop("gm")
        time.sleep(2 * settled)
        begun, before = time.monotonic(), {name: sum(map(fine_cpu_seconds, family(one.pid(name)))) for name in ready}
        time.sleep(size.pick(60, 1))
        hour = 3600 / (time.monotonic() - begun)
        memory = {name: one.memory_mb(name) for name in ready}
        idle = {name: (sum(map(fine_cpu_seconds, family(one.pid(name)))) - before[name]) * hour for name in ready}
    for name, title, aims, originals in (
        ("lc", "LC", (40, 0.5), ("36 MB", "–")),
        ("gm", "GM", (90, 1.0), ("–", "–")),
    ):
        yield Row(
            f"{title} resident, idle", memory[name], "MB", "resident memory of its processes after a minute of nothing",
            Aim(aims[0]), originals[0], {"cpuSecondsPerHour": idle[name]},
        )  # fmt: skip
        yield Row(
            f"{title} ready after start", median(ready[name]), "s",
            "from the start of its process until " + ("its node is Ready" if name == "lc" else "/readyz answers"),
            Aim(aims[1]), originals[1], {"all": ready[name]},
        )  # fmt: skip
