"""Connections of one simulated LocalController: for requests that end, and for answers that do not.

`fleets` makes thousands of both in one process, so they hold nothing but what was last heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

SECONDS = 60.0
"""So long an answer, or its beginning, is waited for."""


class Answer(asyncio.Protocol):
    """One connection for requests that end."""

    def __init__(self) -> None:
        self._data = b""
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    @property
    def is_open(self) -> bool:
        """Whether another request may go this way."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, one: bytes) -> tuple[int, bytes]:
        """Return code and body. Raises OSError or TimeoutError."""
        assert self._transport is not None
        self._data, self._waiting = b"", asyncio.get_running_loop().create_future()
        self._transport.write(one)
        return await asyncio.wait_for(self._waiting, SECONDS)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, mark, body = self._data.partition(b"\r\n\r\n")
        if not mark or self._waiting is None:
            return
        length = next(int(x.split(b":")[1]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length"))
        if len(body) >= length and not self._waiting.done():
            self._waiting.set_result((int(head.split(None, 2)[1]), body))

    def connection_lost(self, problem: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(problem or ConnectionResetError("the GlobalManager has hung up"))

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


class Stream(asyncio.Protocol):
    """One answer without end; `ended` is set when it has one all the same."""

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        self._heard = heard
        self._head = b""
        loop = asyncio.get_running_loop()
        self.code: asyncio.Future[int] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self.code.done():
            self._heard(data)
            return
        self._head += data
        head, mark, rest = self._head.partition(b"\r\n\r\n")
        if mark:
            self.code.set_result(int(head.split(None, 2)[1]))
            self._head = b""
            if rest:
                self._heard(rest)

    def connection_lost(self, problem: Exception | None) -> None:
        if not self.code.done():
            self.code.set_exception(problem or ConnectionResetError("the GlobalManager has hung up"))
            # Nobody may be waiting for it any more.
            self.code.exception()
        if not self.ended.done():
            self.ended.set_result(None)
