"""Connections that rest: kept without a greenlet, heard at once, ended in time, and never lost or served twice."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.gm.clients.servers import Server
from tests.gm.http.doors import BASE, MODELS, model, node

BEAT = f"{BASE}/nodes/edge/heartbeat"


class Line:
    """One connection, byte by byte."""

    def __init__(self, server: Server) -> None:
        host, _, port = server.url.rpartition("//")[2].rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=60)
        self._file = self._socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The next answer: its code, its headers and its body, which must have a length."""
        status = self._file.readline()
        headers = dict(line.decode().strip().split(": ", 1) for line in iter(self._file.readline, b"\r\n"))
        return int(status.split()[1]), headers, self._file.read(int(headers["Content-Length"]))

    def at_end(self) -> bool:
        return self._file.read(1) == b""

    def hang_up(self) -> None:
        """Say nothing more, and go on listening."""
        self._socket.shutdown(socket.SHUT_WR)

    def all(self) -> bytes:
        """What comes until the other side closes."""
        return self._file.read()

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.fixture
def line(standing: Server) -> Iterator[Line]:
    line = Line(standing)
    yield line
    line.close()


def introduce(server: Server) -> None:
    assert server.http.post(f"{BASE}/nodes", json=node()).status_code in (201, 409)


def beats(server: Server) -> float:
    page = server.http.get("/metrics").text
    name = 'sedna_http_requests_total{code="200",method="POST"}'
    return sum(float(row.rsplit(" ", 1)[1]) for row in page.splitlines() if row.startswith(name))


def test_a_heartbeat_that_comes_again_is_counted_and_answered_as_before(standing: Server, line: Line) -> None:
    introduce(standing)
    before, answers = beats(standing), []
    for _ in range(40):
        line.send(request("POST", BEAT, b"{}", Content_Type="application/json"))
        code, headers, body = line.answer()
        assert headers.pop("Date").endswith("GMT")
        answers.append((code, headers, body))
    assert all(one == answers[0] for one in answers)
    assert answers[0][0] == 200
    assert beats(standing) == before + 40


@pytest.mark.parametrize("cut", [1, 40, -2, -1])
def test_a_heartbeat_that_comes_in_two_pieces_is_one(standing: Server, line: Line, cut: int) -> None:
    introduce(standing)
    beat = request("POST", BEAT, b"{}", Content_Type="application/json")
    for _ in range(4):
        line.send(beat[:cut])
        line.send(beat[cut:])
        assert line.answer()[0] == 200


def test_the_heartbeat_of_a_node_that_was_deleted_is_404_at_once(standing: Server, line: Line) -> None:
    introduce(standing)
    beat = request("POST", BEAT, b"{}", Content_Type="application/json")
    for _ in range(3):
        line.send(beat)
        assert line.answer()[0] == 200
    assert standing.http.delete(f"{BASE}/nodes/edge").status_code == 200
    line.send(beat)
    assert line.answer()[0] == 404
    introduce(standing)
    line.send(beat)
    assert line.answer()[0] == 200


def test_another_request_after_a_heartbeat_gets_its_own_answer(standing: Server, line: Line) -> None:
    introduce(standing)
    beat = request("POST", BEAT, b"{}", Content_Type="application/json")
    other = request("GET", f"{BASE}/nodes/edge")
    for sent, key in ((beat, "intervalSeconds"), (other, "metadata"), (beat, "intervalSeconds"), (other, "metadata")):
        line.send(sent)
        code, _, body = line.answer()
        assert (code, key in json.loads(body)) == (200, True)


def test_requests_that_come_at_once_are_all_answered_in_order(standing: Server, line: Line) -> None:
    introduce(standing)
    beat = request("POST", BEAT, b"{}", Content_Type="application/json")
    for _ in range(3):
        line.send(beat + request("GET", "/healthz") + beat)
        assert [line.answer()[2][:2] for _ in range(3)] == [b'{"', b"ok", b'{"']


def test_a_stream_that_ends_leaves_its_line_for_the_next_request(standing: Server, line: Line) -> None:
    line.send(request("GET", f"{MODELS}?watch=1&timeoutSeconds=1"))
    head = b"".join(iter(line._file.readline, b"\r\n"))
    assert b"Transfer-Encoding: chunked" in head
    while line._file.readline() != b"0\r\n":
        line._file.readline()
    assert line._file.readline() == b"\r\n"
    line.send(request("GET", "/healthz"))
    assert line.answer()[2] == b"ok\n"


def test_an_old_client_gets_a_stream_that_ends_with_its_line(standing: Server, line: Line) -> None:
    made = standing.http.post(MODELS, json=model("old-client"))
    assert made.status_code == 201
    line.send(f"GET {MODELS}/old-client?watch=1&timeoutSeconds=1 HTTP/1.0\r\n\r\n".encode())
    assert b"200" in line._file.readline()
    head = b"".join(iter(line._file.readline, b"\r\n"))
    assert b"chunked" not in head
    assert json.loads(line._file.readline())["type"] == "ADDED"
    assert line.at_end()


@pytest.mark.parametrize("rest", [b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"Content-Length: 10\r\n\r\nab"])
def test_a_watch_whose_request_is_broken_gives_its_place_back(tmp_path: Path, rest: bytes) -> None:
    server = Server(tmp_path, "http: {maxWatchesPerClient: 2}\n")
    try:
        for _ in range(3):
            with closing(Line(server)) as line:
                line.send(f"GET {MODELS}?watch=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode() + rest)
                line.hang_up()
                assert re.findall(rb"HTTP/1.1 [^\r]*", line.all()) == [b"HTTP/1.1 200 OK"]
    finally:
        server.stop()


def test_a_head_request_of_a_watch_has_no_lines(standing: Server, line: Line) -> None:
    line.send(request("HEAD", f"{MODELS}?watch=1&timeoutSeconds=1"))
    assert b"200" in line._file.readline()
    b"".join(iter(line._file.readline, b"\r\n"))
    line.send(request("GET", "/healthz"))
    assert line.answer()[2] == b"ok\n"


def test_a_client_that_rests_for_too_long_is_closed_and_gives_its_place_back(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    server = Server(
        tmp_path_factory.mktemp("gm"), "http: {headerSeconds: 1, maxConnections: 3, maxConnectionsPerAddress: 2}\n"
    )
    try:
        for _ in range(3):
            lines = [Line(server) for _ in range(2)]
            for one in lines:
                one.send(request("GET", "/healthz"))
                assert one.answer()[0] == 200
            assert all(one.at_end() for one in lines)
            for one in lines:
                one.close()
    finally:
        server.stop()


def test_a_service_that_stops_closes_lines_that_rest_and_tells_streams_their_last_word(server: Server) -> None:
    resting, watching = Line(server), Line(server)
    resting.send(request("GET", "/healthz"))
    assert resting.answer()[0] == 200
    watching.send(request("GET", f"{MODELS}?watch=1&allowWatchBookmarks=1"))
    b"".join(iter(watching._file.readline, b"\r\n"))
    server.stop()
    assert resting.at_end()
    watching._file.readline()
    assert json.loads(watching._file.readline())["type"] == "BOOKMARK"
    for line in (resting, watching):
        line.close()
