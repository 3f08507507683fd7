"""Before a unit starts: make the folders it needs, and say what is missing. The I/O beside `sedna_lc.units`.

Called by the reconciler for a worker that shall run; any `Problem` keeps it Pending with that reason, and it is
looked at again later, since every one of them can be mended by a person or by a file that arrives.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sedna.api.pods import Volume
from sedna.api.workers import Worker
from sedna_lc.places import Places, local_path


@dataclass(frozen=True)
class Problem:
    """Why a worker cannot start yet: a CamelCase word for its status, and a sentence."""

    reason: str
    message: str


def prepare(worker: Worker, places: Places, owner: tuple[int, int] | None = None) -> tuple[Problem, ...]:
    """Make what may be made and return everything that is still missing; () means "start it".

    Args:
        worker: the worker that shall run.
        places: the LC's folders.
        owner: user and group that folders made here belong to; None leaves them to this user.
    """
    return (
        *_prepare_models(worker),
        *_prepare_volumes(worker, owner),
        *_prepare_folders(worker, places, owner),
    )


def _prepare_models(worker: Worker) -> Iterator[Problem]:
    for model in worker.spec.models:
        path = local_path(model.url)
        if path is not None and not _model_exists(Path(path)):
            yield Problem("ModelNotFound", f"Model {model.name} is not there: nothing at {path}.")


def _model_exists(path: Path) -> bool:
    if path.exists():
        return True
    # A TensorFlow checkpoint is named by what its files have in common: model.ckpt for model.ckpt.index, …
    try:
        return any(entry.name.startswith(path.name + ".") for entry in path.parent.iterdir())
    except OSError:
        return False


def _prepare_volumes(worker: Worker, owner: tuple[int, int] | None) -> Iterator[Problem]:
    for volume in worker.spec.template.volumes:
        path = Path(volume.host_path.path)
        try:
            problem = _prepare_volume(volume, path, owner)
        except OSError as error:
            problem = Problem("VolumeUnusable", f"Volume {volume.name} cannot be used: {error}.")
        if problem is not None:
            yield problem


_CHECKS: dict[str, tuple[Callable[[int], bool], str]] = {
    "Directory": (stat.S_ISDIR, "a folder"),
    "DirectoryOrCreate": (stat.S_ISDIR, "a folder"),
    "File": (stat.S_ISREG, "a file"),
    "FileOrCreate": (stat.S_ISREG, "a file"),
    "Socket": (stat.S_ISSOCK, "a socket"),
    "CharDevice": (stat.S_ISCHR, "a character device"),
    "BlockDevice": (stat.S_ISBLK, "a block device"),
}


def _prepare_volume(volume: Volume, path: Path, owner: tuple[int, int] | None) -> Problem | None:
    kind = volume.host_path.type
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        # Without a type nothing is asked for; container runtimes then make a folder, and so do we.
        if kind in ("", "DirectoryOrCreate"):
            _make_folder(path, owner)
            return None
        if kind == "FileOrCreate" and path.parent.is_dir():
            path.touch(mode=0o644, exist_ok=True)
            _hand_over(path, owner)
            return None
        _, wanted = _CHECKS[kind]
        return Problem("VolumeNotFound", f"Volume {volume.name} is not there: {path} should be {wanted}.")
    if kind and not _CHECKS[kind][0](mode):
        return Problem("VolumeUnusable", f"Volume {volume.name} cannot be used: {path} is not {_CHECKS[kind][1]}.")
    return None


def _prepare_folders(worker: Worker, places: Places, owner: tuple[int, int] | None) -> Iterator[Problem]:
    spec = worker.spec
    wanted = [str(places.spool_folder(worker)), spec.job_output_dir]
    if spec.role != "inference":
        wanted.append(spec.output_dir)
    if spec.hot_update is not None and spec.hot_update.enabled:
        wanted.append(str(places.hot_update_file(worker).parent))
    for folder in wanted:
        path = local_path(folder)
        if path is None:
            continue
        try:
            _make_folder(Path(path), owner)
        except OSError as error:
            yield Problem("FolderUnusable", f"A folder that the worker needs cannot be made: {error}.")


def _make_folder(path: Path, owner: tuple[int, int] | None) -> None:
    """Make the folder and those above it; only those that are new change hands."""
    if path.is_dir():
        return
    if not path.parent.exists():
        _make_folder(path.parent, owner)
    path.mkdir(mode=0o755, exist_ok=True)
    _hand_over(path, owner)


def _hand_over(path: Path, owner: tuple[int, int] | None) -> None:
    if owner is not None:
        os.chown(path, *owner)
