"""Blobs on S3, or on whatever else fsspec opens, as far as sweeping needs them.

    <store>/blobs/<first two of the sha256>/<sha256>

LocalControllers write and read there by themselves. The client of S3 brings an event loop, with which the service's
own would not go together: this is for a process of its own, `sedna-gm collect`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from sedna.api.trees import check_sha256
from sedna.common.object_stores import key_of
from sedna_gm.artifacts.interface import Blob

# How the file systems call the time of an object: S3, most others, memory.
_TIMES = ("LastModified", "mtime", "created")


class BucketBlobs:
    """The blobs below a URL. Implements `Blobs`; raises what the file system raises."""

    def __init__(self, url: str, file_system: Any) -> None:
        """`file_system` is an fsspec one that keeps no listings; `sedna.common.object_stores` opens such."""
        self._top = f"{key_of(url)}/blobs"
        self._system = file_system

    def list(self) -> Iterator[Blob]:
        """Every object that is called as a blob is; what else lies there is not ours."""
        for name, info in self._system.find(self._top, detail=True).items():
            sha256 = str(name).rpartition("/")[2]
            if _is_blob(sha256) and str(name).endswith(f"blobs/{sha256[:2]}/{sha256}"):
                yield Blob(sha256, int(info["size"]), _time(info).timestamp())

    def read(self, sha256: str, limit: int) -> bytes | None:
        """A blob's content; None if there is none. Raises ValueError when it is larger than `limit` bytes."""
        path = self._path(sha256)
        try:
            size = int(self._system.info(path)["size"])
            if size > limit:
                raise ValueError(f"it has {size} bytes, more than the {limit} that are read")
            content: bytes = self._system.cat_file(path)
        except FileNotFoundError:
            return None
        return content

    def delete(self, blobs: Sequence[Blob]) -> int:
        """Removes those that nobody has written anew since they were listed; returns how many bytes that freed."""
        freed = 0
        for blob in blobs:
            path = self._path(blob.sha256)
            try:
                if _time(self._system.info(path)).timestamp() == blob.touched:
                    self._system.rm_file(path)
                    freed += blob.size
            except FileNotFoundError:
                continue
        return freed

    def _path(self, sha256: str) -> str:
        return f"{self._top}/{sha256[:2]}/{sha256}"


def _is_blob(name: str) -> bool:
    try:
        check_sha256(name)
    except ValueError:
        return False
    return True


def _time(info: Mapping[str, Any]) -> datetime:
    for key in _TIMES:
        found = info.get(key)
        if isinstance(found, datetime):
            return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
        if isinstance(found, (int, float)):
            return datetime.fromtimestamp(found, timezone.utc)
    raise OSError(f"the store does not tell when {info.get('name')} was written, so nothing can be removed from it")
