"""Where a service's sentences go, and the fields beside them by which programs find them.

`text` is for people, `json` one object a line for collectors, `journal` speaks to journald itself, so that
`journalctl ROUND_ID=… WORKER=…` finds what belongs together. A line's fields come with it: `extra=fields(WORKER=…)`.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import struct
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Literal, TextIO

LogFormat = Literal["auto", "text", "json", "journal"]

JOURNAL = "/run/systemd/journal/socket"

_FIELDS = "sedna_fields"
_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# syslog(3), as the journal counts.
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))


def fields(**values: str) -> dict[str, Any]:
    """Return the `extra` of a line that carries these fields, by names in capitals; empty ones are left out."""
    return {_FIELDS: {name: value for name, value in values.items() if value}}


def set_up(
    level: str, chosen: LogFormat, program: str, environ: Mapping[str, str], stream: TextIO = sys.stderr
) -> None:
    """Have the root logger write to a stream, or to the journal where the stream leads there or that was chosen."""
    if chosen == "auto":
        chosen = "journal" if leads_to_journal(environ.get("JOURNAL_STREAM", ""), stream) else "text"
    handler = logging.StreamHandler(stream) if chosen != "journal" else JournalHandler(program, stream)
    handler.setFormatter(JsonFormatter() if chosen == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(level=level, handlers=[handler])


def leads_to_journal(told: str, stream: TextIO) -> bool:
    """Tell whether a stream is the one that JOURNAL_STREAM tells of (`DEVICE:INODE`), and not sent elsewhere."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return told == f"{found.st_dev}:{found.st_ino}"


def fields_of(record: logging.LogRecord) -> Mapping[str, str]:
    """Return the fields that came with a line."""
    found: Mapping[str, str] = getattr(record, _FIELDS, {})
    return found


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a traceback is a field, so that a line is always one event."""
        content: dict[str, str] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            content["exception"] = self.formatException(record.exc_info)
        return json.dumps(content, ensure_ascii=False)


class JournalHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Speaks journald's own protocol; what it does not take goes to the stream, as text."""

    def __init__(self, program: str, stream: TextIO, address: str = JOURNAL) -> None:
        super().__init__(stream)
        self._program = program
        self._address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)

    def emit(self, record: logging.LogRecord) -> None:
        """Send a line."""
        try:
            self._socket.sendto(datagram(record, self._program), self._address)
        except OSError:
            # No journal, or a line larger than it takes at once: said plainly is better than not at all.
            super().emit(record)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()
        super().close()


def datagram(record: logging.LogRecord, program: str) -> bytes:
    """Return a line as systemd.journal-fields(7) and the native protocol say."""
    message = record.getMessage()
    if record.exc_info:
        message = f"{message}\n{logging.Formatter().formatException(record.exc_info)}"
    told = {
        "MESSAGE": message,
        "PRIORITY": str(priority(record.levelno)),
        "SYSLOG_IDENTIFIER": program,
        "LOGGER": record.name,
        **fields_of(record),
    }
    return b"".join(_field(name, value) for name, value in told.items())


def priority(level: int) -> int:
    """Return the journal's number for a level of ours."""
    return next((number for least, number in _PRIORITIES if level >= least), 7)


def _field(name: str, value: str) -> bytes:
    content = value.encode(errors="replace")
    if b"\n" not in content:
        return name.encode() + b"=" + content + b"\n"
    # A line end in it would begin another field.
    return name.encode() + b"\n" + struct.pack("<Q", len(content)) + content + b"\n"
