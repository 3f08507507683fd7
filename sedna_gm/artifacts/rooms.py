"""How much a store may still take: what the disk has free beyond a reserve, and what the operator allows."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from sedna.api.quantities import size_text
from sedna_gm.errors import StoreFull


class Room:
    """The room in one folder. Safe to use from many threads."""

    def __init__(self, folder: Path, reserve: int, most: int | None, measure: Callable[[], int]) -> None:
        """`measure` counts the bytes that are there already; it is asked once, and only where `most` limits them."""
        self._folder = folder
        self._reserve = reserve
        self._most = most
        self._measure = measure
        self._used: int | None = None
        self._lock = threading.Lock()

    def check(self, more: int) -> None:
        """Raises StoreFull when so many more bytes do not fit."""
        if more <= 0:
            return
        free = self._free() - self._reserve
        if more > free:
            raise StoreFull(
                f"{size_text(more)} do not fit: the disk of {self._folder} has {size_text(max(free, 0))} left beyond "
                f"the reserve of {size_text(self._reserve)} (artifacts.reserveBytes). Make room there."
            )
        if self._most is None:
            return
        left = self._most - self._known()
        if more > left:
            raise StoreFull(
                f"{size_text(more)} do not fit: {size_text(max(left, 0))} are left of the {size_text(self._most)} that "
                "artifacts may take (artifacts.maxBytes). Raise it, or delete Artifacts that nobody needs."
            )

    def took(self, more: int) -> None:
        """So many bytes were written, or removed if negative."""
        with self._lock:
            # What was not counted yet will be counted with these.
            if self._used is not None:
                self._used = max(self._used + more, 0)

    def _known(self) -> int:
        with self._lock:
            if self._used is None:
                self._used = self._measure()
            return self._used

    def _free(self) -> int:
        """Bytes that the disk can still take, asked of the nearest folder that is there."""
        place = self._folder
        while not place.exists() and place != place.parent:
            place = place.parent
        disk = os.statvfs(place)
        return disk.f_bavail * disk.f_frsize
