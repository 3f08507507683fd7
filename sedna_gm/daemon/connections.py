"""Connections, with a greenlet only while there is something to do.

A LocalController holds four streams that say nothing for minutes, and one line that is silent from heartbeat to
heartbeat. A greenlet for each, with its stack and the request it once began with, is what thousands of nodes would cost
the most. So a connection is kept as an entry: by `Keeper`, which asks streams that have called or whose time has come,
and begins a greenlet when a client sends its next request. `conversing` is what is said on them.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import time
from collections.abc import Callable
from typing import Any

from gevent import Greenlet, get_hub, getcurrent, spawn
from gevent.event import Event
from gunicorn import util

from sedna_gm.daemon.repeating import Repeat
from sedna_gm.http.streams import Stream

logger = logging.getLogger(__name__)

_READABLE = 1


class Connection:
    """One client's socket, and what is left to do when it is closed."""

    __slots__ = (
        "_leave",
        "address",
        "chunked",
        "client",
        "ends",
        "parser",
        "reminder",
        "repeat",
        "seen",
        "stream",
        "turn",
        "watcher",
    )

    def __init__(self, client: Any, address: Any, parser: Any, leave: Callable[[], None]) -> None:
        self.client = client
        self.address = address
        self.parser = parser
        self._leave: Callable[[], None] | None = leave
        self.stream: Stream | None = None
        self.chunked = False
        """Whether the stream's lines go in chunks (HTTP/1.1)."""
        self.ends = False
        """Whether the connection ends with its stream."""
        self.seen = False
        """Whether the stream has called since it was last asked."""
        self.turn: Greenlet | None = None
        """The greenlet that tells what the stream has to say, while there is one."""
        self.watcher: Any = None
        """What waits for the next request, while nothing else goes on."""
        self.repeat: Repeat | None = None
        """The last request, where it is known when it comes again."""
        self.reminder: float | None = None
        """When it is looked at next; a later wish waits for that."""

    def close(self) -> None:
        """Close the socket and give everything back; once."""
        leave, self._leave = self._leave, None
        if leave is None:
            return
        self.rest(None)
        stream, self.stream = self.stream, None
        try:
            if stream is not None:
                stream.close()
        finally:
            util.close(self.client)
            leave()

    def rest(self, watcher: Any) -> None:
        """Have `watcher` wait for the next request, in place of the one before."""
        if self.watcher is not None:
            self.watcher.stop()
            self.watcher.close()
        self.watcher = watcher


