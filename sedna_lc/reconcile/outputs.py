"""Whose an output folder is: no worker writes into what another one has left there.

Rounds are numbered from 1, so a job that was deleted and made again comes to `train/1` once more, and two jobs may
have been given one `outputDir`. A model is a version and never overwritten: what is found is set aside under
another name, and two living jobs do not share a folder. Used by `sedna_lc.reconcile.starting`.

What old rounds have left goes when a new one comes, except what a version that may be served again needs, and what a
Model names, of whatever job: that list the GlobalManager writes into the worker's spec when it makes the worker, and
again when a Model is made before the worker has begun. While the GlobalManager is away the list may be an old one, and
nothing is removed. A version that is added later is of a later round than the worker's, and one that was given up is
never added again; so of the job's own an old list names too much, never too little.
"""

from __future__ import annotations

import itertools
import logging
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sedna.api.workers import Worker
from sedna.common.faults import reached
from sedna.common.publishing import write_atomically
from sedna_lc.errors import Again
from sedna_lc.places import local_path

log = logging.getLogger(__name__)

_STAGES = ("train", "eval", "eval-regression")
_MARK = re.compile(r"\.([1-9][0-9]{0,8})\.owner\Z")
_LONGEST_MARK = 200


def claim(wanted: Worker, others: Iterable[Worker]) -> None:
    """Make the worker's output folder its own. Raises Again while an earlier job uses the same `outputDir`."""
    path = local_path(wanted.spec.output_dir) if wanted.spec.role != "inference" else None
    if path is None:
        return
    first = _first_job(wanted, others)
    if first.spec.job.uid != wanted.spec.job.uid:
        raise Again(
            "OutputDirInUse",
            f"outputDir {wanted.spec.job_output_dir} belongs to job {first.spec.job.name}, which came first: "
            "give each job a folder of its own.",
        )
    try:
        _take_over(Path(path), wanted.metadata.uid or "", wanted.spec.job.uid)
    except OSError as problem:
        raise Again("FolderUnusable", f"The output folder cannot be made ready: {problem}.") from problem


def claimed_by(wanted: Worker) -> str | None:
    """Return the uid of the worker for which the output folder is marked; None where no mark can be read."""
    path = local_path(wanted.spec.output_dir) if wanted.spec.role != "inference" else None
    if path is None:
        return None
    try:
        return next(iter(_claimant(_mark_of(Path(path)))), None)
    except OSError:
        # Then whose it is has to be told by other signs.
        return None


def outdated(found: Iterable[int], wanted: Worker, keep: int) -> list[int]:
    """Of these rounds, those whose outputs may go when this worker begins. Pure."""
    retained = wanted.spec.retained_rounds
    if retained is None:
        return []
    return sorted(round_ for round_ in found if 0 < round_ <= wanted.spec.round - keep and round_ not in retained)


def discard(wanted: Worker, others: Iterable[Worker], keep: int) -> None:
    """Remove what old rounds of the worker's job have left on this node. What cannot go is told in the log, and stays.

    Only folders that are marked as this job's go. Below `outputDir` user code may have put links: none is followed.
    """
    path = local_path(wanted.spec.job_output_dir) if wanted.spec.role != "inference" else None
    if path is None or wanted.spec.retained_rounds is None:
        return
    in_use = [found for each in (*others, wanted) for found in _named(each)]
    for stage in _STAGES:
        try:
            with _opened(Path(path), stage) as there:
                for round_ in outdated(_owned(there, wanted.spec.job.uid), wanted, keep):
                    folder = f"{path}/{stage}/{round_}"
                    if not any(each == folder or each.startswith(f"{folder}/") for each in in_use):
                        _remove(Path(path), there, stage, str(round_))
        except FileNotFoundError:
            continue
        except OSError as problem:
            log.warning("Old outputs in %s/%s cannot be removed: %s", path, stage, problem)


@contextmanager
def _opened(folder: Path, *below: str) -> Iterator[int]:
    """A descriptor of a folder below another one, which no link leads away from."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    descriptor = os.open(folder, flags)
    try:
        for name in below:
            inner = os.open(name, flags | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _owned(there: int, job: str) -> Iterator[int]:
    """The rounds whose folder in here is marked as this job's."""
    for name in os.listdir(there):
        match = _MARK.match(name)
        if match and _marked(there, name)[1:] == [job]:
            yield int(match[1])


def _marked(there: int, name: str) -> list[str]:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=there)
    except OSError:
        # No mark of ours: a link, or gone since.
        return []
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return []
        return os.read(descriptor, _LONGEST_MARK).decode("utf-8", "replace").split()
    finally:
        os.close(descriptor)


def _remove(output: Path, there: int, stage: str, round_: str) -> None:
    """The mark goes last: what a crash leaves is removed next time."""
    with suppress(FileNotFoundError), _opened(output, "data", stage) as lists:
        _remove_tree(lists, round_)
    _remove_tree(there, round_)
    os.unlink(f".{round_}.owner", dir_fd=there)
    log.info("The outputs of %s of round %s in %s had their time and are removed.", stage, round_, output)


def _remove_tree(there: int, name: str) -> None:
    with suppress(FileNotFoundError):
        # By the descriptor, so that nobody can put another folder in its place meanwhile.
        shutil.rmtree(f"/proc/self/fd/{there}/{name}")


def _named(worker: Worker) -> Iterator[str]:
    """The paths of this node that a worker refers to."""
    urls = [model.url for model in worker.spec.models]
    if worker.spec.dataset is not None:
        urls.append(worker.spec.dataset.url)
    yield from (found for url in urls if (found := local_path(url)) is not None)


def _first_job(wanted: Worker, others: Iterable[Worker]) -> Worker:
    """The oldest worker, with the oldest job, of those that share the job's folder."""
    same = [each for each in others if each.spec.job_output_dir == wanted.spec.job_output_dir]
    return min([*same, wanted], key=lambda each: (each.metadata.creation_timestamp or "", each.spec.job.uid))


def _claimant(owner: Path) -> list[str]:
    """The worker that a mark names. User code may have put anything in its place: what is no mark names nobody."""
    try:
        there = os.open(owner.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    try:
        return _marked(there, owner.name)[:1]
    finally:
        os.close(there)


def _mark_of(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.owner")


def _take_over(folder: Path, uid: str, job: str) -> None:
    owner = _mark_of(folder)
    if _claimant(owner) == [uid]:
        return
    if folder.is_dir() and any(folder.iterdir()):
        aside = next(
            name
            for number in itertools.count(1)
            if not (name := folder.with_name(f"{folder.name}.old-{number}")).exists()
        )
        folder.rename(aside)
        log.warning("%s held what an earlier worker had left; it is now %s.", folder, aside)
    # After the folder is free, never before: a crash in between only sets an empty folder aside, which is none.
    folder.parent.mkdir(parents=True, exist_ok=True)
    reached("lc.output.claim.before")
    write_atomically(owner, f"{uid} {job}".encode())
