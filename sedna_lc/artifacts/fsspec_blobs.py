"""A store of blobs on S3, or on whatever else fsspec opens (see `sedna_lc.artifacts.blobs` for what a store promises).

    <store>/blobs/<first two of the sha256>/<sha256>

A blob is verified while it is sent, before it gets its name; S3 gives a name only to what has come whole, so a send
that was cut begins anew, and a fetch that was cut goes on where it was. Nothing here deletes: several GlobalManagers
may share a bucket, which `sedna-gm collect` sweeps; what is asked for counts as new to it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO

from sedna.common.credentials import Credential, from_environment, read_credential
from sedna.common.object_stores import ObjectStore, Opener, open_file_system, scheme_of
from sedna.common.remote_errors import CredentialNotFound
from sedna_lc.artifacts.blobs import Blob, BlobNotFound, Told, TooLarge, WrongDigest
from sedna_lc.artifacts.remote_problems import our_words

#: The credential that artifact stores are opened with: a file of this name in the folder of credentials.
CREDENTIAL = "artifacts"
# What is asked for at a time: a cut costs no more, and a stop takes no longer.
_PIECE = 8 << 20
_CHUNK = 1 << 20
# A question for each blob: several at a time, or a thousand pictures take a minute.
_THREADS = 8
# Far below what a sweep (`sedna-gm collect`) takes for old, and no write for each question.
_RENEW_SECONDS = 600.0


class FsspecBlobs:
    """See `BlobStore`. The first question opens the store, so that a wrong credential holds up nobody before."""

    def __init__(
        self,
        url: str,
        credential: Callable[[], Credential | None],
        opener: Opener = open_file_system,
        renew_seconds: float = _RENEW_SECONDS,
    ) -> None:
        self._url = url.rstrip("/")
        self._credential = credential
        self._opener = opener
        self._renew_seconds = renew_seconds

    def missing(self, blobs: Sequence[Blob]) -> Mapping[str, int]:
        """See `BlobStore.missing`. One of another size was never finished by whoever made it, and is sent again."""
        with our_words():
            store = self._open()
            with ThreadPoolExecutor(_THREADS, "blobs") as pool:
                there = list(pool.map(lambda blob: self._has(store, blob), blobs))
        return {blob.sha256: 0 for blob, is_there in zip(blobs, there, strict=True) if not is_there}

    def _has(self, store: ObjectStore, blob: Blob) -> bool:
        found = store.look(self._name(blob.sha256))
        if found is None or found.size != blob.size:
            return False
        if found.modified is not None:
            age = datetime.now(timezone.utc) - found.modified
            if age.total_seconds() >= self._renew_seconds:
                # Nothing refers to it until all others are there, too; a sweep must not take it for old meanwhile.
                store.renew(found)
        return True

    def send(self, blob: Blob, source: Path, offset: int, told: Told) -> None:  # noqa: ARG002 - S3 does not append
        """See `BlobStore.send`. Sends from the beginning; `missing` never promises anything else."""
        with our_words():
            self._send(self._open(), blob, source, told)

    def _send(self, store: ObjectStore, blob: Blob, source: Path, told: Told) -> None:
        sha256, sent = hashlib.sha256(), 0
        with _reading(source) as file, store.writing(self._name(blob.sha256).partition("://")[2]) as write:
            # One byte more than promised, so that a file that has grown is noticed, too.
            while chunk := file.read(min(_CHUNK, blob.size + 1 - sent)):
                sha256.update(chunk)
                sent += len(chunk)
                if sent > blob.size:
                    break
                write(chunk)
                told(sent)
            if sent != blob.size or sha256.hexdigest() != blob.sha256:
                raise WrongDigest(f"{source} has changed since it was read: it is no longer {blob.sha256[:12]}.")

    def fetch(self, blob: Blob, part: Path, offset: int, told: Told) -> None:
        """See `BlobStore.fetch`."""
        with our_words():
            store = self._open()
            there = store.look(self._name(blob.sha256))
            if there is None:
                raise BlobNotFound(f"The store {self._url} does not have {blob.sha256[:12]} (any more).")
            if there.size > blob.size:
                raise TooLarge(blob)
            with part.open("ab") as out:
                while offset < there.size:
                    end = min(offset + _PIECE, there.size)
                    out.write(store.read(there, offset, end))
                    out.flush()
                    offset = end
                    told(offset)

    def verify(self, blob: Blob) -> bool:  # noqa: ARG002 - nobody can be asked
        """See `BlobStore.verify`. Object stores keep checksums; and a bucket may belong to several GlobalManagers."""
        return True

    def _open(self) -> ObjectStore:
        # Each time anew: whoever changes the credential need not restart this program.
        return ObjectStore(self._url, self._credential(), self._opener)

    def _name(self, sha256: str) -> str:
        return f"{self._url}/blobs/{sha256[:2]}/{sha256}"


def open_blobs(url: str, credentials_dir: Path) -> FsspecBlobs:
    """Return the store of a URL. It is asked with the credential `artifacts`, else with this program's environment."""
    return FsspecBlobs(url, lambda: store_credential(url, credentials_dir))


def store_credential(url: str, credentials_dir: Path) -> Credential | None:
    """Return what an artifact store is asked with. Raises CredentialNotFound and CredentialUnusable."""
    if scheme_of(url) != "s3":
        return None
    try:
        return read_credential(credentials_dir, CREDENTIAL)
    except CredentialNotFound:
        found = from_environment()
        if found is None:
            raise
        return found


@contextlib.contextmanager
def _reading(source: Path) -> Iterator[BinaryIO]:
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as problem:
        raise WrongDigest(f"{source} cannot be read any more: {problem.strerror}.") from problem
    with os.fdopen(descriptor, "rb") as file:
        # A pipe put into the file's place would be waited for.
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise WrongDigest(f"{source} is no regular file any more.")
        yield file
