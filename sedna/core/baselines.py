"""How the models of a worker fared, kept over its restarts: a cold update compares with a process that is gone.

The LocalController gives a guarded worker SEDNA_GUARD: the limits, since when, and the sha256 of the last good model.
The numbers lie in a small file in the worker's spool folder, written now and then in the background.
"""

from __future__ import annotations

import itertools
import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from sedna.api.times import parse_time
from sedna.common.publishing import write_atomically
from sedna.core.guarding import Limits, Measured, read_limits
from sedna.core.measuring import Measure

logger = logging.getLogger(__name__)

FILE = "measured"
# This one, the one before it, and one that was taken back between them.
_MOST_MODELS = 3
_LOOK_SECONDS = 1.0
_FIRST_SECONDS = (1.0, 2.0, 4.0)
# The numbers of a new model change fast and a trial may end it soon; later each write only wears the flash of the host.
_SOON_SECONDS, _SOON_WRITES = 10.0, 30
_LATER_SECONDS = 600.0
# What a slow start may take on top of the window: a worker that starts later than that was not started to be watched.
_START_SECONDS = 900


@dataclass(frozen=True)
class ColdGuard:
    """What SEDNA_GUARD says."""

    limits: Limits
    previous: str = ""
    """The sha256 of the last good model; empty: there is none, so there is nothing to go back to."""
    since: str = ""

    def watches(self, now: datetime) -> bool:
        """Whether this start of the process is the one to be watched; a reboot years later is not."""
        return bool(self.previous) and is_recent(self.since, self.limits, now)


def is_recent(since: str, limits: Limits, now: datetime) -> bool:
    """Whether a model that was put in place at a moment is still to be watched when it begins to serve now."""
    if limits.window_seconds <= 0:
        return False
    try:
        begun = parse_time(since)
    except ValueError:
        return False
    return now < begun + timedelta(seconds=limits.window_seconds + _START_SECONDS)


def read_cold_guard(text: str | None) -> ColdGuard | None:
    """Read the variable; None when there is none. Raises ValueError for anything that makes no sense."""
    if not text:
        return None
    told = json.loads(text)
    if not isinstance(told, dict):
        raise ValueError("SEDNA_GUARD is not an object")
    limits = read_limits(told.get("guard"))
    return None if limits is None else ColdGuard(limits, str(told.get("previous") or ""), str(told.get("since") or ""))


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(timezone.utc)


class Baselines:
    """The file with the numbers."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def of(self, sha256: str) -> Measured | None:
        """How a model fared, if that is known."""
        try:
            return Measured.read(self._read()[sha256])
        except (KeyError, TypeError, ValueError):
            return None

    def keep(self, sha256: str, measured: Measured) -> None:
        """Remember how a model fares. Raises OSError."""
        told = {name: one for name, one in self._read().items() if name != sha256}
        newest = [*told.items(), (sha256, measured.dump())][-_MOST_MODELS:]
        write_atomically(self._file, json.dumps(dict(newest)).encode())

    def _read(self) -> dict[str, Any]:
        try:
            told = json.loads(self._file.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return told if isinstance(told, dict) else {}


def pauses() -> Iterator[float]:
    """Yield the waits after each time that the numbers were written down."""
    # The first numbers are of a few inferences only, and a cold update may come within seconds.
    yield from _FIRST_SECONDS
    yield from itertools.repeat(_SOON_SECONDS, _SOON_WRITES)
    yield from itertools.repeat(_LATER_SECONDS)


class BaselineKeeper:
    """Writes down now and then how a model fares, on a thread of its own."""

    def __init__(self, baselines: Baselines, sha256: str, measure: Measure) -> None:
        self._baselines, self._sha256, self._measure = baselines, sha256, measure
        self._stop = threading.Event()
        self._kept: Measured | None = None
        self._thread = threading.Thread(target=self._run, args=(pauses(),), name="sedna-baseline", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write the last numbers and end."""
        self._stop.set()
        self._thread.join()

    def _run(self, series: Iterator[float]) -> None:
        # Until there is something to write down, a look at a number costs nothing.
        while not self._stop.wait(_LOOK_SECONDS if self._kept is None else next(series)):
            self._keep()
        self._keep()

    def _keep(self) -> None:
        found = self._measure.summary()
        if not found.inferences or found == self._kept:
            return
        try:
            self._baselines.keep(self._sha256, found)
        except OSError as problem:
            if self._kept is None:
                logger.warning("How the model fares cannot be written down: %s", problem)
        self._kept = found
