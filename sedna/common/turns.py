"""How long one thread has Python to itself while another waits for it.

Beside a script that never pauses, each step of a thread that waits for the kernel ends with a wait for Python's lock,
of 5 ms as Python comes: most of what the swap of a model took. And what such a thread does in Python, a load or an
import, takes it from the script for as long at a time. While no other thread has anything to do, shorter turns cost
nothing.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SECONDS = 0.0005
_guard = threading.Lock()
# How many want them now; what was set before the first did; what it became, in whole microseconds as it is kept.
_wanted = 0
_before = 0.0
_mine = 0.0


@contextmanager
def short_turns() -> Iterator[None]:
    """Have threads take turns of half a millisecond, `sys.setswitchinterval`, until the last who wants it has done.

    A program that sets it meanwhile has the last word.
    """
    global _wanted, _before, _mine
    with _guard:
        if not _wanted:
            _before = sys.getswitchinterval()
            # Not where they are shorter already: each time that it is set, a microsecond may be lost to rounding.
            if _before > _SECONDS:
                sys.setswitchinterval(_SECONDS)
            _mine = sys.getswitchinterval()
        _wanted += 1
    try:
        yield
    finally:
        with _guard:
            _wanted -= 1
            if not _wanted and _before > _SECONDS and sys.getswitchinterval() == _mine:
                sys.setswitchinterval(_before)
