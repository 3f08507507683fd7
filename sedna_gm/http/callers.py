"""Whether the one at the other end is still there: who waits for our answer, or sends us a body.

A stream that has nothing to say, or nothing to read, would otherwise keep its place for ever after its client has gone.
"""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

# A line on which nobody is found for so long is taken for cut.
_LOST_SECONDS = 60

# In the kernel's struct tcp_info the state is the first byte, and this is the state of a connection nobody has ended
# (net/tcp_states.h).
_ESTABLISHED = 1


@contextlib.contextmanager
def patience(environ: Mapping[str, Any], seconds: float) -> Iterator[None]:
    """Inside, reading from a caller that is silent for so long raises TimeoutError; not where no socket is shown."""
    connection = environ.get("gunicorn.socket")
    if not isinstance(connection, socket.socket):
        yield
        return
    before = connection.gettimeout()
    connection.settimeout(seconds)
    try:
        yield
    finally:
        # It may have been closed meanwhile.
        with contextlib.suppress(OSError):
            connection.settimeout(before)


def hung_up(environ: Mapping[str, Any]) -> Callable[[], bool]:
    """A question to ask now and then; always False where the server does not show us its socket."""
    connection = environ.get("gunicorn.socket")
    if not isinstance(connection, socket.socket):
        return lambda: False

    def ask() -> bool:
        with contextlib.suppress(OSError, ValueError):
            if connection.family == socket.AF_UNIX:
                return _says_goodbye(connection)
            # The kernel is asked, and not the bytes: a TLS connection cannot be peeked into, a pipelined request may
            # lie before the end, and gevent's poll() does not know POLLRDHUP.
            return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != _ESTABLISHED
        return True

    return ask


def _says_goodbye(connection: socket.socket) -> bool:
    # Not select(): with more than 1024 connections it fails.
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    readable = poll.poll(0)
    # Readable without a byte to read is how a socket says goodbye. A pipelined request would be bytes.
    return bool(readable) and connection.recv(1, socket.MSG_PEEK) == b""


def keep_probing(connection: Any, seconds: int = _LOST_SECONDS) -> None:
    """Has the system give up a line on which nobody is found, or nobody takes what was sent, for so long.

    Behind a cut line a stream would hold its place for an hour, and who asks and never reads would hold his for ever.
    """
    # It may have been closed meanwhile, or be no line at all.
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, max(1, seconds // 2))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, seconds // 6))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, seconds * 1000)