class Keeper:
    """Keeps connections that rest. Everything happens in the loop of one thread, but for the calls of streams."""

    def __init__(
        self,
        converse: Callable[[Connection], None],
        idle_seconds: float,
        begin: Callable[..., Greenlet],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`converse` answers what a client sends next; `begin` starts a greenlet that is waited for at the end."""
        self._converse = converse
        self._idle_seconds = idle_seconds
        self._begin = begin
        self._monotonic = monotonic
        self._loop = get_hub().loop
        self._streams: set[Connection] = set()
        self._idle: dict[Connection, float] = {}
        self._due: list[tuple[float, int, Connection]] = []
        self._numbers = itertools.count()
        self._sooner = Event()
        self._stopped = False
        self._clock = spawn(self._look)

    def keep_idle(self, connection: Connection) -> None:
        """Wait for the next request of a client, so long and not longer."""
        if self._stopped:
            connection.close()
            return
        watcher = self._loop.io(connection.client.fileno(), _READABLE)
        connection.rest(watcher)
        self._idle[connection] = until = self._monotonic() + self._idle_seconds
        self._remind(until, connection)
        watcher.start(self._next_request, connection)

    def keep_stream(self, connection: Connection, stream: Stream, *, chunked: bool, ends: bool) -> None:
        """Tell a client what its stream has to say, from now on."""
        connection.stream, connection.chunked, connection.ends = stream, chunked, ends
        self._streams.add(connection)
        # In the calling greenlet: what there is already may be long, and nothing else is to be done by it.
        connection.seen, connection.turn = True, getcurrent()
        stream.subscribe(lambda: self._called(connection))
        self._tell(connection, [])

    def stop(self) -> None:
        """Close what waits; have every stream say its last word. The greenlets for that are begun before it returns."""
        self._stopped = True
        self._clock.kill()
        for connection in list(self._idle):
            del self._idle[connection]
            connection.close()
        for connection in list(self._streams):
            connection.seen = True
            self._take_turn(connection)

    def _next_request(self, connection: Connection) -> None:
        # In the loop itself, where nothing may wait.
        if self._idle.pop(connection, None) is not None:
            connection.rest(None)
            self._begin(self._converse, connection)

    def _called(self, connection: Connection) -> None:
        """By a stream, in whichever thread has made the news."""
        if not connection.seen:
            connection.seen = True
            self._loop.run_callback_threadsafe(self._take_turn, connection)

    def _take_turn(self, connection: Connection) -> None:
        if connection.turn is None and connection in self._streams:
            connection.turn = self._begin(self._tell, connection, [])

    def _tell(self, connection: Connection, pieces: list[bytes]) -> None:
        """Say these pieces, and what there is to say besides. Only one greenlet does so for a connection."""
        try:
            for piece in pieces:
                util.write(connection.client, piece, connection.chunked)
            while connection.seen and not _of(connection).over:
                connection.seen = False
                for piece in _of(connection).take():
                    util.write(connection.client, piece, connection.chunked)
            if _of(connection).over:
                self._end(connection)
            else:
                connection.turn = None
                self._remind(_of(connection).due, connection)
        except OSError as problem:
            logger.debug("A stream to %s has ended: %s.", connection.address, problem)
            self._drop(connection)
        except BaseException as problem:
            if isinstance(problem, Exception):
                logger.exception("A stream was ended; this is a bug.")
            self._drop(connection)

    def _end(self, connection: Connection) -> None:
        if connection.chunked:
            util.write_chunk(connection.client, b"")
        if connection.ends or self._stopped:
            self._drop(connection)
            return
        self._streams.discard(connection)
        stream, connection.stream, connection.turn = _of(connection), None, None
        stream.close()
        self.keep_idle(connection)

    def _drop(self, connection: Connection) -> None:
        self._streams.discard(connection)
        connection.close()

    def _remind(self, moment: float, connection: Connection) -> None:
        if connection.reminder is not None and connection.reminder <= moment:
            return
        connection.reminder = moment
        heapq.heappush(self._due, (moment, next(self._numbers), connection))
        if self._due[0][0] == moment:
            self._sooner.set()

    def _look(self) -> None:
        """For ever: those whose time has come."""
        while True:
            self._sooner.wait(max(0.0, self._due[0][0] - self._monotonic()) if self._due else None)
            self._sooner.clear()
            now = self._monotonic()
            while self._due and self._due[0][0] <= now:
                moment, _, connection = heapq.heappop(self._due)
                if connection.reminder == moment:
                    connection.reminder = None
                    try:
                        self._come(connection, now)
                    except Exception:
                        # All others wait for this loop, too.
                        logger.exception("A connection could not be looked after; this is a bug.")

    def _come(self, connection: Connection, now: float) -> None:
        if connection in self._streams:
            # One that has a greenlet has said by then what there was.
            if connection.turn is None:
                self._ask(connection)
        elif (until := self._idle.get(connection)) is not None:
            if until > now:
                self._remind(until, connection)
            else:
                del self._idle[connection]
                connection.close()

    def _ask(self, connection: Connection) -> None:
        """Hear what a stream has to say: nothing, most times, and no greenlet is begun for that."""
        try:
            pieces = list(_of(connection).take())
        except Exception:
            logger.exception("A stream was ended; this is a bug.")
            self._drop(connection)
            return
        if pieces or _of(connection).over:
            connection.turn = self._begin(self._tell, connection, pieces)
        else:
            self._remind(_of(connection).due, connection)


def _of(connection: Connection) -> Stream:
    stream = connection.stream
    assert stream is not None  # noqa: S101 - for the type checker; it has one as long as it is among the streams
    return stream
