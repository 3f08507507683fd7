"""What every store of blobs can do: keep bytes under their sha256, take and give them in pieces, and say what it lacks.

`gm_blobs` is the GlobalManager's own store; `keeping` sends into a store, `fetching` reads from it. A store is safe
for use by many threads, waits for nobody longer than its timeouts, and tries nothing again by itself: whoever calls
it knows what to do after a cut.

Errors, for all methods:
    Again        the store does not answer, is full (StoreFull) or lacks what is asked for (BlobNotFound)
    Never        it refuses, and would refuse again: missing rights, a bucket that does not exist
    WrongDigest  what arrived there is not what its name says; the store has thrown it away
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sedna_lc.errors import Again

#: The document of a hundred thousand files has about 15 MB. What is larger than this is no tree.
MOST_TREE_BYTES = 64 << 20

Told = Callable[[int], None]
"""Is told, again and again, up to which byte a blob has been moved. What it raises ends the moving, and goes out."""


@dataclass(frozen=True)
class Blob:
    """Bytes and their name."""

    sha256: str
    size: int


class WrongDigest(Again):
    """Bytes are not what their name says: they changed while they were read, or were damaged on the way."""

    def __init__(self, message: str) -> None:
        super().__init__("WrongDigest", message)


class TooLarge(WrongDigest):
    """A store gives more bytes than the blob has."""

    def __init__(self, blob: Blob) -> None:
        super().__init__(f"What the store has as {blob.sha256[:12]} is longer than {blob.size} bytes.")


class BlobNotFound(Again):
    """The store does not have what is asked for; it may be sent again."""

    def __init__(self, message: str) -> None:
        super().__init__("BlobNotFound", message)


class BlobStore(Protocol):
    """A place for blobs that this node and others reach."""

    def missing(self, blobs: Sequence[Blob]) -> Mapping[str, int]:
        """Return the sha256 of each blob that is not (whole) there, and the byte from which it is wanted.

        Those that are there are kept for some time longer, although nothing may refer to them yet.
        """

    def send(self, blob: Blob, source: Path, offset: int, told: Told) -> None:
        """Give the store a file's bytes from `offset` on; when this returns, the blob is whole and verified there.

        Raises WrongDigest also when the file has become shorter than the blob.
        """

    def fetch(self, blob: Blob, part: Path, offset: int, told: Told) -> None:
        """Append a blob's bytes from `offset` on to `part`, a file of that length (or none, for 0), up to its end.

        What has arrived before an error stays in `part`. Nothing is verified here but that there is no byte beyond the
        blob's size: a store that gives more raises WrongDigest, and fills no disk.
        """

    def verify(self, blob: Blob) -> bool:
        """Ask the store to read its own copy again, for who was given something else; return whether that is right.

        A wrong one it throws away, and takes anew from whoever sends it. A store that cannot be asked checks by itself
        what it keeps, and its copy counts as right.
        """


BlobStores = Callable[[str], BlobStore]
"""Opens a store by its URL; an empty one is the GlobalManager's own. Raises Never for one that cannot be opened."""
