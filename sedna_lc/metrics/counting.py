"""What has happened since this program began, counted as it happens: answers of the door, and lines of the log."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping


class Counts(logging.Handler):
    """The counters. As a handler of the root logger it counts what is logged from WARNING on."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._counting = threading.Lock()
        self._reports: Counter[str] = Counter(accepted=0, refused=0, failed=0)
        self._lines: Counter[str] = Counter(WARNING=0, ERROR=0, CRITICAL=0)

    def emit(self, record: logging.LogRecord) -> None:
        """A line was logged."""
        with self._counting:
            self._lines[record.levelname] += 1

    def answered(self, code: int) -> None:
        """A report was answered with this code: 4xx refuses it for good, 5xx has its sender come again."""
        outcome = "accepted" if code < 400 else "refused" if code < 500 else "failed"
        with self._counting:
            self._reports[outcome] += 1

    @property
    def reports(self) -> Mapping[str, int]:
        """Reports by what became of them."""
        with self._counting:
            return dict(self._reports)

    @property
    def lines(self) -> Mapping[str, int]:
        """Lines of the log by level."""
        with self._counting:
            return dict(self._lines)
