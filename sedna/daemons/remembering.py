"""Numbers that are dear to find, such as a folder's bytes: what a scrape every few seconds must not cost each time."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Remembered:
    """A number, found anew only when it is older than `seconds`. Safe to ask from many threads."""

    def __init__(self, find: Callable[[], float], seconds: float, monotonic: Callable[[], float]) -> None:
        self._find = find
        self._seconds = seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._at: float | None = None
        self._number = 0.0

    def __call__(self) -> float:
        """The number, at most `seconds` old."""
        with self._lock:
            now = self._monotonic()
            if self._at is None or now - self._at > self._seconds:
                self._number, self._at = self._find(), now
            return self._number
