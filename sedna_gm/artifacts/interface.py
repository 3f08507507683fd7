"""What sweeping asks of a place with blobs, be it this host's disk or a bucket."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Blob:
    """A content, or a part of one that is still on its way."""

    sha256: str
    size: int
    touched: float
    """When somebody last wrote it or asked for it, in seconds since 1970."""
    part: bool = False


class Blobs(Protocol):
    """A place with blobs. Each method raises OSError where the place cannot be reached."""

    def list(self) -> Iterable[Blob]:
        """Everything that is there."""
        ...

    def read(self, sha256: str, limit: int) -> bytes | None:
        """A blob's content; None if there is no such blob. Raises ValueError when it is larger than `limit` bytes."""
        ...

    def delete(self, blobs: Sequence[Blob]) -> int:
        """Removes those that nobody has touched since they were listed; returns how many bytes that freed."""
        ...
