"""A watch as a stream of JSON lines: what there is, what changes, a bookmark now and then, and a clean end.

`collections` opens the store's watch and hands it here; `streams` has the lines taken out.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sedna.api.meta import INITIAL_EVENTS_END
from sedna_gm.errors import Gone
from sedna_gm.http.answers import dump_json, status_of
from sedna_gm.http.streams import Stream
from sedna_gm.settings import HttpSettings
from sedna_gm.store.interface import Resource, Watch

Render = Callable[[Resource], Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the client of a watch asked for."""

    seconds: float
    bookmarks: bool
    render: Render
    bookmark: Callable[[int], Any]
    """The object of a bookmark at a revision."""
    hung_up: Callable[[], bool]
    whole: Any = None
    """The bookmark that says that all has been told there was; None for clients that did not ask for it."""


def marked(bookmark: dict[str, Any]) -> dict[str, Any]:
    """A bookmark with Kubernetes' mark for the end of what there was when the watch began."""
    return {**bookmark, "metadata": {**bookmark["metadata"], "annotations": {INITIAL_EVENTS_END: "true"}}}


def patience(asked: int | None, settings: HttpSettings) -> float:
    """How long a watch lasts, in seconds; chance keeps a thousand watches from ending all at once."""
    if asked:
        return float(asked)
    return settings.watch_seconds * (1 + random.random())  # noqa: S311 - nobody gains from guessing it


class WatchStream(Stream):
    """One client's watch. `present` is told first, as ADDED, for a client that did not say since when it knows."""

    def __init__(
        self,
        watch: Watch,
        present: Sequence[Resource],
        wish: Wish,
        settings: HttpSettings,
        leave: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`leave` is called at the end, when the watch is closed."""
        self._watch = watch
        self._present = present
        self._whole = wish.whole
        self._wish = wish
        self._settings = settings
        self._leave = leave
        self._monotonic = monotonic
        self._looked = monotonic()
        self._end = self._looked + wish.seconds
        self._next_bookmark = self._looked + settings.bookmark_seconds

    def take(self) -> Iterator[bytes]:
        """See `Stream.take`."""
        present, self._present = self._present, ()
        for resource in present:
            yield _line("ADDED", self._wish.render(resource))
        whole, self._whole = self._whole, None
        if whole is not None:
            yield _line("BOOKMARK", whole)
        try:
            changes = self._watch.read()
        except Gone as gone:
            self.over = True
            yield _line("ERROR", status_of(gone))
            return
        for change in changes:
            yield _line(change.type.value, self._wish.render(change.resource))
        self._looked = now = self._monotonic()
        if self._wish.hung_up():
            self.over = True
            return
        # The last word lets the client go on exactly here, even with a server that has just been started again.
        self.over = self._watch.closed or now >= self._end
        if self._wish.bookmarks and (self.over or now >= self._next_bookmark):
            yield _line("BOOKMARK", self._wish.bookmark(self._watch.revision))
        if now >= self._next_bookmark:
            self._next_bookmark = now + self._settings.bookmark_seconds

    @property
    def due(self) -> float:
        """See `Stream.due`: to see whether the client has gone, or for a bookmark, or for the end."""
        return min(self._looked + self._settings.look_up_seconds, self._end, self._next_bookmark)

    def subscribe(self, listener: Callable[[], None]) -> None:
        """See `Stream.subscribe`."""
        self._watch.subscribe(listener)

    def close(self) -> None:
        """See `Stream.close`."""
        self._watch.close()
        self._leave()


def _line(event: str, thing: Any) -> bytes:
    return dump_json({"type": event, "object": thing}) + b"\n"
