"""The GlobalManager's own store of blobs, over its HTTP (see `sedna_lc.artifacts.blobs` for what a store promises)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from sedna_lc.artifacts.blobs import Blob, BlobNotFound, Told, TooLarge, WrongDigest
from sedna_lc.errors import Again, GmConflict, GmNotFound, GmRefused, GmUnavailable
from sedna_lc.gm.clients import GmClient

# Each piece is acknowledged: after a cut so much at most is sent twice, and a proxy need not hold more.
PIECE = 4 << 20
_CHUNK = 1 << 16
# So many names fit into one question.
_MOST_ASKED = 2000
# Others may send the same blob at the same time, and then we follow; but not for ever.
_MOST_CONFLICTS = 8
_UNPROCESSABLE, _NO_SPACE, _NOT_SATISFIABLE = 422, 507, 416


class GmBlobs:
    """See `BlobStore`."""

    def __init__(self, client: GmClient, piece: int = PIECE) -> None:
        self._client = client
        self._piece = piece

    def missing(self, blobs: Sequence[Blob]) -> Mapping[str, int]:
        """See `BlobStore.missing`."""
        found: dict[str, int] = {}
        for begin in range(0, len(blobs), _MOST_ASKED):
            asked = [{"sha256": one.sha256, "size": one.size} for one in blobs[begin : begin + _MOST_ASKED]]
            try:
                answer = self._client.post("/artifacts/missing", {"blobs": asked})
                found |= {str(one["sha256"]): int(one.get("offset") or 0) for one in answer["missing"]}
            except GmUnavailable as problem:
                raise _full_or(problem) from problem
            except (KeyError, TypeError, ValueError) as problem:
                raise GmUnavailable(f"{self._client.address} gave an answer that cannot be read: {problem}.") from None
        return found

    def send(self, blob: Blob, source: Path, offset: int, told: Told) -> None:
        """See `BlobStore.send`."""
        conflicts = 0
        with _open(source) as file:
            while True:
                size = min(self._piece, blob.size - offset)
                try:
                    self._client.upload(_path(blob.sha256), _pieces(file, offset, size, told), offset, size, blob.size)
                except GmConflict:
                    conflicts += 1
                    if conflicts > _MOST_CONFLICTS:
                        raise Again("BlobInUse", f"Others send {blob.sha256[:12]} at the same time.") from None
                    gap = self.missing([blob]).get(blob.sha256)
                    if gap is None:
                        return
                    offset = gap
                    continue
                except GmUnavailable as problem:
                    raise _full_or(problem) from problem
                except GmRefused as problem:
                    if problem.code == _UNPROCESSABLE:
                        raise WrongDigest(f"{source} arrived as something else: {problem.message}") from problem
                    raise
                offset += size
                if offset >= blob.size:
                    return

    def fetch(self, blob: Blob, part: Path, offset: int, told: Told) -> None:
        """See `BlobStore.fetch`."""
        with part.open("ab") as out:
            try:
                for piece in self._client.download(_path(blob.sha256), offset):
                    if offset + len(piece) > blob.size:
                        raise TooLarge(blob)
                    out.write(piece)
                    offset += len(piece)
                    told(offset)
            except GmNotFound as problem:
                message = f"The GlobalManager's store does not have {blob.sha256[:12]} (any more)."
                raise BlobNotFound(message) from problem
            except GmRefused as problem:
                # Everything was here already when the line was cut.
                if problem.code != _NOT_SATISFIABLE:
                    raise

    def verify(self, blob: Blob) -> bool:
        """See `BlobStore.verify`."""
        try:
            self._client.post(f"{_path(blob.sha256)}/verify", {})
        except GmNotFound:
            return False
        except GmRefused as problem:
            if problem.code != _UNPROCESSABLE:
                raise
            return False
        return True


def _path(sha256: str) -> str:
    return f"/artifacts/blobs/{sha256}"


def _full_or(problem: GmUnavailable) -> Again:
    if problem.code == _NO_SPACE:
        return Again("StoreFull", f"The GlobalManager's store is full: {problem.message}")
    return problem


def _open(source: Path) -> BinaryIO:
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as problem:
        raise WrongDigest(f"{source} cannot be read any more: {problem.strerror}.") from problem
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise WrongDigest(f"{source} is no regular file any more.")
    return os.fdopen(descriptor, "rb")


def _pieces(file: BinaryIO, begin: int, size: int, told: Told) -> Iterator[bytes]:
    file.seek(begin)
    end = begin + size
    while begin < end:
        chunk = file.read(min(_CHUNK, end - begin))
        if not chunk:
            raise WrongDigest(f"{file.name} has become shorter.")
        yield chunk
        begin += len(chunk)
        told(begin)
