"""How many resources and statuses a second one GlobalManager takes, each on its disk before it is answered."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.machines import yardsticks
from benchmarks.processes import cpu_seconds, family
from benchmarks.rows import Aim, Row, Size, share
from benchmarks.sites import Host, host
from benchmarks.wires import MERGE_PATCH, ask_all, request

_PATH = "/apis/sedna.io/v1alpha1/namespaces/default/datasets"
_CONNECTIONS = 8


def measure(size: Size) -> Iterator[Row]:
    """Create datasets, then tell their status several times."""
    count, turns = size.pick(3000, 30), size.pick(3, 1)
    creates = [request("POST", _PATH, _dataset(number)) for number in range(count)]
    statuses = [
        request("PATCH", f"{_PATH}/d-{number}/status", {"status": _status(turn)}, MERGE_PATCH)
        for turn in range(turns)
        for number in range(count)
    ]
    with host(daemons=False) as one:
        one.start_gm()
        for name, figure, requests, code in (("creates", 500, creates, 201), ("status patches", 1000, statuses, 200)):
            rate, more = _rate(one, requests, code)
            yield Row(
                f"{name} a second (SQLite, durable)", rate, "/s",
                f"{_CONNECTIONS} connections at once; client and service share this machine's cores",
                Aim(figure, at_most=False), more=more,
            )  # fmt: skip


def _rate(one: Host, requests: Sequence[bytes], code: int) -> tuple[float, dict[str, Any]]:
    pids = family(one.pid("gm"))
    cpu, begun = sum(map(cpu_seconds, pids)), time.perf_counter()
    taken = ask_all(one.setup.server, requests, _CONNECTIONS, code)
    seconds = time.perf_counter() - begun
    cpu = sum(map(cpu_seconds, pids)) - cpu
    more = {
        "requests": len(requests),
        "serviceCpuMsEach": 1e3 * cpu / len(requests),
        "p50Ms": 1e3 * share(taken, 0.5),
        "p99Ms": 1e3 * share(taken, 0.99),
        "fsyncMs": yardsticks()["fsyncMs"],
    }
    return len(requests) / seconds, more


def _dataset(number: int) -> dict[str, Any]:
    spec = {"url": f"/data/{number}.txt", "format": "txt", "nodeName": f"edge-{number % 50}"}
    metadata = {"name": f"d-{number}", "labels": {"site": f"s-{number % 7}"}}
    return {"apiVersion": "sedna.io/v1alpha1", "kind": "Dataset", "metadata": metadata, "spec": spec}


def _status(turn: int) -> dict[str, Any]:
    return {"numberOfSamples": 100 + turn, "samplesSeen": 100 + turn, "generation": 1, "state": "Watching"}
