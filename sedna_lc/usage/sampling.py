"""Looks at the host and its workers now and then, and answers the GM's question of type `usage`.

Which units there are is asked of the runner only after it said that something changed, so that a host on which nothing
happens costs two small files every ten seconds: measured on a server's core that sleeps in between, 0.24 ms for each
look, which is 0.09 seconds of CPU in an hour.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sedna.api.times import format_time
from sedna_lc.errors import Never
from sedna_lc.runners.base import Runner
from sedna_lc.runners.errors import RunnerError
from sedna_lc.runners.names import worker_unit
from sedna_lc.state.stores import Key
from sedna_lc.usage.reading import Kernel, Look, disk
from sedna_lc.usage.remembering import EVERY_SECONDS, History, Who

logger = logging.getLogger(__name__)


class Sampler:
    """One thread (`run`) looks; `document` may be called from any other.

    Args:
        runner: who knows the units.
        workers: gives the keys of this node's workers.
        state_dir: whose disk is told.
    """

    def __init__(
        self,
        runner: Runner,
        workers: Callable[[], Iterable[Key]],
        state_dir: Path,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        kernel: Kernel | None = None,
    ) -> None:
        self._runner = runner
        self._workers = workers
        self._state_dir = state_dir
        self._clock = clock
        self._monotonic = monotonic
        self._kernel = kernel or Kernel()
        self._lock = threading.Lock()
        self._history = History()
        self._looks: dict[Who, Look] = {}
        self._changed = threading.Event()
        self._changed.set()
        runner.subscribe(lambda _unit: self._changed.set())

    def run(self, stop: threading.Event) -> None:
        """Look until stopped."""
        while not stop.is_set():
            try:
                self.look()
            except (OSError, ValueError, LookupError) as problem:
                logger.warning("This host cannot be looked at, and how busy it is stays unknown: %s", problem)
                stop.wait()
            stop.wait(EVERY_SECONDS)

    def look(self) -> None:
        """Look once. Raises OSError, ValueError or LookupError where /proc is not as on Linux."""
        if self._changed.is_set():
            self._find_units()
        now, host = self._monotonic(), self._kernel.host()
        used = {who: found for who, look in self._looks.items() if (found := look()) is not None}
        with self._lock:
            self._history.note(now, host, used)

    def document(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Return how busy the host is; with `name` (and `namespace`) in the question, of its workers only that one.

        Raises Never where nobody can say.
        """
        try:
            host, load = self._kernel.host(), self._kernel.load_average()
            free, total = disk(self._state_dir)
        except (OSError, ValueError, LookupError) as problem:
            raise Never("UsageUnknown", f"This node cannot say how busy it is: {problem}.") from problem
        now = self._monotonic()
        with self._lock:
            workers, series = self._history.workers(), self._history.series(now)
        if question.get("name"):
            wanted = str(question.get("namespace") or "default"), str(question["name"])
            workers = [one for one in workers if (one["namespace"], one["name"]) == wanted]
        return {
            "time": format_time(self._clock()),
            "node": {
                "cpuSeconds": round(host.cpu_seconds, 2),
                "cpuCount": os.cpu_count() or 1,
                "loadAverage": load,
                "memoryBytes": host.memory_bytes,
                "memoryTotalBytes": host.memory_total_bytes,
                "diskFreeBytes": free,
                "diskTotalBytes": total,
            },
            "workers": workers,
            "series": series,
        }

    def _find_units(self) -> None:
        """Know which units run now, and by which process each is found."""
        self._changed.clear()
        try:
            units = self._runner.observe()
        except RunnerError as problem:
            # The runner tells when it is back; this is for when it told meanwhile.
            logger.debug("Units cannot be looked at: %s", problem)
            self._changed.set()
            return
        looks: dict[Who, Look] = {}
        for key in self._workers():
            state = units.get(worker_unit(*key))
            if state is None or state.pid is None:
                continue
            since = format_time(state.started_at) if state.started_at is not None else ""
            # What is looked at already stays: of a process that has ended meanwhile, its number may be another's.
            who = Who(*key, state.name, since, state.pid)
            looks[who] = self._looks.get(who) or self._kernel.worker(state.name, state.pid)
        self._looks = looks
