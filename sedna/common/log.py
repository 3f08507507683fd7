"""Where the library's sentences go in a worker: to stderr, from where the journal takes them.

Importing this module is what turns logging on; a service that only uses `sedna.api` or the modules beside
this one configures its own.
"""

from __future__ import annotations

import logging
import os
import sys

__all__ = ("LOGGER",)

_FORMAT = "[%(asctime)s] %(filename)s(%(lineno)d) [%(levelname)s] - %(message)s"
# So that a line can be found together with those of the services about the same round.
_FORMAT_IN_A_ROUND = "[%(asctime)s] %(filename)s(%(lineno)d) [%(levelname)s] [round {0}] - %(message)s"
_RESET = "\033[0m"
_COLORS = {"DEBUG": "\033[36m", "WARNING": "\033[33m", "ERROR": "\033[31m", "CRITICAL": "\033[1;31m"}


class _Formatter(logging.Formatter):
    """Colours for a terminal only: in a journal or a file the escapes would be noise."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        color = _COLORS.get(record.levelname) if sys.stderr.isatty() else None
        return f"{color}{text}{_RESET}" if color else text


class _UntilConfigured(logging.StreamHandler):  # type: ignore[type-arg]
    """Silent once the script configures logging itself, so that no line appears twice."""

    def __init__(self) -> None:
        super().__init__()
        round_id = os.environ.get("SEDNA_ROUND_ID", "").replace("%", "%%")
        layout = _FORMAT_IN_A_ROUND.format(round_id) if round_id else _FORMAT
        self.setFormatter(_Formatter(layout, "%Y-%m-%d %H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        if not logging.getLogger().handlers:
            # Looked up each time: a script may replace sys.stderr after this import.
            self.stream = sys.stderr
            super().emit(record)


def _set_up() -> logging.Logger:
    name = os.environ.get("JOB_NAME") or os.environ.get("SERVICE_NAME") or "sedna"
    logger = logging.getLogger(name)
    wanted = (os.environ.get("LOG_LEVEL") or "INFO").upper()
    known = isinstance(logging.getLevelName(wanted), int)
    handler = _UntilConfigured()
    # Both, because the library's own modules log under "sedna" and the script under the job's name.
    for one in {logger, logging.getLogger("sedna")}:
        one.addHandler(handler)
        one.setLevel(wanted if known else "INFO")
    if not known:
        logger.warning("LOG_LEVEL %s is not a level (DEBUG, INFO, WARNING, ERROR); INFO is used.", wanted)
    return logger


LOGGER: logging.Logger = _set_up()
