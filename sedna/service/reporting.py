"""Reports of a worker, sent in the background: user code never waits for them, and none is silently lost.

`sedna.core` hands reports in; each is written to the spool (`sedna.service.spooling`), and a thread sends it to
the LocalController (`sedna.service.client`) until it is taken, and only then the next: order is kept. At
exit the rest is sent; what only the spool holds then is read by the LocalController. What neither took
ends the process with a failure, because a worker that exits 0 without its report looks like one that
reported nothing.
"""

from __future__ import annotations

import atexit
import collections
import contextlib
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sedna.common.config import BaseConfig, Context
from sedna.common.faults import reached
from sedna.service.client import LCClient, RefusedError, RequestError, backoff
from sedna.service.spooling import Spool

logger = logging.getLogger(__name__)

# sysexits.h EX_IOERR: tells an operator that the work was done and the telling was not.
EXIT_NOT_REPORTED = 74

# One attempt. The LocalController answers on loopback in milliseconds or is not well.
_ATTEMPT_SECONDS = 10.0
# At exit, for reports that the spool holds: the LocalController will find them there anyway.
_SPOOLED_FLUSH_SECONDS = 3.0
# At exit, for reports that exist nowhere else. SEDNA_REPORT_DEADLINE_SECONDS changes it, and shortens the other.
_UNSPOOLED_FLUSH_SECONDS = 30.0
# While flushing, the pause between attempts: the process is waiting.
_FLUSH_PAUSE_SECONDS = 0.5
# The LocalController takes reports up to 1 MiB; an exception's text may be any length.
_MESSAGE_CHARACTERS = 16_384

# Answers that are the LocalController's trouble and not the report's, so the report is kept: the spool brings it in the
# end. 404: it does not know the worker yet, as shortly after its own restart; 401: nor the worker's token.
_LATER = (404, 401)

Deliver = Callable[[Mapping[str, Any], float], object]
"""Sends one report within the given seconds; raises RefusedError for "never", RequestError for "again"."""


@dataclass
class _Waiting:
    message: Mapping[str, Any]
    file: Path | None = None
    spooled: bool = False
    synced: bool = False


