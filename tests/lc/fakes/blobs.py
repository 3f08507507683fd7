"""A store of blobs in memory, with the true interface and faults on demand: cuts, wrong bytes, outages, a full disk."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sedna_lc.artifacts.blobs import Blob, BlobNotFound, Told, TooLarge, WrongDigest
from sedna_lc.errors import Again, GmUnavailable


class MemoryBlobs:
    """Keeps whole blobs and the beginnings of others; `cuts` says after how many more bytes the line breaks."""

    def __init__(self, piece: int = 7) -> None:
        self.whole: dict[str, bytes] = {}
        self.begun: dict[str, bytes] = {}
        self.piece = piece
        self.cuts: list[int] = []
        self.sending: Callable[[], None] = lambda: None
        """Called when something is about to be sent."""
        self.forgets = False
        """Whether a cut costs what had come of the blob."""
        self.away = False
        self.full = False
        self.lies: set[str] = set()
        """Blobs that are handed out with a wrong byte, each time."""
        self.lies_once: set[str] = set()
        self.rotten: set[str] = set()
        """Blobs whose copy here is wrong; a question drops them."""
        self.asked_about: list[str] = []
        self.sent = 0
        self.fetched = 0
        self.changed = threading.Condition()
        self.fetching = 0
        """How many ask, or have asked, for a blob."""
        self.held = False
        """Whether fetching waits until the test says `let_go`."""

    def missing(self, blobs: Sequence[Blob]) -> Mapping[str, int]:
        with self.changed:
            self._reach()
            gone = {one.sha256: len(self.begun.get(one.sha256, b"")) for one in blobs if one.sha256 not in self.whole}
            if gone and self.full:
                raise Again("StoreFull", "The store is full.")
            return gone

    def send(self, blob: Blob, source: Path, offset: int, told: Told) -> None:
        self.sending()
        if not source.is_file():
            raise WrongDigest(f"{source} is gone.")
        with source.open("rb") as file:
            file.seek(offset)
            while offset < blob.size:
                data = file.read(min(self.piece, blob.size - offset))
                if not data:
                    raise WrongDigest(f"{source} has become shorter.")
                with self.changed:
                    self._reach()
                    begun = self.begun.get(blob.sha256, b"")
                    assert len(begun) == offset, "a gap, or bytes that were sent already"
                    data = data[: self._let_through(len(data))]
                    self.begun[blob.sha256] = begun + data
                    self.sent += len(data)
                    self._break_if_due(lambda: self._forget(blob.sha256))
                offset += len(data)
                told(offset)
        self._finish(blob)

    def fetch(self, blob: Blob, part: Path, offset: int, told: Told) -> None:
        sha256 = blob.sha256
        with self.changed:
            self.fetching += 1
        with part.open("ab") as out:
            assert out.tell() == offset
            while True:
                with self.changed:
                    self.changed.wait_for(lambda: not self.held, timeout=30)
                    self._reach()
                    if sha256 not in self.whole:
                        raise BlobNotFound(f"{sha256[:12]} is not in the store.")
                    content = self.whole[sha256]
                    if sha256 in self.lies or sha256 in self.lies_once:
                        content = content[:-1] + bytes([content[-1] ^ 1])
                    data = content[offset : offset + self.piece]
                    if not data:
                        self.lies_once.discard(sha256)
                        return
                    if offset + len(data) > blob.size:
                        raise TooLarge(blob)
                    data = data[: self._let_through(len(data))]
                    out.write(data)
                    self.fetched += len(data)
                    self._break_if_due(out.flush)
                offset += len(data)
                told(offset)

    def verify(self, blob: Blob) -> bool:
        with self.changed:
            self._reach()
            self.asked_about.append(blob.sha256)
            if blob.sha256 in self.rotten:
                self.rotten.discard(blob.sha256)
                self.lies.discard(blob.sha256)
                del self.whole[blob.sha256]
            return blob.sha256 in self.whole

    # What a test does.

    def add(self, data: bytes) -> Blob:
        sha256 = hashlib.sha256(data).hexdigest()
        self.whole[sha256] = data
        return Blob(sha256, len(data))

    def set(self, **fields: bool) -> None:
        with self.changed:
            for name, value in fields.items():
                setattr(self, name, value)
            self.changed.notify_all()

    def _finish(self, blob: Blob) -> None:
        with self.changed:
            data = self.begun.pop(blob.sha256, b"")
            if hashlib.sha256(data).hexdigest() != blob.sha256:
                raise WrongDigest(f"{blob.sha256[:12]} is something else.")
            self.whole[blob.sha256] = data
            self.changed.notify_all()

    def _reach(self) -> None:
        if self.away:
            raise GmUnavailable("The GlobalManager does not answer.")

    def _let_through(self, size: int) -> int:
        if self.cuts and self.cuts[0] < size:
            return max(0, self.cuts[0])
        return size

    def _forget(self, sha256: str) -> None:
        if self.forgets:
            self.begun.pop(sha256, None)

    def _break_if_due(self, at_the_break: Callable[[], object]) -> None:
        if not self.cuts:
            return
        self.cuts[0] -= self.piece
        if self.cuts[0] < 0:
            self.cuts.pop(0)
            at_the_break()
            raise GmUnavailable("The line was cut.")
