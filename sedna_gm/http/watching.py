"""A watch as a stream of JSON lines: what there is, what changes, a bookmark now and then, and a clean end.

`collections` opens the store's watch and hands it here; the WSGI server pulls the lines.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sedna_gm.errors import Gone
from sedna_gm.http.answers import dump_json, status_of
from sedna_gm.settings import HttpSettings
from sedna_gm.store.interface import Resource, Watch

Render = Callable[[Resource], Any]


@dataclass(frozen=True)
class Wish:
    """What the client of a watch asked for."""

    seconds: float
    bookmarks: bool
    render: Render
    bookmark: Callable[[int], Any]
    """The object of a bookmark at a revision."""
    hung_up: Callable[[], bool]


def patience(asked: int | None, settings: HttpSettings) -> float:
    """How long a watch lasts, in seconds; chance keeps a thousand watches from ending all at once."""
    if asked:
        return float(asked)
    return settings.watch_seconds * (1 + random.random())  # noqa: S311 - nobody gains from guessing it


def lines(watch: Watch, present: Sequence[Resource], wish: Wish, settings: HttpSettings) -> Iterator[bytes]:
    """The stream. `present` is told first, as ADDED, for a client that did not say since when it knows."""
    # Nothing at all still makes the server send the headers, for which clients wait.
    yield b""
    for resource in present:
        yield _line("ADDED", wish.render(resource))
    try:
        yield from _changes(watch, wish, settings)
    except Gone as gone:
        yield _line("ERROR", status_of(gone))
        return
    # The last word lets the client go on exactly here, even with a server that has just been started again.
    if wish.bookmarks:
        yield _line("BOOKMARK", wish.bookmark(watch.revision))


def _changes(watch: Watch, wish: Wish, settings: HttpSettings) -> Iterator[bytes]:
    end = time.monotonic() + wish.seconds
    next_bookmark = time.monotonic() + settings.bookmark_seconds
    while not watch.closed and (now := time.monotonic()) < end:
        for change in watch.wait(min(settings.look_up_seconds, end - now, max(0.0, next_bookmark - now))):
            yield _line(change.type.value, wish.render(change.resource))
        if wish.hung_up():
            return
        if time.monotonic() >= next_bookmark:
            next_bookmark = time.monotonic() + settings.bookmark_seconds
            if wish.bookmarks:
                yield _line("BOOKMARK", wish.bookmark(watch.revision))


def _line(event: str, thing: Any) -> bytes:
    return dump_json({"type": event, "object": thing}) + b"\n"
