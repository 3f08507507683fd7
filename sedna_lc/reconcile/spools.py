"""The reports that a worker could not hand over before it ended; the library wrote each into a file first."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

from pydantic import ValidationError

from sedna.api.workers import WorkerReport

logger = logging.getLogger(__name__)

# The door takes no larger one either.
MOST_BYTES = 1 << 20


def read_leftovers(folder: Path) -> list[WorkerReport]:
    """Return the reports in a spool, oldest first; what cannot be read is skipped with a line in the log."""
    reports = []
    for file in sorted(folder.glob("*.json"), key=lambda path: (len(path.name), path.name)):
        try:
            if file.stat().st_size > MOST_BYTES:
                raise ValueError(f"it is larger than {MOST_BYTES} bytes")
            reports.append(WorkerReport.model_validate(json.loads(file.read_bytes())))
        except (OSError, ValueError, ValidationError) as problem:
            logger.warning("The left-over report %s cannot be read: %s", file, problem)
    return reports


def clear(folder: Path) -> None:
    """Remove what was read. A file that stays is read again, which changes nothing."""
    for file in folder.glob("*.json"):
        try:
            file.unlink(missing_ok=True)
        except OSError as problem:
            logger.warning("The report %s cannot be removed: %s", file, problem)


def remove(folder: Path) -> None:
    """Remove a spool whose worker is gone."""
    shutil.rmtree(folder, ignore_errors=True)
