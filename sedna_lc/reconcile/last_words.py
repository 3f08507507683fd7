"""What a program wrote last before it failed: often the one line that says why. Pure.

For ends that the library could not report, as when a script fails before it imports it.
"""

from __future__ import annotations

from collections.abc import Iterable

from sedna_lc.runners.base import Activity, Reason, UnitState

#: How many lines to ask a log for: enough to find one that is not empty.
LINES = 20
_CHARACTERS = 300
# A line may have any length, as that of a progress bar.
_BYTES = 65_536


def are_wanted(unit: UnitState) -> bool:
    """Tell whether this unit's program ended itself with a failure: for good, or until its restart."""
    if unit.activity is Activity.FAILED:
        return unit.reason == Reason.EXIT_CODE
    return unit.activity is Activity.STARTING and bool(unit.exit_code)


def find(log: Iterable[bytes]) -> str | None:
    """Return the last line of a log that says something, bounded."""
    tail = b""
    for piece in log:
        tail = (tail + piece)[-_BYTES:]
    for line in reversed(tail.decode(errors="replace").splitlines()):
        words = "".join(sign for sign in line if sign.isprintable()).strip()
        if words:
            return words if len(words) <= _CHARACTERS else f"{words[:_CHARACTERS]}…"
    return None


def ended_with(unit: UnitState, words: str | None) -> str:
    """Return the sentence about an exit code, with the program's own words if there are any."""
    sentence = f"It ended with exit code {unit.exit_code}"
    return f"{sentence}: {words}" if words else f"{sentence}."
