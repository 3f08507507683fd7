"""Who uses what images share: the installed images, the processes of this host, and units that come back at boot.

Asked before anything is removed (`sedna.images.removing`). A worker shows itself by its environment: the
LocalController puts the interpreter's folder in its PATH and the library's in its PYTHONPATH. An inference worker
that is paused or that a power cut ended has no process, but its unit's file names both.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

PROCESSES = Path("/proc")
UNITS = (Path("/etc/systemd/system"), Path("/run/systemd/system"), Path("/run/systemd/transient"))
# Every unit that runs a worker is called so (sedna_lc.runners.names).
_WORKER_UNITS = "sedna-worker-*"


def worker_texts(processes: Path = PROCESSES, units: Iterable[Path] = UNITS) -> Iterator[str]:
    """Yield what every process was started with, and every worker's unit file.

    As another user than root, the processes of others do not show; then only root may remove what they use, too.
    """
    for process in processes.glob("[0-9]*"):
        told = [_read(process / name).replace("\0", "\n") for name in ("cmdline", "environ")]
        yield "\n".join([*told, _working_directory(process)])
    for folder in units:
        for unit in folder.glob(_WORKER_UNITS):
            if unit.is_file():
                yield _read(unit)


def used_by_workers(folder: Path, texts: Iterable[str]) -> bool:
    """Whether a worker runs from a folder, or will."""
    name = str(folder.absolute())
    # `…/environments/ab` is not used by who uses `…/environments/abc`.
    return any(f"{name}{end}" in f"{text}\n" for text in texts for end in (os.sep, ":", "\n", '"', " "))


def _working_directory(process: Path) -> str:
    try:
        return str((process / "cwd").readlink())
    except OSError:
        return ""


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        # A process that has ended, or another user's.
        return ""
