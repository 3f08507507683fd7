"""The reports that a worker could not hand over before it ended; the library wrote each into a file first."""

from __future__ import annotations

import heapq
import json
import logging
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from sedna.api.workers import WorkerReport

logger = logging.getLogger(__name__)

# The door takes no larger one either.
MOST_BYTES = 1 << 20
# A worker reports a handful of times; what is beyond this many is not the library's.
MOST_FILES = 1000
# The folder is the worker's, and this program may be root: a link would be read on its behalf, and a pipe would hold
# up whoever opens it.
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_leftovers(folder: Path) -> list[WorkerReport]:
    """Return the reports in a spool, oldest first; what cannot be read is skipped with a line in the log."""
    reports = []
    for file in heapq.nsmallest(MOST_FILES, _files(folder), key=lambda path: (len(path.name), path.name)):
        try:
            reports.append(WorkerReport.model_validate(json.loads(_read(file))))
        except (OSError, ValueError, ValidationError, RecursionError) as problem:
            logger.warning("The left-over report %s cannot be read: %s", file, problem)
    return reports


def _read(file: Path) -> bytes:
    with os.fdopen(os.open(file, _OPEN), "rb") as opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise ValueError("it is no plain file")
        data = opened.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES} bytes")
    return data


def _files(folder: Path) -> Iterator[Path]:
    return folder.glob("*.json")


def clear(folder: Path) -> None:
    """Remove what was read. A file that stays is read again, which changes nothing."""
    for file in _files(folder):
        try:
            file.unlink(missing_ok=True)
        except OSError as problem:
            logger.warning("The report %s cannot be removed: %s", file, problem)


def remove(folder: Path) -> None:
    """Remove a spool whose worker is gone."""
    shutil.rmtree(folder, ignore_errors=True)
