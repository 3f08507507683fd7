"""A client that takes its time with the head of a request loses its connection, and nobody else notices."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gm.clients.servers import DEADLINE, Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path, "http: {headerSeconds: 1}\n")
    yield server
    server.stop()


@pytest.mark.parametrize("sent", [b"", b"GET /healthz", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_who_sends_the_head_in_drops_is_cut(server: Server, sent: bytes) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=DEADLINE) as wire:
        wire.sendall(sent)
        assert server.http.get("/healthz").text == "ok\n"
        assert wire.recv(1000) == b""
