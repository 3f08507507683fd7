"""The folder in which reports wait: what is in it survives the death of the worker.

`sedna.service.reporting` puts each report here before it sends it and removes it once the LocalController
took it. What is left when the worker has ended, the LocalController reads from the same folder
(`SEDNA_SPOOL_DIR`): one JSON object per file, file names are growing numbers.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sedna.common.digests import StrPath
from sedna.common.faults import reached
from sedna.common.publishing import sync_file, write_atomically

logger = logging.getLogger(__name__)

_SUFFIX = ".json"


class Spool:
    """Reports of one worker in one folder, in the order in which they were made."""

    def __init__(self, folder: StrPath) -> None:
        self._folder = Path(folder)
        self._next = 1 + max((number for number, _ in self._files()), default=0)

    def put(self, message: Mapping[str, Any]) -> Path:
        """Write one report and return where; raises OSError when it cannot be written.

        It survives the end of this process at once, and a power cut after `sync`: a script does not wait for disks.
        """
        # A process that the worker started may report as well, into the same folder.
        while (path := self._folder / f"{self._next:08d}{_SUFFIX}").exists():
            self._next += 1
        write_atomically(path, json.dumps(message).encode("utf-8"), synced=False)
        self._next += 1
        reached("library.spool.put.after")
        return path

    def sync(self, path: Path) -> None:
        """Have a report survive a power cut; nothing happens when the LocalController has taken it meanwhile."""
        try:
            sync_file(path)
        except FileNotFoundError:
            return
        except OSError as problem:
            logger.warning("The waiting report %s may not survive a power cut: %s", path, problem)

    def remove(self, path: Path) -> None:
        """Forget a report that was taken; a file that cannot be removed is sent once more, which is harmless."""
        try:
            path.unlink(missing_ok=True)
        except OSError as problem:
            logger.warning("Cannot remove the sent report %s: %s", path, problem)

    def waiting(self) -> list[tuple[Path, dict[str, Any]]]:
        """What an earlier run of this worker left unsent, oldest first; unreadable files are skipped."""
        found = []
        for _, path in self._files():
            try:
                message = json.loads(path.read_bytes())
            except (OSError, ValueError) as problem:
                logger.warning("The waiting report %s cannot be read: %s", path, problem)
                continue
            if isinstance(message, dict):
                found.append((path, message))
        return found

    def _files(self) -> list[tuple[int, Path]]:
        try:
            paths = [path for path in self._folder.iterdir() if path.suffix == _SUFFIX]
        except OSError:
            return []
        return sorted((int(path.stem), path) for path in paths if path.stem.isdecimal())
