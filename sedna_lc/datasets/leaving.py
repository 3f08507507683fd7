"""How long a dataset has been missed, and the end of its samples.

They are kept for a while: the dataset may only have been moved away and back, and one list that lacks it, of a GM from
an older backup, must not cost its samples. Only time counts in which the GM was heard and did not want it: neither a
host's clock that jumps, nor a host or a GM that is away, shortens the wait. `watching` looks here regularly.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

from sedna.common.publishing import write_atomically

logger = logging.getLogger(__name__)

KEPT_SECONDS = 7 * 24 * 3600
# Looks are half a minute apart. Between two that are further apart this program slept, or its host did.
_LONGEST_SECONDS = 3600.0
# After the GM was away, its watch needs a while to say what is wanted now; a list says it at once.
_STEADY_SECONDS = 3600.0
# What a crash may add to the wait; a mark is written so seldom.
_WRITTEN_SECONDS = 3600.0
MARK = ".gone-for"


class Leavers:
    """The folders of datasets that are not wanted. Not safe for use by several threads at once.

    Args:
        folder: where each dataset has its folder, by uid.
        monotonic: seconds of a clock that never jumps.
        forget: called with the uid of a dataset before its samples go.
    """

    def __init__(self, folder: Path, monotonic: Callable[[], float], forget: Callable[[str], None]) -> None:
        self._folder = folder
        self._monotonic = monotonic
        self._forget = forget
        self._last: float | None = None
        self._heard_for = 0.0
        # Of each folder: seconds so far, and how many of them are written down.
        self._gone: dict[str, tuple[float, float]] = {}
        self._unmarked: set[str] = set()

    def look(self, wanted: Collection[str], *, heard: bool, listed: bool = False) -> None:
        """Count the time since the last look, and throw away what was missed for a week.

        `wanted`: uids. `heard`: whether the GM answers; `listed`: whether it has just said all that it wants.
        """
        if not heard:
            self._last, self._heard_for = None, 0.0
            return
        now = self._monotonic()
        passed = min(now - self._last, _LONGEST_SECONDS) if self._last is not None else 0.0
        self._last, self._heard_for = now, self._heard_for + passed
        for folder in self._folder.glob("*"):
            if folder.name in wanted:
                self.come_back(folder.name)
            elif self._missed(folder, passed) > KEPT_SECONDS and (listed or self._heard_for >= _STEADY_SECONDS):
                logger.info("The samples in %s are thrown away: their dataset is gone for a week.", folder)
                self._gone.pop(folder.name, None)
                self._forget(folder.name)
                shutil.rmtree(folder, ignore_errors=True)

    def come_back(self, uid: str) -> None:
        """A dataset is wanted: if it goes again, its time begins anew."""
        self._gone.pop(uid, None)
        mark = self._folder / uid / MARK
        try:
            mark.unlink(missing_ok=True)
        except OSError as problem:
            logger.warning("%s cannot be removed, though the dataset is back: %s", mark, problem)

    def _missed(self, folder: Path, passed: float) -> float:
        """Return for how many seconds a dataset has been missed; none where no mark can be kept."""
        try:
            known = self._gone.get(folder.name)
            if known is None:
                seconds = written = _read(folder / MARK)
            else:
                seconds, written = known[0] + passed, known[1]
            if seconds == 0 or seconds - written >= _WRITTEN_SECONDS:
                write_atomically(folder / MARK, f"{seconds:.0f}\n".encode())
                written = seconds
        except OSError as problem:
            if folder.name not in self._unmarked:
                self._unmarked.add(folder.name)
                logger.warning("It cannot be noted in %s for how long its dataset is gone: %s", folder, problem)
            return 0.0
        self._gone[folder.name] = seconds, written
        return seconds


def _read(mark: Path) -> float:
    with contextlib.suppress(FileNotFoundError, ValueError):
        # Nobody writes more than it takes; what says more is damaged, and has some way to go.
        return float(min(max(0, int(mark.read_text(encoding="ascii"))), KEPT_SECONDS))
    return 0.0
