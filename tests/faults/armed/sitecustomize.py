"""Lets the clock of every service and worker jump: a file says by how many seconds. Nothing else knows of it.

Python runs this before anything else where the folder is on PYTHONPATH. Only what asks for the time of the day is
moved; what measures how long something takes is not, as on a real host.
"""

# It must change what modules take from `datetime` and `time` before they do:
# ruff: noqa: PTH123
from __future__ import annotations

import datetime
import os
import time
from typing import Any

_FILE = os.environ.get("SEDNA_CLOCK_FILE")
_real, _time = datetime.datetime, time.time


def _offset() -> float:
    try:
        with open(str(_FILE), encoding="ascii") as file:
            return float(file.read() or 0)
    except (OSError, ValueError):
        return 0.0


class _AnyTime(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, _real)


class _Jumping(_real, metaclass=_AnyTime):
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return _real.now(tz) + datetime.timedelta(seconds=_offset())


if _FILE:
    datetime.datetime = _Jumping  # type: ignore[misc]
    time.time = lambda: _time() + _offset()
