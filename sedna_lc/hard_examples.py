"""How much room hard examples may take, where lc.yml says so: the oldest go first, and a camera fills no disk.

User code puts them into the folder that its variable HE_SAVED_URL names; what is labelled is copied from there into
the dataset. Who labels them where they are has a dataset whose lines name these files, and no line is looked at here:
that is why nothing is bounded unless somebody says so.

Only a folder that a job has for itself is looked after: one that holds a dataset, a model, an output or another volume,
or that another worker mounts, is left alone, and said so. The folder is the worker's, and this program may be root: no
link in it is followed, only plain files are removed, and nothing where the worker itself might not write: what was
refused was never started, and `hostPaths` is asked again, since lc.yml may have changed. `sedna_lc.daemon.wiring` runs
it.
"""

from __future__ import annotations

import contextlib
import heapq
import logging
import os
import posixpath
import stat
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sedna.api.validating import parse
from sedna.api.workers import Worker
from sedna_lc.allowed import outside
from sedna_lc.guarded import real_path, refusal
from sedna_lc.places import Places, local_path
from sedna_lc.state.stores import Wire

logger = logging.getLogger(__name__)

VARIABLE = "HE_SAVED_URL"
# Files of one folder that are removed in one go; of more, the rest goes at the next look.
_AT_ONCE = 10_000
_PERIOD_SECONDS = 600.0
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, order=True)
class Example:
    """One file below the folder."""

    modified_ns: int
    path: str
    size: int


@dataclass(frozen=True)
class Saved:
    """Where a worker saves: the volume's folder on this host, and what is below it, both without links."""

    volume: Path
    below: str
    worker: str = ""
    """Whose it is, by uid."""

    @property
    def folder(self) -> Path:
        """The whole path."""
        return self.volume / self.below


def saved(worker: Worker) -> Saved | None:
    """Return where an inference worker saves hard examples on this host; None where it does not, or in no volume."""
    container = worker.spec.template.container
    values = [entry.value for entry in container.env if entry.name == VARIABLE]
    path = local_path(values[-1]) if values else None
    if worker.spec.role != "inference" or path is None:
        return None
    volumes = {volume.name: volume.host_path.path for volume in worker.spec.template.volumes}
    mounts = [mount for mount in container.volume_mounts if _is_in(path, mount.mount_path) and mount.name in volumes]
    if not mounts:
        return None
    # The nearest mount is the one that the worker sees there.
    mount = max(mounts, key=lambda one: len(posixpath.normpath(one.mount_path)))
    if mount.read_only:
        return None
    below = posixpath.relpath(path, posixpath.normpath(mount.mount_path))
    return Saved(real_path(Path(volumes[mount.name])), "" if below == "." else below, worker.metadata.uid or "")


def shared_with(own: Saved, workers: Iterable[Worker], datasets: Iterable[str], places: Places) -> str | None:
    """Return what else lies in the folder, so that nothing may be removed there; None when nothing does."""
    for worker in workers:
        template = worker.spec.template
        mounted = {posixpath.normpath(volume.host_path.path) for volume in template.volumes}
        urls = [model.url for model in worker.spec.models] + [worker.spec.output_dir, worker.spec.job_output_dir]
        named = {path for url in urls if (path := local_path(url)) is not None}
        for path in sorted(mounted | named):
            real = real_path(Path(path))
            if real.is_relative_to(own.folder) and real not in (own.volume, own.folder):
                return path
            if real == own.folder and path in named:
                return path
            if real == own.folder and (worker.metadata.uid or "") != own.worker:
                # Another one's data is there, or somebody who reads these examples, as to train with them.
                return f"the volume {path} of worker {worker.metadata.name}"
    for url in datasets:
        path = local_path(url)
        if path is not None and real_path(Path(path)).is_relative_to(own.folder):
            return path
    return str(places.state_dir) if refusal(own.folder, places, made=False) else None


def trim(own: Saved, most_bytes: int) -> int:
    """Remove the oldest files until the folder takes no more than so much; return how many went. Raises OSError."""
    with opened(own) as top:
        total = sum(example.size for example in _examples(top))
        if total <= most_bytes:
            return 0
        removed = 0
        for example in heapq.nsmallest(_AT_ONCE, _examples(top)):
            if total <= most_bytes:
                break
            if _remove(top, example.path):
                removed += 1
            total -= example.size
        return removed


