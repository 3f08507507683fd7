"""Who did what, when, from where, and how it ended: one JSON line for each write and each refusal, never a secret.

The file is appended to by the service and by `sedna-gm token`; the service renames it when it has become large.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sedna.api.times import format_time
from sedna_gm.identity.identities import Identity

logger = logging.getLogger(__name__)

# What a client chose to write in an address must not make lines of any length.
_LONGEST = 512


@dataclass(frozen=True)
class Entry:
    """One line."""

    identity: Identity
    verb: str
    code: int
    path: str = ""
    resource: str = ""
    address: str = ""
    """Where the call came from."""
    reason: str = ""

    def dump(self, now: datetime) -> Mapping[str, object]:
        """As it is written."""
        told = {
            "time": format_time(now),
            "identity": self.identity.dump(),
            "verb": self.verb,
            "path": self.path,
            "resource": self.resource,
            "from": self.address,
            "code": self.code,
            "reason": self.reason,
        }
        short = {field: value[:_LONGEST] if isinstance(value, str) else value for field, value in told.items()}
        return {field: value for field, value in short.items() if value != ""}


class Audit(Protocol):
    """Where entries go."""

    def write(self, entry: Entry) -> None:
        """Notes what has happened; never raises."""
        ...

    def close(self) -> None:
        """Nothing more will come."""
        ...


class NoAudit:
    """Nobody is known by name, or nobody wants to know."""

    def write(self, entry: Entry) -> None:
        """See `Audit.write`."""

    def close(self) -> None:
        """See `Audit.close`."""


class AuditUnwritable(Exception):
    """The audit log cannot be opened; the message says which file and why."""


class AuditFile:
    """A file that grows to `max_bytes`, with the `keep` older ones beside it as FILE.1 (the newest), FILE.2, …

    What cannot be written while serving is told in the service's own log, and the call is served: a full disk must
    not keep nodes from telling what they see.
    """

    def __init__(self, path: Path, max_bytes: int, keep: int, clock: Callable[[], datetime]) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._clock = clock
        self._lock = threading.Lock()
        self._told = False
        try:
            self._file: int | None = _open(path)
        except OSError as error:
            raise AuditUnwritable(
                f"The audit log {path} cannot be written: {error.strerror}. Its place is audit.file in gm.yml."
            ) from None

    def write(self, entry: Entry) -> None:
        """See `Audit.write`."""
        line = json.dumps(entry.dump(self._clock()), separators=(",", ":")).encode("ascii") + b"\n"
        with self._lock:
            try:
                self._append(line)
                self._told = False
            except OSError as error:
                if not self._told:
                    logger.error("The audit log %s cannot be written: %s.", self._path, error.strerror)  # noqa: TRY400
                self._told = True

    def close(self) -> None:
        """See `Audit.close`."""
        with self._lock:
            self._shut()

    def _append(self, line: bytes) -> None:
        if self._file is None or not self._is_in_place(self._file):
            self._shut()
            self._file = _open(self._path)
        if os.fstat(self._file).st_size + len(line) > self._max_bytes:
            self._rotate()
            self._file = _open(self._path)
        os.write(self._file, line)

    def _is_in_place(self, file: int) -> bool:
        """False when somebody has moved the file away, as logrotate does."""
        try:
            return os.path.samestat(os.fstat(file), os.lstat(self._path))
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        self._shut()
        for number in range(self._keep, 0, -1):
            older = self._numbered(number)
            newer = self._numbered(number - 1) if number > 1 else self._path
            if newer.exists():
                newer.replace(older)
        if self._keep < 1:
            self._path.unlink(missing_ok=True)

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _shut(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def append(path: Path, entry: Entry, now: datetime) -> None:
    """Adds one line from another process than the service's. Raises OSError."""
    file = _open(path)
    try:
        os.write(file, json.dumps(entry.dump(now), separators=(",", ":")).encode("ascii") + b"\n")
    finally:
        os.close(file)


def _open(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
