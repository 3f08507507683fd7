"""The hard examples of one worker, a page at a time. The I/O is the folder.

What it costs: every page asks for the names in the folder, and for the times of those files that are new (100,000
files: about a second at first, a third after that). Files are opened for what is shown only: a page by time opens its
own pictures, a page by value or diversity the newest LOOKED_AT once, and what was read is remembered by inode, time and
size. Only the folder itself is listed, not what lies below; no link is followed.
"""

from __future__ import annotations

import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from sedna_lc.errors import Never
from sedna_lc.hard_examples import Saved, opened
from sedna_lc.labelling.headers import MOST_HEADER, size_of
from sedna_lc.labelling.ranking import by_value, diverse, value
from sedna_lc.labelling.side_files import MOST_SIDE, boxes_of
from sedna_lc.labelling.values import Example, Found, SeenBox, split_picture

Sort = Literal["value", "time", "diverse"]
# The newest so many are weighed by value and diversity.
LOOKED_AT = 5_000
MOST_ITEMS = 500
_FOLDERS_REMEMBERED = 8


@dataclass(frozen=True)
class Page:
    """Some examples, how many there are in all, and where the next page begins (None: this was the last)."""

    items: tuple[Example, ...]
    total: int
    after: str | None

    def dump(self) -> dict[str, Any]:
        """Return the form of the API."""
        return {"items": [one.dump() for one in self.items], "total": self.total, "continue": self.after}


class Listing:
    """Looks at folders, and remembers what it has read. Safe to call from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[str, dict[str, tuple[tuple[Any, ...], Example]]] = OrderedDict()

    def page(self, own: Saved, sort: Sort, limit: int, after: str | None) -> Page:
        """Return one page of a folder; an empty one where there is none yet. Raises Never, OSError."""
        limit = max(1, min(limit, MOST_ITEMS))
        try:
            with opened(own) as top:
                found = newest_first(_found(top))
                look = self._looker(str(own.folder), top)
                if sort == "time":
                    rest = found if after is None else [one for one in found if _time_key(one) > _time_of(after)]
                    items, more = list(map(look, rest[:limit])), len(rest) > limit
                    return Page(tuple(items), len(found), _text(*_time_key(items[-1].found)) if more else None)
                start = _number(after)
                examples = list(map(look, found[:LOOKED_AT]))
        except FileNotFoundError:
            return Page((), 0, None)
        ranked = by_value(examples) if sort == "value" else diverse(examples, start + limit + 1)
        items, more = ranked[start : start + limit], len(ranked) > start + limit
        return Page(tuple(items), len(found), str(start + limit) if more else None)

    def find(self, own: Saved, name: str) -> Example | None:
        """Return one example; None where the folder holds no picture of this name. Raises OSError."""
        try:
            with opened(own) as top:
                one = next((one for one in _found(top) if one.name == name), None)
                return None if one is None else self._looker(str(own.folder), top)(one)
        except FileNotFoundError:
            return None

    def _looker(self, folder: str, top: int) -> Callable[[Found], Example]:
        with self._lock:
            known = self._known.setdefault(folder, {})
            self._known.move_to_end(folder)
            while len(self._known) > _FOLDERS_REMEMBERED:
                self._known.popitem(last=False)

        def look(found: Found) -> Example:
            kept = known.get(found.name)
            if kept is not None and kept[0] == found.signature:
                return kept[1]
            example = _look(top, found)
            if len(known) >= 2 * LOOKED_AT:
                known.clear()
            known[found.name] = (found.signature, example)
            return example

        return look


def newest_first(found: Iterable[Found]) -> list[Found]:
    """Return pictures in the order of their times, the newest first."""
    return sorted(found, key=_time_key)


def read(top: int, name: str, most: int, refuse: Callable[[int], None] | None = None) -> bytes:
    """Return up to so many bytes of a plain file of the folder; `refuse` judges it when it is open.

    Raises OSError, also for a link or a pipe.
    """
    # Without O_NONBLOCK a pipe would be waited for.
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=top)
    with os.fdopen(file, "rb") as opened_file:
        if not stat.S_ISREG(os.fstat(opened_file.fileno()).st_mode):
            raise OSError(f"{name} is no plain file")
        if refuse is not None:
            refuse(opened_file.fileno())
        return opened_file.read(most)


def _found(top: int) -> list[Found]:
    pictures: dict[str, Found] = {}
    sides: dict[str, tuple[int, int, int]] = {}
    with os.scandir(top) as entries:
        for entry in entries:
            name, _, ending = entry.name.rpartition(".")
            split = split_picture(entry.name)
            if split is None and ending != "json":
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                # The worker keeps only so many.
                continue
            if not stat.S_ISREG(status.st_mode):
                continue
            if split is None:
                sides[name] = (status.st_ino, status.st_mtime_ns, status.st_size)
            elif name not in pictures or entry.name < pictures[name].picture:
                pictures[name] = Found(name, entry.name, status.st_ino, status.st_mtime_ns, status.st_size)
    return [
        Found(one.name, one.picture, one.inode, one.modified_ns, one.size, sides.get(one.name))
        for one in pictures.values()
    ]


def _look(top: int, found: Found) -> Example:
    # A file that has gone or cannot be read costs what it would have told, never the list.
    try:
        size = size_of(read(top, found.picture, MOST_HEADER))
    except OSError:
        size = None
    boxes: tuple[SeenBox, ...] = ()
    if found.side is not None and found.side[2] <= MOST_SIDE:
        try:
            boxes = boxes_of(read(top, f"{found.name}.json", MOST_SIDE + 1))
        except OSError:
            boxes = ()
    width, height = size or (None, None)
    return Example(found, width, height, boxes, value(boxes))


def _time_key(found: Found) -> tuple[int, str]:
    return -found.modified_ns, found.name


def _text(time: int, name: str) -> str:
    return f"{-time}:{name}"


def _time_of(after: str) -> tuple[int, str]:
    time, _, name = after.partition(":")
    return -_number(time), name


def _number(text: str | None) -> int:
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 25):
        raise Never("BadContinue", f"{text[:40]!r} is no place where a page may begin: ask from the beginning again.")
    return int(text)
