"""The places where a power cut would hurt most, by name; nothing happens there unless a test has armed one.

Services and library say `reached("gm.store.commit.before")` at each step that others rely on. A test arms a point by
the variable SEDNA_FAULT, and only where the module `sedna_faults` can be imported, which is part of the tests and of
no wheel; it then ends the process as a power cut does. The tests sweep every point that the code names.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable

_ARMED_BY = "SEDNA_FAULT"
_MODULE = "sedna_faults"


def reached(point: str) -> None:
    """Say that a step is done, or about to be: `<part>.<thing>.<step>`."""
    if _die_at is not None:
        _die_at(point)


def _armed() -> Callable[[str], None] | None:
    if not os.environ.get(_ARMED_BY):
        return None
    try:
        module = importlib.import_module(_MODULE)
    except ImportError:
        # An installed program: whatever its environment says, it cannot be armed.
        return None
    reach: Callable[[str], None] = module.reach
    return reach


_die_at = _armed()