class Reporter:
    """Takes reports without waiting and delivers them in order on a thread of its own.

    `pauses` makes the seconds between attempts of one report. `unspooled_seconds` is how long `close()`
    tries for reports that no spool holds.
    """

    def __init__(
        self,
        deliver: Deliver,
        spool: Spool | None = None,
        *,
        pauses: Callable[[], Iterator[float]] = backoff,
        spooled_seconds: float = _SPOOLED_FLUSH_SECONDS,
        unspooled_seconds: float = _UNSPOOLED_FLUSH_SECONDS,
    ) -> None:
        self._deliver = deliver
        self._spool = spool
        self._pauses = pauses
        self._flush_seconds = (spooled_seconds, unspooled_seconds)
        self._changed = threading.Condition()
        # Held from giving a report its number in the spool to giving it its place in the queue: the two
        # orders are one. Never taken while a request is under way.
        self._spooling = threading.Lock()
        self._queue: collections.deque[_Waiting] = collections.deque()
        self._closing = False
        self._give_up = False
        self._refused = 0
        if spool is not None:
            left = [_Waiting(message, file, spooled=True, synced=True) for file, message in spool.waiting()]
            self._queue.extend(left)
        self._thread = threading.Thread(target=self._run, name="sedna-reporter", daemon=True)
        self._thread.start()

    def report(self, message: Mapping[str, Any]) -> None:
        """Take one report: writes it to the spool and returns, whatever the LocalController does.

        Raises TypeError or ValueError when it is not JSON.
        """
        # Rendered here, so that a mistake surfaces where it was made, and later changes of the dict do not.
        copied = json.loads(json.dumps(message, allow_nan=False))
        if len(copied.get("message") or "") > _MESSAGE_CHARACTERS:
            copied["message"] = copied["message"][-_MESSAGE_CHARACTERS:]
        waiting = _Waiting(copied)
        with self._spooling:
            self._keep(waiting)
            with self._changed:
                if self._give_up:
                    logger.error("A report came after the last moment and is lost: %s", copied)
                    return
                self._queue.append(waiting)
                self._changed.notify_all()

    def close(self) -> bool:
        """Send what is left within the deadline; True when the LocalController or the spool has every report.

        Called at exit. Nothing more is sent afterwards.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            started = time.monotonic()
            while self._queue:
                # Which of the two waits applies can change: the disk may have room again.
                spooled = all(one.spooled for one in self._queue)
                left = started + self._flush_seconds[0 if spooled else 1] - time.monotonic()
                if left <= 0 or not self._thread.is_alive():
                    break
                self._changed.wait(min(left, _FLUSH_PAUSE_SECONDS))
            self._give_up = True
            self._changed.notify_all()
            rest = list(self._queue)
        self._sync_all()
        lost = [one for one in rest if not one.spooled]
        if lost:
            logger.error(
                "%s report(s) could not be handed to the LocalController and could not be written to a "
                "spool either; they are lost: %s",
                len(lost),
                [one.message for one in lost],
            )
        elif rest:
            logger.warning("%s report(s) wait in the spool for the LocalController.", len(rest))
        return not lost and not self._refused

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closing)
                if self._give_up or not self._queue:
                    return
            self._sync_all()
            self._send(self._queue[0])

    def _sync_all(self) -> None:
        """Before anything is sent, which may take long: the script did not wait for the disk, this thread does."""
        with self._changed:
            unsynced = [waiting for waiting in self._queue if waiting.file is not None and not waiting.synced]
        for waiting in unsynced:
            if self._spool is not None and waiting.file is not None:
                self._spool.sync(waiting.file)
                waiting.synced = True

    def _keep(self, waiting: _Waiting) -> None:
        if self._spool is None or waiting.spooled:
            return
        try:
            waiting.file = self._spool.put(waiting.message)
            waiting.spooled = True
        except OSError as problem:
            logger.warning("A report cannot be written to the spool: %s", problem)

    def _keep_all(self) -> None:
        # The disk may have room again.
        with self._spooling:
            for waiting in list(self._queue):
                self._keep(waiting)

    def _send(self, waiting: _Waiting) -> None:
        pauses = self._pauses()
        while not self._give_up:
            try:
                self._deliver(waiting.message, _ATTEMPT_SECONDS)
                break
            except RefusedError as problem:
                if problem.status not in _LATER:
                    logger.error("The LocalController refuses a report (%s): %s", problem, waiting.message)  # noqa: TRY400
                    self._refused += 1
                    break
                logger.warning("The LocalController does not know this worker, or its token, yet: %s", problem)
            except RequestError as problem:
                logger.warning("A report could not be sent and will be again: %s", problem)
            except Exception:
                # A bug must not end the thread: the reports after this one have no other.
                logger.exception("A report could not be sent and will be again.")
            self._pause(next(pauses))
            self._keep_all()
            self._sync_all()
        else:
            return
        reached("library.report.send.after")
        if waiting.file is not None and self._spool is not None:
            self._spool.remove(waiting.file)
        with self._changed:
            self._queue.popleft()
            self._changed.notify_all()

    def _pause(self, seconds: float) -> None:
        """Wait before the next attempt; a new report or the end of the process cuts the wait short."""
        with self._changed:
            waiting = len(self._queue)
            if self._closing:
                self._changed.wait_for(lambda: self._give_up, min(seconds, _FLUSH_PAUSE_SECONDS))
            else:
                self._changed.wait_for(lambda: self._closing or len(self._queue) > waiting, seconds)


_made: list[Reporter] = []
_lock = threading.Lock()
_told = False


def reporter_of_this_worker() -> Reporter | None:
    """The one reporter of this process, or None when it does not run under Sedna.

    WORKER_NAME and LC_SERVER make it a worker; without them one line says that nothing is reported.
    SEDNA_SPOOL_DIR is where unsent reports are kept.
    """
    global _told
    with _lock:
        if _made:
            return _made[0]
        name, server = BaseConfig.worker_name, BaseConfig.lc_server
        if not (name and server):
            if not _told:
                logger.info("WORKER_NAME or LC_SERVER is not set: running outside of Sedna, nothing is reported.")
                _told = True
            return None
        folder = Context.get_parameters("SEDNA_SPOOL_DIR")
        seconds = float(Context.get_parameters("SEDNA_REPORT_DEADLINE_SECONDS", _UNSPOOLED_FLUSH_SECONDS))
        reporter = Reporter(
            lambda message, timeout: LCClient.send(server, name, message, timeout),
            Spool(folder) if folder else None,
            spooled_seconds=min(seconds, _SPOOLED_FLUSH_SECONDS),
            unspooled_seconds=seconds,
        )
        _made.append(reporter)
        atexit.register(_close_at_exit, reporter)
        return reporter


def _close_at_exit(reporter: Reporter) -> None:
    if reporter.close():
        return
    # An exit handler cannot change the exit code in any milder way; what the interpreter would still have
    # done is to flush, so that is done here.
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    logging.shutdown()
    os._exit(EXIT_NOT_REPORTED)
