"""What stays of units that ended and were forgotten: their logs, for people who ask what a round of last week printed.

`process` moves a unit's log files here; for `systemd`, whose journal has the lines, only what to ask it is kept. The
controllers of a job remove a worker as soon as the next round begins; its log is read by the name of its unit, and by
the id of its round, since names come back when a job is made again. The oldest logs go.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import stat
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sedna.api.rounds import ROUND_ID_VARIABLE
from sedna.common.faults import reached

logger = logging.getLogger(__name__)

_ABOUT = "about.json"
_LOGS = ("log", "log.1")
# A small file takes a block of the disk all the same, and a folder another one.
_BLOCK = 4096


@dataclass(frozen=True)
class Bounds:
    """How much is kept; with rounds of two workers, ten rounds of each job."""

    per_job: int = 20
    #: In all on this host, in whole blocks of 4 KiB. A worker's log has 16 MiB at most, and few have a hundredth of it.
    total_bytes: int = 256 << 20

    def __str__(self) -> str:
        return f"of each job's last {self.per_job} workers, and {self.total_bytes >> 20} MiB of them in all"


BOUNDS = Bounds()
"""What is kept where nothing else is said."""


@dataclass(frozen=True)
class Ended:
    """One unit that was forgotten."""

    name: str
    #: The target of its job: what `per_job` counts by.
    job: str = ""
    round_id: str = ""
    #: Grows from one to the next; clocks of edges jump.
    order: int = 0
    #: From when on, and until when, its lines were written, in seconds since 1970.
    since: float = 0.0
    until: float = 0.0
    size: int = field(default=0, compare=False)


def about(name: str, target: str, environment: Mapping[str, str], *, since: float = 0.0, until: float = 0.0) -> Ended:
    """Describe a unit that is about to be forgotten by what it was started with."""
    return Ended(name, target, environment.get(ROUND_ID_VARIABLE, ""), since=since, until=until)


def surplus(kept: Iterable[Ended], bounds: Bounds) -> list[str]:
    """Return the names of those that are too many, the oldest first. The newest of all stays, however large."""
    of_job: Counter[str] = Counter()
    total = 0
    full = False
    found: list[str] = []
    newest_first = sorted(kept, key=lambda each: each.order, reverse=True)
    for one in newest_first:
        of_job[one.job] += 1
        too_many = of_job[one.job] > bounds.per_job
        # What is older than one that found no room goes too: a log from before a gap would look like the newest.
        full = full or (not too_many and one is not newest_first[0] and total + one.size > bounds.total_bytes)
        if too_many or full:
            found.append(one.name)
        else:
            total += one.size
    return found[::-1]


class EndedLogs:
    """The logs of ended units, each in a folder of its unit's name.

    One writer at a time; who reads an open file goes on when it is removed. Nothing is found by a name that was not
    kept here, and no link is followed.
    """

    def __init__(self, folder: Path, bounds: Bounds) -> None:
        self.bounds = bounds
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._kept: dict[str, Ended] = {}
        for path in sorted(folder.iterdir()):
            self._take_up(path)
        self._sweep()

    def find(self, name: str, round_id: str = "") -> Ended | None:
        """Return a unit of this name; with a round's id, not one that is known to be of another round."""
        one = self._kept.get(name)
        return one if one is not None and (not round_id or one.round_id in ("", round_id)) else None

    def folder_of(self, one: Ended) -> Path:
        """Return where its log files are, if it has any."""
        return self._folder / one.name

    def keep(self, one: Ended, source: Path | None = None) -> None:
        """Remember an ended unit; of `source`, its folder, only the log stays. Raises OSError.

        Whenever this is interrupted, the folder is either still the unit's, as it was, or here.
        """
        one = replace(one, order=max((each.order for each in self._kept.values()), default=0) + 1)
        place = self._folder / one.name
        if source is None:
            place.mkdir(mode=0o700, exist_ok=True)
            _write_about(place, one)
        else:
            _write_about(source, one)
            self._drop(one.name)
            source.rename(place)
            reached("lc.log.keep.after")
            _strip(place)
        self._kept[one.name] = replace(one, size=_size(place))
        self._sweep()

    def _take_up(self, path: Path) -> None:
        """Read what an earlier LC kept; one that was interrupted has left the unit's description in it."""
        one = _read_about(path)
        if one is None:
            _remove(path)
            return
        _strip(path)
        self._kept[one.name] = replace(one, size=_size(path))

    def _sweep(self) -> None:
        for name in surplus(self._kept.values(), self.bounds):
            self._drop(name)

    def _drop(self, name: str) -> None:
        self._kept.pop(name, None)
        _remove(self._folder / name)


def _write_about(folder: Path, one: Ended) -> None:
    told = {key: value for key, value in asdict(one).items() if key not in ("name", "size")}
    new = folder / f"{_ABOUT}.new"
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    with new.open("w", encoding="utf-8") as file:
        json.dump(told, file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / _ABOUT)


def _read_about(folder: Path) -> Ended | None:
    try:
        told: dict[str, Any] = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        return Ended(folder.name, **told)
    except (OSError, ValueError, TypeError):
        return None


def _strip(folder: Path) -> None:
    """Leave the log and what is known of it: a unit's description may hold what users consider private."""
    for path in folder.iterdir():
        if path.name not in (*_LOGS, _ABOUT) or not stat.S_ISREG(path.lstat().st_mode):
            _remove(path)


def _remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _size(folder: Path) -> int:
    sizes = [path.lstat().st_size for path in folder.iterdir()]
    return _BLOCK + sum(-(-size // _BLOCK) * _BLOCK for size in sizes)
