"""The versions of models on S3 that have come to this node, and how one comes: in pieces that no cut loses.

    <folder>/<hash of the url>/<version>/<name>     whole, under the name it has in the store
                               <version>.json       its sha256; written last
                               .<version>.part/…    on its way

A version is what the store says of every object: size and ETag. Another one is another folder, and one that changes
while it comes is fetched again. With a sha256 only that content will do, and one that is here already needs no store.
For `remote_models`, which sees to it that a URL is fetched by one thread at a time.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from sedna.api.quantities import size_text
from sedna.api.trees import check_path
from sedna.api.workers import ModelReference
from sedna.common.digests import digest
from sedna.common.object_stores import ObjectStore, StoredObject, key_of
from sedna.common.publishing import sync_folder, write_atomically
from sedna.common.remote_errors import ContentDiffers, DiskFull, StoreRefused
from sedna_lc.artifacts.moving import Meter
from sedna_lc.artifacts.rooms import room_on_disk

_PIECE = 8 << 20
# A worker may still read the version before this one.
_VERSIONS_KEPT = 2
_DIGITS = 16
Listed = tuple[tuple[str, StoredObject], ...]


@dataclass(frozen=True)
class Progress:
    """Who hears how far a fetch is: `tell` of bytes done and their total; `going` raises Stopped at any piece."""

    tell: Callable[[int, int], None]
    going: Callable[[], None]
    monotonic: Callable[[], float]


class RemoteVersions:
    """The folder and its rules."""

    def __init__(self, folder: Path, free_bytes: Callable[[Path], int] = room_on_disk) -> None:
        self.folder = folder
        self._free_bytes = free_bytes

    def place_of(self, url: str) -> Path:
        """Return the folder below which every version of a model lies."""
        return self.folder / sha256(url.encode()).hexdigest()[:_DIGITS]

    def with_content(self, url: str, content: str) -> Path | None:
        """Return the version that has this sha256, if it is here."""
        for note in self._notes(url):
            path = note.with_suffix("") / _name(url)
            if _noted(note) == content.lower() and path.exists():
                return path
        return None

    def newest(self, url: str) -> Path | None:
        """Return the version that came last, if any is here."""
        paths = [note.with_suffix("") / _name(url) for note in self._notes(url)]
        return next((path for path in reversed(paths) if path.exists()), None)

    def prune(self, wanted: Collection[str]) -> None:
        """Throw away every model but these, and of these the old versions."""
        kept = {self.place_of(url).name for url in wanted}
        for place in self.folder.glob("*"):
            if place.name not in kept:
                shutil.rmtree(place, ignore_errors=True)
        for url in wanted:
            for note in self._notes(url)[:-_VERSIONS_KEPT]:
                note.unlink(missing_ok=True)
                shutil.rmtree(note.with_suffix(""), ignore_errors=True)

    def fetch(self, store: ObjectStore, model: ModelReference, progress: Progress) -> Path:
        """Bring the version that the store has now, unless it is here, and return where it lies.

        Raises RemoteError (ContentDiffers when it is not the content that the model should have), OSError, and
        what `progress.going` raises. What has arrived before an error stays.
        """
        listed = store.find(model.url)
        version = _version(listed)
        target = self.place_of(model.url) / version
        note = target.with_name(f"{version}.json")
        if _noted(note) is None or not target.is_dir():
            part = target.with_name(f".{version}.part")
            for folder in (self.folder, target.parent):
                # Workers read what lies below, whatever the umask of this program is.
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(0o755)
            self._remove_other_parts(part)
            _download(store, listed, part, model.url, progress, self._free_bytes)
            if _version(store.find(model.url)) != version:
                shutil.rmtree(part, ignore_errors=True)
                raise ContentDiffers(f"{model.url} has changed while it was fetched")
            _publish(part, target, note, model.url)
        found = _noted(note)
        if model.sha256 and found != model.sha256.lower():
            raise ContentDiffers(f"{model.url} is another model now: its sha256 is {found}, not {model.sha256}")
        return target / _name(model.url)

    def _notes(self, url: str) -> list[Path]:
        return sorted(self.place_of(url).glob("*.json"), key=lambda note: note.stat().st_mtime_ns)

    def _remove_other_parts(self, part: Path) -> None:
        for other in part.parent.glob(".*.part"):
            if other != part:
                shutil.rmtree(other, ignore_errors=True)


def _download(
    store: ObjectStore,
    listed: Listed,
    part: Path,
    url: str,
    progress: Progress,
    free_bytes: Callable[[Path], int],
) -> None:
    goals = [(found, _goal(part / _name(url), relative)) for relative, found in listed]
    total = sum(found.size for found, _ in goals)
    done = sum(min(_size(goal), found.size) for found, goal in goals)
    part.mkdir(parents=True, exist_ok=True)

    def check_room(missing: int) -> None:
        if missing > (free := free_bytes(part)):
            raise DiskFull(f"{url}: {size_text(missing)} are needed in {part.parent}, and {size_text(free)} are free")

    check_room(total - done)
    meter = Meter(total, done, lambda now: progress.tell(now, total), progress.going, progress.monotonic)
    for found, goal in goals:
        progress.going()
        goal.parent.mkdir(parents=True, exist_ok=True)
        _append(store, found, goal, meter, check_room)


def _append(
    store: ObjectStore, found: StoredObject, goal: Path, meter: Meter, check_room: Callable[[int], None]
) -> None:
    begin = _size(goal)
    if begin > found.size:
        # Nothing of ours: a piece is never longer than the whole.
        goal.unlink()
        begin = 0
    told = meter.follow(begin)
    with goal.open("ab") as out:
        while begin < found.size:
            end = min(begin + _PIECE, found.size)
            # Others may have taken what was free at first.
            check_room(end - begin)
            out.write(store.read(found, begin, end))
            out.flush()
            begin = end
            told(begin)
        os.fsync(out.fileno())


def _publish(part: Path, target: Path, note: Path, url: str) -> None:
    """Give the folder its name when all of it is on the disk, then write down what it is."""
    content = digest(part / _name(url))
    for folder, _, files in os.walk(part):
        for file in files:
            # Nobody writes into what others read.
            Path(folder, file).chmod(0o444)
        Path(folder).chmod(0o755)
        sync_folder(folder)
    # Without its note it was never told to anybody.
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)
    sync_folder(target.parent)
    write_atomically(note, json.dumps({"url": url, "sha256": content}).encode())


def _goal(folder: Path, relative: str) -> Path:
    if not relative:
        return folder
    try:
        check_path(relative)
    except ValueError as problem:
        raise StoreRefused(f"an object cannot be part of a model: {problem}") from None
    return folder / relative


def _version(listed: Listed) -> str:
    text = json.dumps([(relative, found.size, found.etag) for relative, found in listed])
    return sha256(text.encode()).hexdigest()[:_DIGITS]


def _name(url: str) -> str:
    """Return what a model is called here: as in the store, since the ending of a name may tell its format."""
    name = key_of(url).rpartition("/")[2]
    return name if name not in ("", ".", "..") else "model"


def _noted(note: Path) -> str | None:
    try:
        found = json.loads(note.read_text(encoding="utf-8"))["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) else None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
