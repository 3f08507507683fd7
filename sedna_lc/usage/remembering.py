"""An hour of looks, and what they make for a chart: values in, values out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sedna_lc.usage.reading import Host, Used

EVERY_SECONDS = 10.0
REMEMBERED = 360
"""An hour of looks."""
# Ended workers stay to be looked at; so many at the most, the oldest go first.
_MOST_WORKERS = 200


@dataclass(frozen=True)
class Who:
    """Whose unit it is. One that is started again is another."""

    namespace: str
    name: str
    unit: str
    since: str
    """When it started, as times travel; empty where that is not known."""
    pid: int


@dataclass
class _Series:
    looks: deque[tuple[float, float, int | None]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """Each: when on a clock that only goes forward, seconds of CPU, bytes."""
    last: Used | None = None
    ended: bool = False


class History:
    """What was seen. Not safe for use by threads: `sampling` has a lock."""

    def __init__(self) -> None:
        self._host = _Series()
        self._workers: dict[Who, _Series] = {}

    def note(self, now: float, host: Host, workers: Mapping[Who, Used]) -> None:
        """Keep one look at all."""
        self._host.looks.append((now, host.cpu_seconds, host.memory_bytes))
        for who, used in workers.items():
            series = self._workers.setdefault(who, _Series())
            series.looks.append((now, used.cpu_seconds, used.memory_bytes))
            series.last = used
        oldest = self._host.looks[0][0]
        for who, series in list(self._workers.items()):
            series.ended = who not in workers
            if series.looks[-1][0] < oldest:
                del self._workers[who]
        while len(self._workers) > _MOST_WORKERS:
            del self._workers[next(iter(self._workers))]

    def workers(self) -> list[dict[str, Any]]:
        """Return each worker, how much it uses, and its `series`, as long as the host's."""
        times = [at for at, _, _ in self._host.looks]
        return [_worker(who, series, times) for who, series in self._workers.items() if series.last is not None]

    def series(self, now: float) -> dict[str, list[Any]]:
        """Return the host's looks: how many seconds from now (below zero), cores in use since the look before (None
        for the first), bytes in use."""
        times = [at for at, _, _ in self._host.looks]
        return {"seconds": [round(at - now) for at in times], **_values(self._host.looks, times)}


def _worker(who: Who, series: _Series, times: list[float]) -> dict[str, Any]:
    last = series.last or Used(0.0)
    told: dict[str, Any] = {
        "namespace": who.namespace,
        "name": who.name,
        "unit": who.unit,
        "running": not series.ended,
        "cpuSeconds": round(last.cpu_seconds, 3),
        "memoryBytes": None if series.ended else last.memory_bytes,
        "tasks": None if series.ended else last.tasks,
        "since": who.since or None,
        "series": _values(series.looks, times),
    }
    return told


def _values(looks: Iterable[tuple[float, float, int | None]], times: list[float]) -> dict[str, list[Any]]:
    found: dict[float, tuple[float | None, int | None]] = {}
    before: tuple[float, float] | None = None
    for at, cpu, memory in looks:
        cores = None
        if before is not None and at > before[0] and cpu >= before[1]:
            cores = round((cpu - before[1]) / (at - before[0]), 4)
        found[at] = cores, memory
        before = at, cpu
    empty = (None, None)
    pairs = [found.get(at, empty) for at in times]
    return {"cpu": [cores for cores, _ in pairs], "memory": [memory for _, memory in pairs]}
