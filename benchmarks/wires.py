"""HTTP/1.1 with as little of a client as there can be: requests are made beforehand, of answers the length is read.

A client that parses and validates would take more of the machine than the service that is measured.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

MERGE_PATCH = "application/merge-patch+json"


def request(method: str, path: str, body: Any = None, media: str = "application/json") -> bytes:
    """Return one request, ready to be sent."""
    content = b"" if body is None else json.dumps(body).encode()
    head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json"]
    if body is not None:
        head += [f"Content-Type: {media}", f"Content-Length: {len(content)}"]
    return "\r\n".join([*head, "", ""]).encode() + content


class Wire:
    """One connection that stays open; for one thread."""

    def __init__(self, server: str) -> None:
        parts = urlsplit(server)
        self._socket = socket.create_connection((str(parts.hostname), int(parts.port or 80)), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def ask(self, one: bytes) -> tuple[int, bytes]:
        """Send a request; return the code of its answer and its body, which must say its length."""
        self._socket.sendall(one)
        head, _, rest = self._until(b"\r\n\r\n").partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-l"))
        while len(rest) < length:
            rest += self._more()
        self._rest = rest[length:]
        return int(head.split(None, 2)[1]), rest[:length]

    def _until(self, mark: bytes) -> bytes:
        found = self._rest
        while mark not in found:
            found += self._more()
        return found

    def _more(self) -> bytes:
        data = self._socket.recv(1 << 16)
        if not data:
            raise ConnectionError("the GlobalManager has hung up")
        return data

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def ask_all(server: str, requests: Sequence[bytes], connections: int, wanted: int) -> list[float]:
    """Send requests over several connections at once; return how many seconds each took.

    Raises AssertionError for an answer with another code than the one wanted.
    """
    taken: list[float] = []
    problems: list[str] = []

    def work(mine: Sequence[bytes]) -> None:
        wire = Wire(server)
        try:
            for one in mine:
                begun = time.perf_counter()
                code, body = wire.ask(one)
                taken.append(time.perf_counter() - begun)
                if code != wanted:
                    problems.append(f"{code}: {body[:500].decode(errors='replace')}")
                    return
        except OSError as problem:
            problems.append(str(problem))
        finally:
            wire.close()

    threads = [threading.Thread(target=work, args=(requests[begin::connections],)) for begin in range(connections)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not problems, problems[0]
    return taken
