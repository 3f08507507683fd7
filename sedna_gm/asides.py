"""How long work is done so that others are served meanwhile; the daemon knows a way that suits its server.

Reading a large body (`sedna_gm.http.bodies`) and writing blobs (`sedna_gm.artifacts.disks`) are such work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Aside(Protocol):
    """Does work of some size (in bytes), which may take long, so that others are served meanwhile."""

    def __call__(self, work: Callable[[], T], size: int) -> T: ...


def at_once(work: Callable[[], T], size: int) -> T:  # noqa: ARG001 - one way to do an Aside
    """Where nobody else waits, or the system shares time among threads by itself."""
    return work()
