"""Which groups of rows there are, and running them one after the other.

A group that fails says so and the others go on: half a table is better than none, and the exit code tells.
"""

from __future__ import annotations

import importlib
import os
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.machines import Moment, moment
from benchmarks.rows import Row, Size

GROUPS = (
    "library", "reading", "reporting", "swapping", "resident", "counting", "latencies", "hosts", "writing", "steady",
    "artifacts", "growth", "detector", "nodes",
)  # fmt: skip


@dataclass(frozen=True)
class Group:
    """What one group has found."""

    name: str
    rows: tuple[Row, ...]
    seconds: float
    load: tuple[float, float] = (0.0, 0.0)
    """How many processes ran on this machine, its own included, before and after; a busy machine measures itself."""
    problem: str = ""
    """Why there are no rows, with its traceback; empty when all went well."""
    moment: Moment | None = None
    """When it began, and of which commit; None where nobody has asked."""


def run(names: Sequence[str], size: Size, say: Callable[[str], None]) -> Iterator[Group]:
    """Run these groups; when none is named, all. Raises ValueError for a name that is none."""
    unknown = set(names) - set(GROUPS)
    if unknown:
        raise ValueError(f"no such rows: {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    for name in names or GROUPS:
        say(f"{name} …")
        now = moment()
        begun, load = time.monotonic(), os.getloadavg()[0]
        try:
            rows, problem = measured(name, size), ""
        except Exception:  # noqa: BLE001 - the traceback is shown, and the exit code is not 0
            rows, problem = (), traceback.format_exc()
        yield Group(name, rows, time.monotonic() - begun, (load, os.getloadavg()[0]), problem, now)


def measured(name: str, size: Size) -> tuple[Row, ...]:
    """Run one group."""
    return tuple(importlib.import_module(f"benchmarks.{name}").measure(size))