class HardExampleKeeper:
    """Looks after the folders of all inference workers here. `run` it in a thread of its own.

    `launched` tells the uids of the workers that were started here: those that were found allowed.
    """

    def __init__(
        self,
        wanted: Callable[[str], Iterable[Wire]],
        launched: Callable[[], Collection[str]],
        places: Places,
        most_bytes: int,
        period: float = _PERIOD_SECONDS,
    ) -> None:
        self._wanted = wanted
        self._launched = launched
        self._places = places
        self._most_bytes = most_bytes
        self._period = period
        self._told: dict[Path, str] = {}

    def run(self, stop: threading.Event) -> None:
        """Look now and then, until `stop`."""
        while not stop.wait(self._period):
            try:
                self.look()
            except Exception:
                logger.exception("Hard examples could not be looked after; the next look comes.")

    def look(self) -> int:
        """Look at all folders once; return how many files went."""
        workers = [parse(Worker, wire) for wire in self._wanted("workers")]
        datasets = [str(wire["spec"]["url"]) for wire in self._wanted("datasets")]
        launched = self._launched()
        here = [worker for worker in workers if worker.metadata.uid in launched]
        folders = {own.folder: own for worker in here if (own := saved(worker)) is not None}
        for folder in self._told.keys() - folders.keys():
            del self._told[folder]
        return sum(self._look_at(own, workers, datasets) for own in folders.values())

    def _look_at(self, own: Saved, workers: list[Worker], datasets: list[str]) -> int:
        if (closed := outside(own.folder, self._places, written=True)) is not None:
            self._tell(own.folder, closed)
            return 0
        other = shared_with(own, workers, datasets, self._places)
        if other is not None:
            self._tell(own.folder, f"it also holds {other}: give {VARIABLE} a folder of its own")
            return 0
        try:
            removed = trim(own, self._most_bytes)
        except FileNotFoundError:
            return 0
        except OSError as problem:
            self._tell(own.folder, f"it cannot be looked through: {problem}")
            return 0
        if removed:
            logger.info("%d of the oldest hard examples in %s were removed.", removed, own.folder)
        return removed

    def _tell(self, folder: Path, reason: str) -> None:
        """Once, not every ten minutes."""
        if self._told.get(folder) != reason:
            self._told[folder] = reason
            logger.warning("Hard examples in %s are not bounded, because %s.", folder, reason)


def _is_in(path: str, folder: str) -> bool:
    folder = posixpath.normpath(folder)
    return path == folder or path.startswith(folder.rstrip("/") + "/")


@contextlib.contextmanager
def opened(own: Saved) -> Iterator[int]:
    """Open the folder; below the volume, where workers may put links, none is followed. Raises OSError."""
    here = os.open(own.volume, _FOLDER)
    try:
        for name in Path(own.below).parts:
            below = os.open(name, _FOLDER, dir_fd=here)
            os.close(here)
            here = below
        yield here
    finally:
        os.close(here)


def _examples(top: int) -> Iterator[Example]:
    for folder, _, names, here in os.fwalk(".", dir_fd=top, follow_symlinks=False):
        for name in names:
            # Removed meanwhile by the worker itself: it is not there to be counted.
            with contextlib.suppress(FileNotFoundError):
                found = os.stat(name, dir_fd=here, follow_symlinks=False)
                if stat.S_ISREG(found.st_mode):
                    yield Example(found.st_mtime_ns, posixpath.join(folder, name), found.st_size)


def _remove(top: int, path: str) -> bool:
    """Remove one file, step by step from the folder's descriptor: a link that was put in between leads nowhere."""
    *folders, name = Path(path).parts
    here = os.dup(top)
    try:
        for folder in folders:
            below = os.open(folder, _FOLDER, dir_fd=here)
            os.close(here)
            here = below
        os.unlink(name, dir_fd=here)
    except OSError:
        return False
    finally:
        os.close(here)
    return True
