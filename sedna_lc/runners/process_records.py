"""What the process runner's units leave on disk, and what an LC makes of it. See `shim` for the files.

One rule tells the living from the dead: a supervisor holds the lock of its unit's folder as long as it lives.
A unit whose state is not final and whose lock is free has lost its supervisor; what is left of its processes is
found by their INVOCATION_ID, which every descendant inherits, and ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sedna.common.publishing import sync_folder
from sedna_lc.runners.base import Activity, Reason, UnitState
from sedna_lc.runners.shim import CREDENTIALS

log = logging.getLogger(__name__)

_ACTIVITIES = {
    "starting": Activity.STARTING,
    "running": Activity.RUNNING,
    "stopping": Activity.STOPPING,
    "exited": Activity.EXITED,
    "failed": Activity.FAILED,
}
_FINAL = ("exited", "failed")


@dataclass(frozen=True)
class Record:
    """One unit's folder, read once."""

    folder: Path
    fingerprint: str
    #: The supervisor's own notes; None before its first one.
    notes: dict[str, Any] | None

    @property
    def name(self) -> str:
        """The unit's name is its folder's."""
        return self.folder.name

    @property
    def final(self) -> bool:
        """Whether the unit has ended for good."""
        return self.notes is not None and self.notes["phase"] in _FINAL

    @property
    def supervisor(self) -> int | None:
        """The supervisor's process id, true only while its lock is held."""
        return None if self.notes is None else self.notes.get("shim")

    def state(self) -> UnitState:
        """The notes in the runner's words."""
        if self.notes is None:
            return UnitState(self.name, Activity.STARTING, fingerprint=self.fingerprint)
        return UnitState(
            name=self.name,
            activity=_ACTIVITIES[self.notes["phase"]],
            pid=self.notes.get("pid"),
            exit_code=self.notes.get("exit_code"),
            signal=self.notes.get("signal"),
            started_at=_time(self.notes.get("started_at")),
            finished_at=_time(self.notes.get("finished_at")),
            restarts=self.notes.get("restarts", 0),
            reason=self.notes.get("reason", ""),
            fingerprint=self.fingerprint,
            message=self.notes.get("message", ""),
        )


def read_record(folder: Path) -> Record | None:
    """What is known of the unit in this folder; None when there is none, or it was never completely described."""
    spec = _read_json(folder / "spec.json")
    if spec is None:
        return None
    return Record(folder, spec["fingerprint"], _read_json(folder / "state.json"))


def read_description(folder: Path) -> Mapping[str, Any]:
    """What the unit in this folder was started with; empty when there is none."""
    return _read_json(folder / "spec.json") or {}


def settle(folder: Path) -> Record | None:
    """Like `read_record`, after the last word on a unit whose supervisor is gone has been said.

    A unit that was described but never came to its first note has not run: its folder is an interrupted start
    and counts as nothing.
    """
    record = read_record(folder)
    if record is None or record.final:
        return record
    with free_lock(folder) as free:
        if not free:
            return record
        # The supervisor may have written its last note and left between our reading and our locking.
        record = read_record(folder)
        if record is None or record.final:
            return record
        if record.notes is None:
            return None
        end_orphans(record.notes.get("invocation", ""))
        shutil.rmtree(folder / CREDENTIALS, ignore_errors=True)
        log.warning("The supervisor of unit %s is gone; what was left of the unit has been ended.", folder.name)
        notes = record.notes | {
            "phase": "failed",
            "pid": None,
            "reason": Reason.UNIT_VANISHED,
            "message": "Its supervisor ended without a word: killed, or the host went down.",
            "finished_at": datetime.now(timezone.utc).timestamp(),
        }
        write_json(folder / "state.json", notes)
        return Record(folder, record.fingerprint, notes)


@contextlib.contextmanager
def free_lock(folder: Path) -> Iterator[bool]:
    """Whether nobody held the unit's lock; while the block runs, we do."""
    try:
        fd = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield True
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(fd)


def end_orphans(invocation: str) -> None:
    """Kill every process of this user that carries the invocation's id in its environment."""
    if not invocation:
        return
    mark = f"INVOCATION_ID={invocation}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        # A process may end, or belong to somebody else, at any of these steps. The descriptor makes sure that
        # the process that is killed is the one whose environment was read.
        with contextlib.suppress(OSError):
            pidfd = os.pidfd_open(int(entry.name))
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            finally:
                os.close(pidfd)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Replace the file as a whole; readable by this user only, since it may hold an environment."""
    new = path.with_name(path.name + ".lc")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    with new.open("w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(path.parent)


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)
