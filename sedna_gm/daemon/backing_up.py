"""When the service copies its own database, in a thread beside its work: soon after the start, and every few hours.

`sedna_gm.store.sql.backups` makes and keeps the copies. What goes wrong costs a line of the log, and part of the
Status line until it is mended: the service does its work without a backup, too.
"""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from sedna_gm.asides import Aside, at_once
from sedna_gm.settings import BackupSettings
from sedna_gm.store.interface import Clock
from sedna_gm.store.sql import backups
from sedna_gm.store.sql.copying import CopyFailed

logger = logging.getLogger(__name__)

_HOUR = 3600.0
# A service that dies and comes back again and again would else keep nothing but copies of the last minutes.
_YOUNG_SECONDS = _HOUR
# How soon it is tried again where there was no room.
_AGAIN_SECONDS = 600.0
# A copy of any size takes its time: never in the loop that serves.
_LONG = 2**62


class Backups:
    """Makes backups in a thread of its own, from `start` until `stop`. Does nothing for a database in memory."""

    def __init__(self, url: str, folder: Path, settings: BackupSettings, clock: Clock, aside: Aside = at_once) -> None:
        self._url = url
        self._folder = folder
        self._hours = None if url == "memory" else settings.every_hours
        self._keep = settings.keep
        self._clock = clock
        self._aside = aside
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="backups", daemon=True)
        self.trouble = ""
        """Why there is no newer backup; "" while nothing is wrong."""

    def start(self) -> None:
        """Begins."""
        if self._hours is not None:
            self._thread.start()

    def stop(self) -> None:
        """Ends, after the copy that is being made."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def back_up(self) -> bool:
        """Makes one if anything has changed; returns whether nothing went wrong."""
        try:
            made = self._aside(
                lambda: backups.make_if_changed(self._url, self._folder, self._keep, self._clock()), _LONG
            )
        except CopyFailed as error:
            said = f"No backup was made: {error}"
            if said != self.trouble:
                logger.error("%s It is tried again in %.0f min.", said, _AGAIN_SECONDS / 60)  # noqa: TRY400 - no bug
            self.trouble = said
            return False
        except Exception:
            # A bug in one of them must not be the end of all later ones.
            logger.exception("Making a backup failed: this is a bug.")
            self.trouble = "No backup was made: see the log."
            return False
        self.trouble = ""
        if made is not None:
            logger.info("The database was copied to %s.", made)
        return True

    def _run(self) -> None:
        period = (self._hours or 0.0) * _HOUR
        pause = first_pause(self._age(), period)
        while not self._stopping.wait(pause):
            pause = period if self.back_up() else min(period, _AGAIN_SECONDS)

    def _age(self) -> float | None:
        there = backups.held(self._folder)
        try:
            return time.time() - there[-1].path.stat().st_mtime if there else None
        except OSError:
            return None


def first_pause(age: float | None, period: float) -> float:
    """Seconds from the start to the first backup, by the age of the newest one and the time between two."""
    young = min(_YOUNG_SECONDS, period)
    # One of the future tells of a clock that was set back, not of its age.
    return young - age if age is not None and 0 <= age < young else 0.0
