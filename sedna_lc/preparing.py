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
from sedna_lc.allowed import outside
from sedna_lc.folders import Owner, make_file, make_folder
from sedna_lc.guarded import real_path, refusal
from sedna_lc.places import Places, local_path, sample_list
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
        *_prepare_volumes(worker, places, user),
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


def not_open(worker: Worker, places: Places) -> tuple[Problem, ...]:
    """Return which of the models and datasets that a manifest names lie where this host opens nothing to manifests.

    Asked of the worker as it came: later its URLs are those of copies in this program's own folders.
    """
    spec = worker.spec
    named = [(f"Model {model.name}", model.url) for model in spec.models if model.artifact is None]
    if spec.dataset is not None and spec.samples_artifact is None:
        named.append((f"Dataset {spec.dataset.name}", spec.dataset.url))
    found = [(what, local_path(url)) for what, url in named]
    told = [(what, outside(Path(path), places)) for what, path in found if path is not None]
    return tuple(Problem("PathNotAllowed", f"{what} cannot be used: {why}.") for what, why in told if why is not None)


def refused(worker: Worker, places: Places, user: WorkerUser | None = None) -> tuple[Problem, ...]:
    """Return what of a worker's paths no manifest may ask for; looked at before anything on this host is touched."""
    return (*_refused_folders(worker, places, user), *_refused_volumes(worker, places, user))


def _refused_folders(worker: Worker, places: Places, user: WorkerUser | None) -> Iterator[Problem]:
    spec = worker.spec
    # An inference worker gets no folder of its own there, but the job's is made.
    # This program writes the list of samples there itself, past whatever link the job's workers have left.
    urls = (spec.job_output_dir, spec.output_dir, sample_list(worker) or "")
    for path in dict.fromkeys(map(local_path, urls)):
        if path is not None and (sentence := _refused_output(Path(path), worker, places, user)) is not None:
            yield Problem("PathNotAllowed", f"outputDir cannot be used: {sentence}.")
            return


def _refused_output(path: Path, worker: Worker, places: Places, user: WorkerUser | None) -> str | None:
    # What stands in for an outputDir on S3 lies in our own state.
    if real_path(path).is_relative_to(real_path(places.state_dir) / places.outputs_below(worker)):
        return None
    return _judged(path, places, user, made=True, written=True)


def _judged(path: Path, places: Places, user: WorkerUser | None, *, made: bool, written: bool) -> str | None:
    """Why a path is refused: by what nobody may have, where workers have a user of their own, or by the allow-list."""
    guarded = refusal(path, places, made=made) if user is not None and written else None
    return guarded or outside(path, places, written=written)


def _refused_volumes(worker: Worker, places: Places, user: WorkerUser | None) -> Iterator[Problem]:
    template = worker.spec.template
    mounted = {mount.name for mount in template.container.volume_mounts if not mount.read_only}
    for volume in template.volumes:
        path = Path(volume.host_path.path)
        # What is not there would be made; in what is there, a worker may only not write.
        made = not os.path.lexists(real_path(path)) and volume.host_path.type in _MADE
        written = made or volume.name in mounted
        if (sentence := _judged(path, places, user, made=made, written=written)) is not None:
            can_be_read = written and not made and outside(path, places) is None
            remedy = "; readOnly in its volumeMounts makes it one to read from" if can_be_read else ""
            yield Problem("PathNotAllowed", f"Volume {volume.name} cannot be used: {sentence}{remedy}.")


def _prepare_volumes(worker: Worker, places: Places, user: WorkerUser | None) -> Iterator[Problem]:
    if forbidden := tuple(_refused_volumes(worker, places, user)):
        yield from forbidden
        return
    for volume in worker.spec.template.volumes:
        path = Path(volume.host_path.path)
        try:
            problem = _prepare_volume(volume, path, places, user) or _check_volume(volume, path, user)
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


# Without a type nothing is asked for; container runtimes then make a folder, and so do we.
_MADE = ("", "DirectoryOrCreate", "FileOrCreate")
_CHECKS: dict[str, tuple[Callable[[int], bool], str]] = {
    "Directory": (stat.S_ISDIR, "a folder"),
    "DirectoryOrCreate": (stat.S_ISDIR, "a folder"),
    "File": (stat.S_ISREG, "a file"),
    "FileOrCreate": (stat.S_ISREG, "a file"),
    "Socket": (stat.S_ISSOCK, "a socket"),
    "CharDevice": (stat.S_ISCHR, "a character device"),
    "BlockDevice": (stat.S_ISBLK, "a block device"),
}


def _prepare_volume(volume: Volume, path: Path, places: Places, user: WorkerUser | None) -> Problem | None:
    kind = volume.host_path.type
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        # Judged and made by one answer to where its links lead.
        real = real_path(path)
        if kind in _MADE and (sentence := _judged(real, places, user, made=True, written=True)) is not None:
            return Problem("PathNotAllowed", f"Volume {volume.name} cannot be used: {sentence}.")
        if kind in ("", "DirectoryOrCreate"):
            make_folder(real, _owner(user))
            return None
        if kind == "FileOrCreate" and real.parent.is_dir():
            make_file(real, _owner(user))
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
        yield from _prepare_folder(_own(places.hot_update_file(worker).parent, places), user, None, is_its_own=False)
    owner = _owner(user)
    # Only the last one is the worker's: those beside it are other workers'.
    spool = _own(places.spool_folder(worker), places)
    yield from _prepare_folder(spool.parent, None, None, is_its_own=False)
    yield from _prepare_folder(spool, user, owner, is_its_own=True)
    for url, is_its_own in ((spec.job_output_dir, False), (spec.output_dir, True)):
        path = local_path(url)
        if path is None or (is_its_own and spec.role == "inference"):
            continue
        real = real_path(Path(path))
        if (sentence := _refused_output(real, worker, places, user)) is not None:
            yield Problem("PathNotAllowed", f"outputDir cannot be used: {sentence}.")
            return
        yield from _prepare_folder(real, user, owner, is_its_own=is_its_own)


def _prepare_folder(path: Path, user: WorkerUser | None, owner: Owner | None, *, is_its_own: bool) -> Iterator[Problem]:
    try:
        # Its own changes hands also when it is there already, from before workers had a user of their own.
        make_folder(path, owner, hand_over=is_its_own)
    except OSError as error:
        yield Problem("FolderUnusable", f"A folder that the worker needs cannot be made: {error}.")
        return
    need = READ | WRITE if is_its_own else ENTER
    if user is not None and (sentence := hindrance(path, user, need)) is not None:
        yield Problem("FolderUnusable", f"A folder that the worker needs cannot be used by it: {sentence}.")


def _own(path: Path, places: Places) -> Path:
    """Our own folders hold no links; one that a worker has put there is met, and not followed."""
    return real_path(places.state_dir) / path.relative_to(places.state_dir)


def _owner(user: WorkerUser | None) -> Owner | None:
    return None if user is None else user.owner
