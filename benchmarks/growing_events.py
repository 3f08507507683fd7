"""What happens in `growth`: one event beside much of what there was before, and the processor seconds it takes.

Everything is in memory or on a file system in memory: a disk's fsync, the same at each size, would hide any growth.
Times are those of this thread on its processor, so that neighbours do not show.
"""

from __future__ import annotations

import gc
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.rows import median
from sedna_gm.controllers.supervising import Settings
from sedna_gm.store.interface import Key
from sedna_lc.datasets.tailing import Tail
from sedna_lc.state.sqlite import SqliteStore
from tests.bounded.sites import Site
from tests.gm.controllers.world import JOB, World, job_manifest

_MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else None


def _median_of(act: Callable[[int], object], times: int) -> float:
    """Seconds of this thread's processor time that an act takes."""
    act(-1)
    gc.collect()
    taken = []
    for number in range(times):
        begun = time.thread_time()
        act(number)
        taken.append(time.thread_time() - begun)
    return median(taken)


def appending(samples: int, events: int) -> float:
    """A file that has so many samples gets one more."""
    with tempfile.TemporaryDirectory(prefix="sedna-bench-", dir=_MEMORY) as name:
        folder = Path(name)
        file, stop = folder / "samples.txt", threading.Event()
        file.write_text("".join(f"/data/{one:09}.jpg {one % 2}\n" for one in range(samples)))
        store = SqliteStore(folder / "lc.db")
        tail = Tail(folder / "state", store, "uid", str(file), "txt")
        try:
            tail.poll(stop)
            with file.open("a") as out:

                def one_more(number: int) -> None:
                    out.write(f"/data/more-{number}.jpg 1\n")
                    out.flush()
                    tail.poll(stop)

                cost = _median_of(one_more, events)
            assert tail.progress.samples == samples + events + 1
            return cost
        finally:
            tail.close()
            store.close()


def rounding(rounds: Sequence[int]) -> list[float]:
    """One job goes on and on; the cost of its rounds after so many."""
    wanted, costs = set(rounds), []
    with tempfile.TemporaryDirectory(prefix="sedna-bench-", dir=_MEMORY) as name:
        site = Site(Path(name), Settings())
        try:
            number = 0
            while wanted:
                number += 1
                site.run(number)
                if number in wanted:
                    wanted.discard(number)
                    begun = time.thread_time()
                    # Each tenth sweeps and each hundredth collects garbage: all of them are part of it.
                    turns = range(number + 1, number + (11 if len(rounds) > 2 else 2))
                    for number in turns:
                        site.run(number)
                    costs.append((time.thread_time() - begun) / len(turns))
        finally:
            site.close()
    return costs


def counting(jobs: int, events: int) -> float:
    """So many jobs at rest; the dataset of one of them grows, not by enough."""
    world = World()
    world.node()
    world.models()
    for number in range(jobs):
        world.dataset(f"samples-{number}")
        world.create(job_manifest(f"helmets-{number}", dataset=f"samples-{number}", threshold=1e9))
        # The log of changes remembers some thousands.
        _rest(world)

    def count(number: int) -> None:
        world.samples(10 + number, "samples-0")
        _rest(world)

    return _median_of(count, events)


def beating(nodes: int, events: int) -> float:
    """So many nodes; one beats and says that its images have changed."""
    world = World()
    _add_nodes(world, nodes)

    def beat(number: int) -> None:
        world.heartbeats.beat("edge-0")
        world.patch_status(Key("Node", "", "edge-1"), {"images": [f"helmets:v{number}"]})
        _rest(world)

    return _median_of(beat, events)


def placing(nodes: int, events: int) -> float:
    """So many nodes; jobs come that leave their node open."""
    world = World()
    world.models()
    world.dataset(node="edge-0", seen=60)
    _add_nodes(world, nodes)

    def submit(number: int) -> None:
        world.create(job_manifest(f"helmets-{number + 1}"))
        _rest(world)
        assert world.store.get(Key(JOB, "default", f"helmets-{number + 1}"))["status"]["phase"] == "Starting"

    return _median_of(submit, events)


def _add_nodes(world: World, nodes: int) -> None:
    for number in range(nodes):
        world.node(f"edge-{number}")
        world.heartbeats.beat(f"edge-{number}")
        _rest(world)


def _rest(world: World) -> None:
    """Handle what is due; without the checks of `World.settle`, which look at every resource each time."""
    while world.controllers.pump(0) or world.controllers.workers.handle_next(0):
        pass
