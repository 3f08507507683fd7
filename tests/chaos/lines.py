"""A line between a node and the GlobalManager that can be cut, be slow, and deliver again what it delivered before."""

from __future__ import annotations

import collections
import contextlib
import random
import re
import socket
import threading

from tests.end_to_end.links import UP, Link

_LENGTH = re.compile(rb"^content-length: *(\d+)", re.IGNORECASE | re.MULTILINE)
# Whatever is longer is no status, and is not kept to be delivered again.
_LONGEST = 1 << 16
_KEPT = 20


class Line(Link):
    """`slow_by` delays every piece by so many seconds; `again` delivers one of the last statuses once more."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.slow_by = 0.0
        self._pause = threading.Event()
        self._told: collections.deque[bytes] = collections.deque(maxlen=_KEPT)
        self._readers: dict[int, _Reader] = {}
        super().__init__(target)

    def _carry(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        reader = _Reader(self._told) if direction == UP else None
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 14):
                if self.slow_by:
                    self._pause.wait(self.slow_by)
                if reader is not None:
                    reader.read(data)
                sink.sendall(data[: self._count(len(data), direction)])
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def again(self, chance: random.Random) -> bool:
        """Deliver an old status again, out of its order; False when there is none yet."""
        if not self._told:
            return False
        request = chance.choice(list(self._told))
        with contextlib.suppress(OSError), socket.create_connection(self._target, timeout=5) as again:
            again.sendall(request)
            again.recv(1 << 12)
        return True


class _Reader:
    """Finds the whole PATCH requests in what one connection sends."""

    def __init__(self, told: collections.deque[bytes]) -> None:
        self._told = told
        self._begun = b""
        self._lost = False

    def read(self, data: bytes) -> None:
        if self._lost:
            return
        self._begun += data
        while b"\r\n\r\n" in self._begun:
            head, _, rest = self._begun.partition(b"\r\n\r\n")
            found = _LENGTH.search(head)
            size = int(found[1]) if found else 0
            if size > _LONGEST or b"chunked" in head.lower():
                # From here on it is not known where a request begins.
                self._lost = True
                return
            if len(rest) < size:
                return
            if head.startswith(b"PATCH") and b"/status" in head.split(b"\r\n", 1)[0]:
                self._told.append(head + b"\r\n\r\n" + rest[:size])
            self._begun = rest[size:]
