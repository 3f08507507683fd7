"""A thousand jobs and ten thousand workers of which nothing is new: what a GlobalManager does meanwhile.

One job is brought to its rest by the true controllers, after a round. Its resources are the mould of all the others,
each with the identity that the store gives; a job at rest has its inference worker and those of its last training
and evaluation. More than a thousand jobs are needed to have ten thousand workers.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks.processes import family, fine_cpu_seconds, resident_mb
from benchmarks.rows import Aim, Row, Size
from benchmarks.sites import host
from benchmarks.wires import Wire, request
from sedna_gm.controllers.supervising import Settings
from sedna_gm.store.interface import Key, Store
from sedna_gm.store.sql.store import SqlStore
from tests.bounded.sites import Site
from tests.gm.controllers.world import JOB

_KINDS = ("Model", "Dataset", JOB, "Worker", "Artifact")
_BEAT_SECONDS = 10.0


def measure(size: Size) -> Iterator[Row]:
    """Fill a store, start the service, wait until it has looked at everything, and watch it."""
    jobs = size.pick(3334, 5)
    with host(daemons=False) as one:
        database = one.folder / "state" / "gm.db"
        counts = fill(database, jobs)
        one.start_gm()
        stop = threading.Event()
        beating = threading.Thread(target=_beat, args=(one.setup.server, stop))
        beating.start()
        try:
            pids = family(one.pid("gm"))
            first = _settled(pids, size.pick(10, 1))
            # Two whole turns of looking at every job now and then.
            begun, before, version = time.monotonic(), _cpu(pids), _version(one.setup.server)
            time.sleep(size.pick(120, 2))
            seconds, spent = time.monotonic() - begun, _cpu(pids) - before
            writes, memory = _version(one.setup.server) - version, resident_mb(pids)
        finally:
            stop.set()
            beating.join()
    more = {**counts, "writesMeanwhile": writes, "firstLookCpuSeconds": first, "memoryMB": memory}
    yield Row(
        "1,000 jobs, 10,000 workers, nothing new: CPU", 100 * spent / seconds, "% of a core",
        f"{counts[JOB]} jobs at rest with {counts['Worker']} workers, over two minutes", Aim(10), more=more,
    )  # fmt: skip


def fill(database: Path, jobs: int) -> dict[str, int]:
    """Write a store of so many jobs at rest; return how many resources of each kind there are."""
    mould = _mould()
    database.parent.mkdir(parents=True, exist_ok=True)
    store = SqlStore(f"sqlite:///{database}", lambda: datetime.now(timezone.utc))
    counts = dict.fromkeys(_KINDS, 0)
    try:
        _put(store, mould["Node"][0])
        for number in range(jobs):
            for kind, made in _cast(store, mould, number):
                _put(store, made)
                counts[kind] += 1
    finally:
        store.close()
    return counts


def _mould() -> dict[str, list[dict[str, Any]]]:
    with tempfile.TemporaryDirectory(prefix="sedna-bench-") as folder:
        site = Site(Path(folder), Settings())
        try:
            site.run(1)
            return {kind: [dict(one) for one in site.store.list(kind).items] for kind in (*_KINDS, "Node")}
        finally:
            site.close()


def _cast(store: Store, mould: dict[str, list[dict[str, Any]]], number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The resources of one more job, in the order in which they refer to each other."""
    original = mould[JOB][0]["metadata"]
    uid = ""
    for kind in _KINDS:
        for one in mould[kind]:
            text = json.dumps(one)
            for name in ("helmets", "samples", "initial-model", "deploy-model"):
                text = text.replace(f'"{name}', f'"{name}-{number}')
            text = text.replace("/output/helmets", f"/output/helmets-{number}")
            yield kind, json.loads(text.replace(original["uid"], uid) if uid else text)
            if kind == JOB:
                uid = store.get(Key(JOB, "default", f"helmets-{number}"))["metadata"]["uid"]


def _put(store: Store, resource: dict[str, Any]) -> None:
    metadata = {name: value for name, value in resource["metadata"].items() if name not in ("uid", "resourceVersion")}
    status = resource.get("status")
    made = store.create({**{k: v for k, v in resource.items() if k != "status"}, "metadata": metadata})
    if status:
        store.update_status({**made, "status": status})


def _beat(server: str, stop: threading.Event) -> None:
    """The node of all of them is alive."""
    wire = Wire(server)
    beat = request("POST", "/apis/sedna.io/v1alpha1/nodes/edge-node/heartbeat", {})
    while True:
        wire.ask(beat)
        if stop.wait(_BEAT_SECONDS):
            wire.close()
            return


def _cpu(pids: list[int]) -> float:
    return sum(map(fine_cpu_seconds, pids))


def _settled(pids: list[int], quiet: float) -> float:
    """Wait until the service has done with its first look; return the processor seconds of it."""
    while True:
        before = _cpu(pids)
        time.sleep(quiet)
        if _cpu(pids) - before < 0.3 * quiet:
            return before


def _version(server: str) -> int:
    wire = Wire(server)
    _, body = wire.ask(request("GET", "/apis/sedna.io/v1alpha1/nodes?limit=1"))
    wire.close()
    return int(json.loads(body)["metadata"]["resourceVersion"])
