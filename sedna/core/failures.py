"""An exception in user code becomes a report that says what happened.

`sedna.core.base` reports what is raised inside train, evaluate and inference; the hook here reports what
ends the process without having passed there, as a script that cannot read its data.
"""

from __future__ import annotations

import contextlib
import sys
import time
import traceback
from collections.abc import Callable
from types import TracebackType

# Enough to see where; the whole traceback is in the worker's log.
_LAST_LINES = 12
# A camera that fails at every frame must not send a report per frame.
_RECOVERY_SECONDS = 10.0

_MARK = "_sedna_reported"


def describe(error: BaseException) -> str:
    """`TypeName: text`, and the last lines of the traceback below it."""
    lines = "".join(traceback.format_exception(type(error), error, error.__traceback__)).splitlines()
    text = str(error)
    head = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return "\n".join([head, *lines[-_LAST_LINES:]])


def mark_reported(error: BaseException) -> bool:
    """Remember that this exception was reported; False when it had been already."""
    if getattr(error, _MARK, False):
        return False
    # An exception with slots cannot be marked, and is reported twice rather than never.
    with contextlib.suppress(AttributeError):
        setattr(error, _MARK, True)
    return True


def report_uncaught(report: Callable[[BaseException], None]) -> None:
    """Call `report` with an exception that ends the process, once, before it is printed as usual."""
    printing = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt) and mark_reported(error):
            report(error)
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
