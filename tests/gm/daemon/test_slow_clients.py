"""A client that takes its time with the head of a request loses its connection, and nobody else notices.

Nor does anybody notice one address that opens more connections than it may.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic

import pytest
from click.testing import CliRunner

from sedna_gm.daemon.main import main
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


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path, "http: {headerSeconds: 3600, maxConnections: 20}\n")
    yield server
    server.stop()


def knock(server: Server, whence: str) -> socket.socket:
    """A connection from an address of ours, with a head that has no end yet."""
    host, port = server.url.removeprefix("http://").split(":")
    wire = socket.create_connection((host, int(port)), timeout=DEADLINE, source_address=(whence, 0))
    with suppress(ConnectionError):
        wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
    return wire


def is_let_in(wire: socket.socket) -> bool:
    """Ends the head; whether the server answers instead of having closed the connection."""
    try:
        wire.sendall(b"\r\n")
        return wire.recv(1000).startswith(b"HTTP/1.1 200")
    except ConnectionError:
        return False


def test_one_address_holds_its_own_places_only_and_may_come_again(crowded: Server) -> None:
    with ExitStack() as wires:
        hostile = [wires.enter_context(knock(crowded, "127.0.0.2")) for _ in range(60)]
        # Nobody has waited for a place that is not theirs.
        assert crowded.http.get("/healthz").text == "ok\n"
        assert [is_let_in(wire) for wire in hostile] == [True] * 6 + [False] * 54
        assert "127.0.0.2 holds 6 connections" in crowded.said("maxConnectionsPerAddress")
        assert crowded.http.get("/healthz").text == "ok\n"
    assert sum("maxConnectionsPerAddress" in line for line in crowded.journal) == 1
    # The server hears of the ends in its own time.
    end = monotonic() + DEADLINE
    with ExitStack() as wires:
        held = 0
        while held < 6:
            assert monotonic() < end
            held += is_let_in(wires.enter_context(knock(crowded, "127.0.0.2")))


def test_a_handshake_that_never_comes_takes_the_places_of_its_own_address_only(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    made = CliRunner().invoke(main, ["certificates", "create", "--folder", str(folder), "--name", "127.0.0.1"])
    assert made.exit_code == 0, made.output
    server = Server(
        tmp_path,
        f"http: {{maxConnections: 20}}\ntls: {{certificate: {folder / 'gm.crt'}, key: {folder / 'gm.key'}}}\n",
    )
    trust = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    host, port = server.url.removeprefix("https://").split(":")
    try:
        with ExitStack() as wires:
            for _ in range(60):
                whence = ("127.0.0.2", 0)
                wires.enter_context(socket.create_connection((host, int(port)), DEADLINE, source_address=whence))
            wire = wires.enter_context(socket.create_connection((host, int(port)), DEADLINE))
            with trust.wrap_socket(wire, server_hostname=host) as secured:
                secured.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert secured.recv(1000).startswith(b"HTTP/1.1 200")
            assert "127.0.0.2 holds 6 connections" in server.said("maxConnectionsPerAddress")
    finally:
        server.stop()
