"""What a word of state means at a glance: well, under way, waiting, or for somebody to look at.

Colour only repeats what the word says. click takes it away where no terminal reads, and NO_COLOR (no-color.org) takes
it away everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import click

WELL = "green"
UNDER_WAY = "cyan"
WAITING = "yellow"
BROKEN = "red"

MEANINGS: Mapping[str, str] = {
    **dict.fromkeys(("Ready", "Running", "Watching", "Loaded", "Completed", "Succeeded", "Deployed", "True"), WELL),
    **dict.fromkeys(("Starting", "Loading", "Fetching", "Sending", "Stopping"), UNDER_WAY),
    **dict.fromkeys(("Waiting", "Pending", "Paused", "NotDeployed", "Missing", "Unknown", "Warning"), WAITING),
    **dict.fromkeys(("Failed", "Failing", "NotReady", "Refused", "RolledBack", "Unreadable", "False", "Error"), BROKEN),
}
# Where such words stand; elsewhere somebody may have named a resource so.
COLUMNS = frozenset({"STATE", "PHASE", "STATUS", "SERVING", "TYPE", "DECISION", "ROLLBACK"})


def coloured(column: str, text: str, shown: str) -> str:
    """Return what is shown of a cell (its text, with blanks to fill its column) in the colour that the text means."""
    # "Running,Paused": the last word is what a person may want to change.
    colour = MEANINGS.get(text.rpartition(",")[2]) if column in COLUMNS else None
    return shown if colour is None else click.style(shown, fg=colour)


def wanted(environment: Mapping[str, str] = os.environ) -> bool | None:
    """False where NO_COLOR says so; None leaves it to whether a terminal reads."""
    return False if environment.get("NO_COLOR") else None
