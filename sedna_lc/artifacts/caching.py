"""What has come from other nodes, on this node's disk: whole blobs, whole trees, and pieces under other names.

    <state dir>/artifacts/parts/<sha256>.part    on its way
                          blobs/<sha256>         whole and verified
                          trees/<tree>/<name>/   every file of a tree, linked from the blobs

A name is given last: a file or folder that can be found by its final name is whole, also after a power cut. Blobs
are read-only and carry a time of their own, so one that a worker has written to all the same is noticed, read again
and, if need be, fetched again. `fetching` fills it; workers read the trees.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import secrets
import shutil
import stat
import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from sedna.api.trees import Tree
from sedna.common.digests import file_digest
from sedna.common.faults import reached
from sedna.common.publishing import sync_folder
from sedna_lc.artifacts.blobs import WrongDigest
from sedna_lc.artifacts.rooms import room_on_disk

logger = logging.getLogger(__name__)

#: Of a file tree and a samples tree, the folder that holds the files; a model's folder has the model's own name.
CONTENT = "content"
# Any time that no file gets by being written to.
_VERIFIED_NS = 946_684_800_000_000_000
_PART = ".part"
_NO_LINK = (errno.EPERM, errno.EMLINK, errno.EXDEV, errno.ENOTSUP)
_TEMPORARY = ".sedna-"


class ArtifactCache:
    """The folder and its rules; safe for many threads."""

    def __init__(self, folder: Path, free_bytes: Callable[[Path], int] = room_on_disk):
        self.folder = folder
        self._blobs = folder / "blobs"
        self._parts = folder / "parts"
        self._trees = folder / "trees"
        self._free_bytes = free_bytes
        # Held while names are given or taken away, so that nothing is thrown away that is just being linked.
        self._lock = threading.RLock()

    def prepare(self) -> None:
        """Make the folders. Workers read the trees, whatever the umask of this program is."""
        for one in (self.folder, self._blobs, self._parts, self._trees):
            _make_folder(one)

    def free(self) -> int:
        """Return how many bytes there is room for; see `rooms`."""
        return self._free_bytes(self.folder)

    def part(self, sha256: str) -> Path:
        """Return where a blob is put together."""
        return self._parts / f"{sha256}{_PART}"

    def arrived(self, sha256: str) -> int:
        """Return how many bytes of a blob that is on its way are here."""
        try:
            return self.part(sha256).stat().st_size
        except OSError:
            return 0

    def drop_parts(self, blobs: Collection[str]) -> None:
        """Give the room of unfinished blobs back."""
        for sha256 in blobs:
            self.part(sha256).unlink(missing_ok=True)

    def has(self, sha256: str) -> bool:
        """Tell whether a blob is here, whole. One that was written to since it came is looked at again, or dropped."""
        path = self._blobs / sha256
        try:
            if path.stat().st_mtime_ns == _VERIFIED_NS:
                return True
            if file_digest(path) == sha256:
                _seal(path)
                return True
        except OSError:
            return False
        logger.warning("%s was written to, and is fetched again when it is needed.", path)
        path.unlink(missing_ok=True)
        return False

    def keep(self, sha256: str) -> None:
        """Give a blob that has arrived its name. Raises WrongDigest, and drops it, when it is something else."""
        part = self.part(sha256)
        found = file_digest(part)
        if found != sha256:
            part.unlink()
            raise WrongDigest(f"What came as {sha256[:12]} has the sha256 {found}.")
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        _seal(part)
        reached("lc.blob.keep.before")
        part.replace(self._blobs / sha256)
        reached("lc.blob.keep.after")

    def tree(self, tree: str) -> Tree | None:
        """Return a tree whose document is here. Raises ValueError for a document that is no tree."""
        return Tree.parse((self._blobs / tree).read_bytes()) if self.has(tree) else None

    def sync(self) -> None:
        """Force the names of blobs to disk."""
        sync_folder(self._blobs)

    def place(self, tree: str, name: str) -> Path | None:
        """Return the folder with all files of a tree, made from blobs if need be; None as long as one is missing.

        Raises OSError when it cannot be made, ValueError when the tree's document is none.
        """
        target = self._trees / tree / name
        with self._lock:
            found = self.tree(tree)
            if found is None:
                return None
            if target.is_dir():
                if all(_is_whole(target / file.path, file.size) for file in found.files):
                    return target
                # Somebody has written into it; whoever reads it still has it open.
                _remove(self._aside(target))
            sizes = found.blobs
            if not all(self.has(sha256) for sha256 in sizes):
                return None
            self._link(found, target)
        return target

    def path_in(self, tree: str, name: str) -> Path | None:
        """Like `place`, but return the file itself for a tree of one file."""
        with self._lock:
            found = self.tree(tree)
            folder = self.place(tree, name if found is not None and found.kind == "folder" else CONTENT)
            if found is None or folder is None:
                return None
        return folder / found.files[0].path if found.kind == "file" else folder

    def prune(self, needed: Callable[[], Collection[str]]) -> None:
        """Throw away every tree but these, and every blob that is in none of them."""
        with self._lock:
            # Before anybody is asked: what arrives while we look is of a tree that nobody can name by its blobs yet.
            present, parts = list(self._blobs.glob("*")), list(self._parts.glob("*"))
            trees = set(needed())
            blobs = set(trees)
            for tree in trees:
                with contextlib.suppress(OSError, ValueError):
                    found = self.tree(tree)
                    blobs |= found.blobs.keys() if found is not None else set()
            unknown = any(not self.has(tree) for tree in trees)
            old = [self._aside(path) for path in self._trees.glob("*") if path.name not in trees]
            for path in present:
                if path.name not in blobs:
                    path.unlink(missing_ok=True)
            for path in parts:
                # Of a tree whose document has yet to come nobody knows the blobs; they may be on their way already.
                if not unknown and path.name.removesuffix(_PART) not in blobs:
                    path.unlink(missing_ok=True)
        for path in old:
            _remove(path)

    def _aside(self, path: Path) -> Path:
        aside = self._trees / f"{_TEMPORARY}{secrets.token_hex(8)}.tmp"
        if not path.name.startswith(_TEMPORARY):
            path.rename(aside)
            return aside
        return path

    def _link(self, tree: Tree, target: Path) -> None:
        temporary = self._trees / f"{_TEMPORARY}{secrets.token_hex(8)}.tmp"
        folders = {temporary}
        try:
            _make_folder(temporary)
            for file in tree.files:
                path = temporary / file.path
                for folder in [path.parent, *path.parent.parents]:
                    if folder in folders:
                        break
                    folders.add(folder)
                if not path.parent.is_dir():
                    _make_folders(path.parent, temporary)
                self._take(file.sha256, path)
            for folder in folders:
                sync_folder(folder)
            _make_folder(target.parent)
            reached("lc.tree.publish.before")
            temporary.rename(target)
            reached("lc.tree.publish.after")
        finally:
            _remove(temporary)
        sync_folder(target.parent)
        sync_folder(self._trees)

    def _take(self, sha256: str, path: Path) -> None:
        blob = self._blobs / sha256
        try:
            path.hardlink_to(blob)
        except OSError as problem:
            # A file system without hard links, or with no more of them for this file.
            if problem.errno not in _NO_LINK:
                raise
            shutil.copyfile(blob, path)
            with path.open("rb+") as file:
                os.fsync(file.fileno())
            _seal(path)


def blobs_on_disk(cache: ArtifactCache, blobs: Mapping[str, int]) -> dict[str, int]:
    """Return how many bytes of each blob are here, whole or not."""
    return {sha256: size if cache.has(sha256) else min(size, cache.arrived(sha256)) for sha256, size in blobs.items()}


def _seal(path: Path) -> None:
    path.chmod(0o444)
    os.utime(path, ns=(_VERIFIED_NS, _VERIFIED_NS))


def _is_whole(path: Path, size: int) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and (status.st_size, status.st_mtime_ns) == (size, _VERIFIED_NS)


def _make_folder(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o755)


def _make_folders(path: Path, top: Path) -> None:
    if path != top and not path.is_dir():
        _make_folders(path.parent, top)
        _make_folder(path)


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
