"""An exception in user code becomes a report that says what happened.

`sedna.core.base` reports what is raised inside train, evaluate and inference; the hook here reports what
ends the process without having passed there, as a script that cannot read its data.
"""

from __future__ import annotations

import contextlib
import sys
import sysconfig
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from sedna.common.remote_errors import RemoteError

# As much as a line of a status should carry; the whole traceback is in the worker's log.
_CHARACTERS = 500
# Code that the user did not write: Python's, this package's, and (with "<") what has no file.
_NOT_USERS = (sysconfig.get_path("stdlib") + "/", f"{Path(__file__).parents[1]}/", "<")
_INSTALLED = {"site-packages", "dist-packages"}
# A camera that fails at every frame must not send a report per frame.
_RECOVERY_SECONDS = 10.0

_MARK = "_sedna_reported"


def describe(error: BaseException) -> str:
    """One line: `TypeName: text (file.py:LINE)`, where the line is the innermost of the user's own code."""
    text = " ".join(str(error).split())
    head = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if len(head) > _CHARACTERS:
        head = f"{head[:_CHARACTERS]}…"
    return head + _place(error)


def _place(error: BaseException) -> str:
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if not frame.filename.startswith(_NOT_USERS) and _INSTALLED.isdisjoint(path.parts):
            return f" ({path.name}:{frame.lineno})"
    return ""


def mark_reported(error: BaseException) -> bool:
    """Remember that this exception was reported; False when it had been already."""
    if getattr(error, _MARK, False):
        return False
    # An exception with slots cannot be marked, and is reported twice rather than never.
    with contextlib.suppress(AttributeError):
        setattr(error, _MARK, True)
    return True


def report_uncaught(report: Callable[[BaseException], None]) -> None:
    """Call `report` with an exception that ends the process, once, before it is printed."""
    printing = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt) and mark_reported(error):
            report(error)
        if isinstance(error, RemoteError):
            # A wrong key or URL is no bug of the script: a sentence mends it, and a traceback hides the sentence.
            sys.stderr.write(f"{describe(error)}\n")
        else:
            printing(kind, error, trace)

    sys.excepthook = hook


class Health:
    """Says which of many failures and successes in a row are news: the first failure, and the recovery."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed_at: float | None = None

    def failed(self) -> bool:
        """Note a failure; True when it is the first since all was well."""
        news = self._failed_at is None
        self._failed_at = self._clock()
        return news

    def succeeded(self) -> bool:
        """Note a success; True when failures had been reported and have been over for some seconds."""
        if self._failed_at is None or self._clock() - self._failed_at < _RECOVERY_SECONDS:
            return False
        self._failed_at = None
        return True
