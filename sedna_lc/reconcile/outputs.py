"""Whose an output folder is: no worker writes into what another one has left there.

Rounds are numbered from 1, so a job that was deleted and made again comes to `train/1` once more, and two jobs may
have been given one `outputDir`. A model is a version and never overwritten: what is found is set aside under
another name, and two living jobs do not share a folder. Used by `sedna_lc.reconcile.starting`.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable
from pathlib import Path

from sedna.api.workers import Worker
from sedna.common.faults import reached
from sedna.common.publishing import write_atomically
from sedna_lc.errors import Again
from sedna_lc.places import local_path

log = logging.getLogger(__name__)


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
        _take_over(Path(path), wanted.metadata.uid or "")
    except OSError as problem:
        raise Again("FolderUnusable", f"The output folder cannot be made ready: {problem}.") from problem


def _first_job(wanted: Worker, others: Iterable[Worker]) -> Worker:
    """The oldest worker, with the oldest job, of those that share the job's folder."""
    same = [each for each in others if each.spec.job_output_dir == wanted.spec.job_output_dir]
    return min([*same, wanted], key=lambda each: (each.metadata.creation_timestamp or "", each.spec.job.uid))


def _take_over(folder: Path, uid: str) -> None:
    owner = folder.with_name(f".{folder.name}.owner")
    if owner.is_file() and owner.read_text(encoding="utf-8") == uid:
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
    write_atomically(owner, uid.encode())
