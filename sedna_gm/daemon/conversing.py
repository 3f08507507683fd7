"""HTTP on one connection: a request is read and answered, and the next one, until the client rests or hangs up.

What gunicorn's own loop does, but that a connection without a request is given to its keeper, and with it a response
that lasts (`sedna_gm.http.streams`). gunicorn parses and writes; `serving` puts the parts together.
"""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from gevent import Timeout
from gunicorn.http import wsgi
from gunicorn.http.errors import NoMoreData
from gunicorn.http.parser import RequestParser

from sedna_gm.daemon.answering import Answer
from sedna_gm.daemon.connections import Connection, Keeper
from sedna_gm.daemon.repeating import Ear, Repeat
from sedna_gm.http.callers import keep_probing
from sedna_gm.http.repeats import REPEATS, Again
from sedna_gm.http.streams import KEEPER, Stream

logger = logging.getLogger(__name__)

# How connections end that nobody closed in order.
_CUT = {errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH}


class Conversations:
    """Serves what `accepting` lets in."""

    def __init__(self, worker: Any, listener_name: Any, begin: Callable[..., Any]) -> None:
        """`worker` is gunicorn's: the application, the configuration and the sentences about errors are its own."""
        self._worker = worker
        self._listener_name = listener_name
        self._seconds: float = worker.cfg.keepalive
        self.keeper = Keeper(self._hear, self._seconds, begin)

    def serve(self, client: Any, address: Any, leave: Callable[[], None]) -> None:
        """Answer a client that has just come. `leave` is called when its connection is closed, perhaps much later."""
        client.setblocking(1)
        keep_probing(client)
        parser = RequestParser(self._worker.cfg, client, address)
        parser.unreader = Ear(client)
        self._go_on(Connection(client, address, parser, leave))

    def _hear(self, connection: Connection) -> None:
        """Answer a client that has rested: at once, where it says what it said before (`sedna_gm.http.repeats`)."""
        ear, heard, handed_on = connection.parser.unreader, b"", False
        try:
            with Timeout(self._seconds, False):
                heard = ear.listen(connection.repeat)
            if heard and connection.repeat is not None and connection.repeat.knows(heard):
                connection.client.sendall(connection.repeat.sent())
                if self._worker.alive and not _has_more(connection):
                    self.keeper.keep_idle(connection)
                    handed_on = True
            elif heard:
                ear.unread(heard)
                connection.repeat = None
                handed_on = True
                self._go_on(connection)
        except OSError as problem:
            logger.debug("The connection of %s has ended: %s.", connection.address, problem)
        finally:
            # However this ends, somebody has the connection.
            if not handed_on:
                connection.close()

    def _go_on(self, connection: Connection) -> None:
        """Answer what comes until nothing does; then the connection is the keeper's, or closed."""
        request, kept, known, count = None, False, list[Again](), 0
        try:
            while not kept:
                request = None
                with Timeout(self._seconds, False):
                    request = next(connection.parser)
                if request is None:
                    break
                count += 1
                response, connection.stream = self._answer(connection, request, known)
                ends = response.should_close() or not self._settled(connection)
                if connection.stream is not None:
                    # A client that has sent the next request already sends it again on another line.
                    ends = ends or _has_more(connection)
                    self.keeper.keep_stream(connection, connection.stream, chunked=response.chunked, ends=ends)
                    kept = True
                elif ends:
                    break
                elif not _has_more(connection):
                    if known and count == 1 and response.whole and (heard := connection.parser.unreader.whole):
                        connection.repeat = Repeat(heard, response.whole, known[0])
                    self.keeper.keep_idle(connection)
                    kept = True
        except (NoMoreData, StopIteration):
            logger.debug("%s has hung up.", connection.address)
        except OSError as problem:
            if problem.errno in _CUT or isinstance(problem, ConnectionError | TimeoutError):
                logger.debug("The connection of %s has ended: %s.", connection.address, problem)
            elif not kept and request is None:
                logger.debug("%s says nothing that could be read: %s.", connection.address, problem)
            else:
                logger.exception("A request was not answered to its end.")
        except Exception as problem:  # noqa: BLE001 - gunicorn sorts them, answers and tells
            if connection.stream is None:
                self._worker.handle_error(request, connection.client, connection.address, problem)
            else:
                logger.debug("The request of a stream to %s is broken: %s.", connection.address, problem)
        finally:
            if not kept:
                connection.close()

    def _answer(self, connection: Connection, request: Any, known: list[Again]) -> tuple[Answer, Stream | None]:
        """Send the answer; return it, and what it goes on with, if it lasts. `known` gets what does the same again."""
        begun = datetime.now()  # noqa: DTZ005 - only the difference counts
        client, lasting = connection.client, list[Stream]()
        pieces: Any = None
        cfg = self._worker.cfg
        response, environ = wsgi.create(request, client, connection.address, self._listener_name, cfg, Answer)
        environ["wsgi.multithread"] = True
        environ[KEEPER], environ[REPEATS] = lasting.append, known.append
        if not self._worker.alive:
            response.force_close()
        try:
            pieces = self._worker.wsgi(environ, response.start_response)
            if isinstance(pieces, environ["wsgi.file_wrapper"]):
                response.write_file(pieces)
            else:
                for piece in pieces:
                    response.write(piece)
                    if not piece:
                        response.flush()
            if lasting and response.status_code == 200:
                return response, lasting.pop()
            response.close()
            return response, None
        except Exception as problem:
            if not response.headers_sent or isinstance(problem, OSError):
                raise
            # A second status line in the midst of an answer would be taken for a part of it.
            logger.exception("An answer broke off; this is a bug.")
            raise ConnectionAbortedError(str(problem)) from problem
        finally:
            self._worker.log.access(response, request, environ, datetime.now() - begun)  # noqa: DTZ005
            for stream in lasting:
                stream.close()
            if pieces is not None and hasattr(pieces, "close"):
                pieces.close()

    def _settled(self, connection: Connection) -> bool:
        """Read what is left of a request, so that the next one begins where it ends; False where that takes long."""
        parser = connection.parser
        if not parser.finish_body(time.monotonic() + self._seconds):
            return False
        # All that the parser knows of it; it would be kept as long as the connection.
        parser.mesg = None
        return True


def _has_more(connection: Connection) -> bool:
    """Whether bytes of the next request have been read from the socket, which will not become readable for them."""
    if connection.parser.unreader.buf.getbuffer().nbytes:
        return True
    pending = getattr(connection.client, "pending", None)
    return pending is not None and bool(pending())
