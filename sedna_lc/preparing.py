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
from sedna_lc.users import ENTER, READ, WRITE, WorkerUser, hindrance

# A path has no more bytes.
_MOST_OF_A_LINE = 4096


@dataclass(frozen=True)
class Problem:
    """Why a worker cannot start yet: a CamelCase word for its status, and a sentence."""

    reason: str
    message: str


def prepare(worker: Worker, places: Places, user: WorkerUser | None = None) -> tuple[Problem, ...]:
    """Make what may be made and return everything that is still missing; () means "start it".

    Args:
        worker: the worker that shall run.
        places: the LC's folders.
        user: who the worker will run as, to whom folders made here belong; None leaves them to this program's user,
            and its own rights are those that count.
    """
    return (
        *_prepare_models(worker, user),
        *_prepare_dataset(worker, user),
        *_prepare_volumes(worker, user),
        *_prepare_folders(worker, places, user),
    )


def check_samples(samples: Path, dataset: str, user: WorkerUser | None) -> Problem | None:
    """Return what keeps the user from the first file that a list of samples names; None where nothing is known to.

    A sample is what its user makes of it. Where its first word is a file, beside the dataset or by its full path, that
    file has to be readable; if it is not, the other thousands are not either.
    """
    if user is None:
        return None
    with samples.open("rb") as lines:
        # The first line may be a table's header.
        first = [lines.readline(_MOST_OF_A_LINE).decode(errors="replace").replace(",", " ").split() for _ in range(2)]
    for word in (words[0] for words in first if words):
        file = Path(dataset).parent / word
        if "\0" not in word and (sentence := hindrance(file, user)) is not None:
            return Problem("SamplesUnreadable", f"The samples' files cannot be read: {sentence}.")
    return None


def _prepare_models(worker: Worker, user: WorkerUser | None) -> Iterator[Problem]:
    for model in worker.spec.models:
        path = local_path(model.url)
        if path is None:
            continue
        if not _model_exists(Path(path)):
            yield Problem("ModelNotFound", f"Model {model.name} is not there: nothing at {path}.")
        elif user is not None and (sentence := hindrance(Path(path), user)) is not None:
            yield Problem("ModelUnreadable", f"Model {model.name} cannot be read by its worker: {sentence}.")


def _prepare_dataset(worker: Worker, user: WorkerUser | None) -> Iterator[Problem]:
    """Samples name their files from the dataset's folder on; the list itself is read by the LC."""
    dataset = worker.spec.dataset
    path = local_path(dataset.url) if dataset is not None and worker.spec.samples_artifact is None else None
    if dataset is None or path is None or user is None:
        return
    if (sentence := hindrance(Path(path).parent, user, ENTER)) is not None:
        yield Problem("DatasetUnreadable", f"Dataset {dataset.name} cannot be used by its worker: {sentence}.")


def _model_exists(path: Path) -> bool:
    if path.exists():
        return True
    # A TensorFlow checkpoint is named by what its files have in common: model.ckpt for model.ckpt.index, …
    try:
        return any(entry.name.startswith(path.name + ".") for entry in path.parent.iterdir())
    except OSError:
        return False


def _prepare_volumes(worker: Worker, user: WorkerUser | None) -> Iterator[Problem]:
    for volume in worker.spec.template.volumes:
        path = Path(volume.host_path.path)
        try:
            problem = _prepare_volume(volume, path, _owner(user)) or _check_volume(volume, path, user)
        except OSError as error:
            problem = Problem("VolumeUnusable", f"Volume {volume.name} cannot be used: {error}.")
        if problem is not None:
            yield problem


def _check_volume(volume: Volume, path: Path, user: WorkerUser | None) -> Problem | None:
    # Whether it will be written to, nobody says: in Kubernetes, and so here, that is allowed unless it is forbidden.
    need = READ | WRITE if volume.host_path.type in ("CharDevice", "BlockDevice") else READ
    sentence = None if user is None else hindrance(path, user, need)
    if sentence is None:
        return None
    return Problem("VolumeUnreadable", f"Volume {volume.name} cannot be used by its worker: {sentence}.")


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


def _prepare_folders(worker: Worker, places: Places, user: WorkerUser | None) -> Iterator[Problem]:
    spec = worker.spec
    if spec.hot_update is not None and spec.hot_update.enabled:
        # Written for the worker, and by nobody else.
        yield from _prepare_folder(places.hot_update_file(worker).parent, user, None, is_its_own=False)
    owner = _owner(user)
    path = local_path(spec.job_output_dir)
    if path is not None:
        yield from _prepare_folder(Path(path), user, owner, is_its_own=False)
    path = local_path(spec.output_dir) if spec.role != "inference" else None
    for own in filter(None, (places.spool_folder(worker), Path(path) if path is not None else None)):
        yield from _prepare_folder(own, user, owner, is_its_own=True)


def _prepare_folder(
    path: Path, user: WorkerUser | None, owner: tuple[int, int] | None, *, is_its_own: bool
) -> Iterator[Problem]:
    try:
        _make_folder(path, owner)
        if is_its_own:
            # Also one that is there already, from before workers had a user of their own.
            _hand_over(path, owner)
    except OSError as error:
        yield Problem("FolderUnusable", f"A folder that the worker needs cannot be made: {error}.")
        return
    need = READ | WRITE if is_its_own else ENTER
    if user is not None and (sentence := hindrance(path, user, need)) is not None:
        yield Problem("FolderUnusable", f"A folder that the worker needs cannot be used by it: {sentence}.")


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


def _owner(user: WorkerUser | None) -> tuple[int, int] | None:
    return None if user is None else user.owner
