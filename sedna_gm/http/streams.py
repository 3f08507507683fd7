"""Answers that last: what a stream has to say is asked of it, so nobody has to wait beside it.

A `Stream` tells its lines when it is asked, and calls whoever listens when there is something to ask for. Ten thousand
of them need no thread each: the server that offers to (`environ[KEEPER]`) keeps them with their connections and asks
those that have called, or whose time has come. Every other WSGI server gets the lines from an iterator that waits.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

from flask import Response, request

from sedna_gm.http.media import JSON

KEEPER = "sedna.keeper"
"""In the environ: a function that takes a Stream over once the response's own pieces are sent."""


class Stream(ABC):
    """Lines for one client, in the order in which they are taken. Not for several threads at once."""

    over = False
    """Whether everything was said."""

    @abstractmethod
    def take(self) -> Iterator[bytes]:
        """What there is to say by now; nothing, most times. It may set `over`."""

    @property
    @abstractmethod
    def due(self) -> float:
        """When it wants to be asked again at the latest, by `time.monotonic`, whether it has called or not."""

    @abstractmethod
    def subscribe(self, listener: Callable[[], None]) -> None:
        """Calls `listener`, from any thread and at once, when there may be something to say."""

    @abstractmethod
    def close(self) -> None:
        """Gives back what it holds. Once."""


def answer(stream: Stream) -> Response:
    """The response of a stream: kept by the server where it can, else an iterator that waits."""
    keep: Callable[[Stream], None] | None = request.environ.get(KEEPER)
    if keep is not None and request.method == "GET":
        keep(stream)
        # Nothing at all still makes the server send the headers, for which clients wait. A list would have a length.
        return Response(iter([b""]), mimetype=JSON)
    response = Response(lines(stream), mimetype=JSON)
    response.call_on_close(stream.close)
    return response


def lines(stream: Stream) -> Iterator[bytes]:
    """The stream as an iterator that waits between its lines."""
    called = threading.Event()
    stream.subscribe(called.set)
    yield b""
    while True:
        called.clear()
        yield from stream.take()
        if stream.over:
            return
        called.wait(max(0.0, stream.due - time.monotonic()))
