"""One GlobalManager with ten thousand LocalControllers, which are simulated (`fleets`): what they cost it.

The service has this machine's cores to share with the simulation; its own processor time is what is told.
"""

from __future__ import annotations

import asyncio
import random
import resource
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.fleets import API, Fleet
from benchmarks.processes import family, fine_cpu_seconds, resident_mb
from benchmarks.rows import Aim, Row, Size, median, share
from benchmarks.sites import Host, host
from benchmarks.wires import ask_all, request

_STREAMS = 5
_BEAT_SECONDS = 10.0
_MOST_SECONDS = 600.0


def measure(size: Size) -> Iterator[Row]:
    """Let them come, beat, hear of workers, and come again after a restart."""
    wanted = size.pick(10_000, 20)
    count = _possible(wanted)
    with host(daemons=False) as one:
        # Each node holds four streams; the default is for one hall of machines.
        http = {"maxConnections": 8 * count}
        one._configure(one.setup.gm_config, http=http)
        one.start_gm()
        empty = _memory(one)
        found = asyncio.run(_live(one, count, size))
    yield from told(wanted, count, empty, found)


def told(wanted: int, count: int, empty: float, found: dict[str, Any]) -> Iterator[Row]:
    """The rows for what `count` nodes cost; where more are `wanted` than were possible, they say so."""
    where = f"{count:,} simulated nodes, each with {_STREAMS - 1} streams, plain HTTP, nobody asked for credentials"
    title, more, times = f"{count:,} nodes", {"nodes": count}, 1.0
    if count < wanted:
        # As a cost for each node; `more` has what was measured.
        title, times = f"{wanted:,} nodes, worked out from {count:,}", wanted / count
        where += "; a process may not hold more connections here"
    memory = empty + (found["memoryMB"] - empty) * times
    detail = {**found, **more, "emptyMB": empty, "kBEach": 1e3 * (found["memoryMB"] - empty) / count}
    yield Row(f"{title}: GM's memory", memory, "MB", where, Aim(500), more=detail)
    yield Row(
        f"{count:,} nodes: worker bound → its node has it, p99", found["boundMs"]["p99"], "ms",
        f"from the POST of a Worker, of {found['boundMs']['count']}, while all beat; {where}", Aim(50),
        more={**more, **found["boundMs"]},
    )  # fmt: skip
    yield Row(
        f"{title}: CPU for heartbeats", found["beatsCpu"] * times, "% of a core", f"each every 10 s; {where}", Aim(30),
        more={**more, "measured": found["beatsCpu"], "msEach": found["beatCpuMs"]},
    )  # fmt: skip
    after = {name: found[name] for name in ("connectedAfter", "backCpuSeconds", "memoryAfterMB", "problems")}
    yield Row(
        f"{title}: all back after a GM restart", found["backSeconds"] * times, "s",
        f"from the start of the new process until all have their streams and have beaten; {where}", Aim(60),
        more={**more, "measured": found["backSeconds"], **after},
    )  # fmt: skip


def _possible(count: int) -> int:
    """So many nodes, or as many as this process may hold connections for."""
    wanted = (_STREAMS + 1) * count + 1000
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
        except (OSError, ValueError):
            count = (most - 1000) // (_STREAMS + 1)
            wanted = most
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, most)))
    return count


async def _live(one: Host, count: int, size: Size) -> dict[str, Any]:
    fleet = Fleet(one.setup.server, count, _BEAT_SECONDS if not size.small else 1.0)
    task = asyncio.create_task(fleet.run())
    try:
        joined = await _until_whole(fleet, task)
        connected = fleet.connected
        await asyncio.sleep(size.pick(30, 1))
        beats = await _beats(one, fleet, size.pick(60, 2))
        memory = _memory(one)
        bound = await _bind(one, fleet, size.pick(500, 5))
        await asyncio.to_thread(one.kill, "gm")
        await asyncio.sleep(size.pick(3, 0))
        begun = time.perf_counter()
        await asyncio.to_thread(one.start_gm)
        cpu = _cpu(one)
        await _until_whole(fleet, task)
        back = time.perf_counter() - begun
        return {
            **beats, "joinSeconds": joined, "connected": connected, "connectedAfter": fleet.connected,
            "memoryMB": memory, "boundMs": bound, "backSeconds": back,
            "backCpuSeconds": _cpu(one) - cpu, "memoryAfterMB": _memory(one), "problems": fleet.problems,
            "keepsConnections": fleet.keeps_connections,
        }  # fmt: skip
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        # Connections are closed in the next turn of the loop.
        await asyncio.sleep(0.1)


async def _until_whole(fleet: Fleet, task: asyncio.Task[None]) -> float:
    begun = time.perf_counter()
    # Those whose streams the restart has ended have yet to notice: it takes a turn of the loop.
    await asyncio.sleep(0.5)
    while fleet.connected < len(fleet.nodes):
        if task.done():
            task.result()
        if time.perf_counter() - begun > _MOST_SECONDS:
            # More than it can carry: that is a finding, too, and `connected` tells how far it came.
            break
        await asyncio.sleep(0.1)
    return time.perf_counter() - begun


async def _beats(one: Host, fleet: Fleet, seconds: int) -> dict[str, Any]:
    fleet.beats.clear()
    cpu, begun = _cpu(one), time.perf_counter()
    await asyncio.sleep(seconds)
    spent, passed, beats = _cpu(one) - cpu, time.perf_counter() - begun, list(fleet.beats)
    return {
        "beatsCpu": 100 * spent / passed,
        "beatCpuMs": 1e3 * spent / len(beats),
        "beatMs": {"p50": 1e3 * median(beats), "p99": 1e3 * share(beats, 0.99), "perSecond": len(beats) / passed},
    }


async def _bind(one: Host, fleet: Fleet, workers: int) -> dict[str, Any]:
    """Workers for nodes, ten a second: how long until each node has its own."""
    path, chosen, sent = f"{API}/namespaces/default/workers", random.Random(1), {}
    for number in range(workers):
        name = f"bench-{number}"
        body = request("POST", path, _worker(name, chosen.choice(fleet.nodes).name))
        sent[name] = time.perf_counter()
        await asyncio.to_thread(ask_all, one.setup.server, [body], 1, 201)
        await asyncio.sleep(0.1)
    deadline = time.perf_counter() + 60
    while len(fleet.seen) < workers and time.perf_counter() < deadline:
        await asyncio.sleep(0.05)
    missing = sent.keys() - fleet.seen.keys()
    # Those that have not come yet have taken this long at the least.
    end = time.perf_counter()
    taken = [1e3 * (fleet.seen.get(name, end) - moment) for name, moment in sent.items()]
    return {
        "p50": median(taken),
        "p99": share(taken, 0.99),
        "max": max(taken),
        "count": workers,
        "missing": len(missing),
    }


def _worker(name: str, node: str) -> dict[str, Any]:
    spec = {
        "role": "train", "nodeName": node, "round": 1,
        "job": {"kind": "IncrementalLearningJob", "namespace": "default", "name": "none", "uid": "none"},
        "template": {"containers": [{"name": "train", "image": "bench:v1", "args": ["train.py"]}]},
    }  # fmt: skip
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "sedna.io/v1alpha1", "kind": "Worker", "metadata": metadata, "spec": spec}


def _cpu(one: Host) -> float:
    return sum(map(fine_cpu_seconds, family(one.pid("gm"))))


def _memory(one: Host) -> float:
    return resident_mb(family(one.pid("gm")))
