"""The artifact store of the real process: cut, killed, started again, and others are served meanwhile."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import socket
import threading
from pathlib import Path
from typing import Any

import httpx

from sedna.api.trees import Tree, TreeFile
from tests.gm.clients.servers import Server
from tests.gm.http.doors import BASE

DATA = random.Random(11).randbytes(6 << 20)
ARTIFACTS = f"{BASE}/namespaces/default/artifacts"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def at(data: bytes) -> str:
    return f"/artifacts/blobs/{sha(data)}"


def missing(server: Server, *contents: bytes) -> dict[str, int]:
    blobs = [{"sha256": sha(data), "size": len(data)} for data in contents]
    answer = server.http.post("/artifacts/missing", json={"blobs": blobs})
    assert answer.status_code == 200, answer.text
    return {one["sha256"]: one["offset"] for one in answer.json()["missing"]}


def put(server: Server, data: bytes, start: int = 0) -> httpx.Response:
    said = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if data else {}
    return server.http.put(at(data), content=data[start:], headers=said)


def finish(server: Server, data: bytes) -> None:
    """Sends what is missing, going on wherever the store says: what a cut connection had brought may still come in."""
    while offset := missing(server, data):
        assert put(server, data, offset[sha(data)]).status_code in (200, 201, 409)


def begin(server: Server, data: bytes, until: int) -> socket.socket:
    """A connection that has announced all of `data` and sent only the beginning."""
    host, port = server.url.removeprefix("http://").split(":")
    wire = socket.create_connection((host, int(port)), timeout=60)
    head = f"PUT {at(data)} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(data)}\r\n\r\n"
    wire.sendall(head.encode() + data[:until])
    return wire


def arrived(server: Server, data: bytes, least: int) -> int:
    """How much of a blob has come, once it is at least so much."""
    while (offset := missing(server, data).get(sha(data), len(data))) < least:
        pass
    return offset


def test_killed_in_the_middle_of_an_upload_it_goes_on_where_it_was(tmp_path: Path) -> None:
    server = Server(tmp_path)
    other = b"the other blob"
    assert put(server, other).status_code == 201
    with begin(server, DATA, 4 << 20):
        offset = arrived(server, DATA, 3 << 20)
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
        server.process.kill()
        os.kill(int(children[0]), signal.SIGKILL)
        server.stop()
    server = Server(tmp_path)
    try:
        # Of the two, only the one that is not there, and of that only the rest.
        asked = missing(server, DATA, other)
        assert asked.keys() == {sha(DATA)}
        assert offset <= asked[sha(DATA)] < len(DATA)
        assert put(server, DATA, asked[sha(DATA)]).status_code == 201
        assert missing(server, DATA, other) == {}
        assert server.http.get(at(DATA)).content == DATA
    finally:
        server.stop()


def test_a_connection_that_breaks_loses_less_than_two_blocks(standing: Server) -> None:
    data = b"broken" + DATA
    begin(standing, data, 5 << 20).close()
    assert arrived(standing, data, 3 << 20) < len(data)
    finish(standing, data)
    assert standing.http.get(at(data)).content == data


def test_a_connection_that_hangs_does_not_hold_its_blob(standing: Server) -> None:
    data = b"hanging" + DATA
    with begin(standing, data, 2 << 20) as wire:
        assert arrived(standing, data, 1 << 20) < len(data)
        finish(standing, data)
        # The one that hung wakes up, and hears that all is there.
        wire.sendall(data[2 << 20 :])
        assert wire.recv(1000).startswith((b"HTTP/1.1 200", b"HTTP/1.1 201"))
    assert standing.http.get(at(data)).content == data


def test_a_sender_that_falls_silent_is_let_go_and_what_came_is_kept(tmp_path: Path) -> None:
    server = Server(tmp_path, "http: {silenceSeconds: 0.3}\n")
    try:
        with begin(server, DATA, 2_500_000) as wire:
            server.said("answered 400")
            assert b"ended before its end" in wire.recv(1000)
            assert arrived(server, DATA, 2_000_000) <= 2_500_000
        finish(server, DATA)
        # The limit went with the request: a connection may still be quiet between two.
        assert server.http.get(at(DATA)).content == DATA
    finally:
        server.stop()


def test_clients_that_send_one_blob_at_once_all_end_with_it_whole(standing: Server) -> None:
    data = b"together" + DATA
    codes: list[int] = []

    def send() -> None:
        with httpx.Client(base_url=standing.url, timeout=60, trust_env=False) as client:
            position = 0
            while position < len(data):
                piece = data[position : position + 300_000]
                said = {"Content-Range": f"bytes {position}-{position + len(piece) - 1}/{len(data)}"}
                answer = client.put(at(data), content=piece, headers=said)
                codes.append(answer.status_code)
                body = answer.json()
                position = body["details"]["offset"] if answer.status_code == 409 else body["offset"]

    senders = [threading.Thread(target=send) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(60)
    assert set(codes) <= {200, 201, 409}
    assert 201 in codes
    assert standing.http.get(at(data)).content == data


def test_others_are_served_while_blobs_come_and_go(standing: Server) -> None:
    data = random.Random(12).randbytes(48 << 20)
    done: list[Any] = []

    def move() -> None:
        with httpx.Client(base_url=standing.url, timeout=60, trust_env=False) as client:
            done.append(client.put(at(data), content=data).status_code)
            done.append(client.get(at(data)).content == data)

    moving = threading.Thread(target=move)
    moving.start()
    answered = 0
    while moving.is_alive():
        assert standing.http.get("/healthz").text == "ok\n"
        answered += 1
    moving.join()
    assert done == [201, True]
    assert answered > 10


def test_its_memory_does_not_grow_with_a_blob(standing: Server) -> None:
    def peak() -> int:
        children = Path(f"/proc/{standing.process.pid}/task/{standing.process.pid}/children").read_text().split()
        status = Path(f"/proc/{children[0]}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0])

    piece = random.Random(13).randbytes(1 << 20)
    whole = hashlib.sha256()
    for _ in range(150):
        whole.update(piece)
    put(standing, DATA)
    before = peak()
    path = f"/artifacts/blobs/{whole.hexdigest()}"
    size = {"Content-Length": str(150 << 20)}
    assert standing.http.put(path, content=(piece for _ in range(150)), headers=size).status_code == 201
    with standing.http.stream("GET", path) as response:
        assert sum(len(chunk) for chunk in response.iter_raw()) == 150 << 20
    assert peak() - before < 60_000


def test_a_part_is_fetched_by_its_range(standing: Server) -> None:
    put(standing, DATA)
    response = standing.http.get(at(DATA), headers={"Range": "bytes=1000000-", "If-Range": f'"{sha(DATA)}"'})
    assert (response.status_code, response.content) == (206, DATA[1_000_000:])
    head = standing.http.head(at(DATA))
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, str(len(DATA)), b"")
    absent = standing.http.head("/artifacts/blobs/" + "0" * 64)
    assert (absent.status_code, absent.headers["Upload-Offset"]) == (404, "0")


def test_an_empty_blob_and_a_wrong_one_over_the_wire(standing: Server) -> None:
    assert standing.http.put(at(b""), content=b"").status_code == 201
    wrong = standing.http.put(at(b"right"), content=b"wrong")
    assert (wrong.status_code, wrong.json()["reason"]) == (422, "WrongDigest")
    assert missing(standing, b"right") == {sha(b"right"): 0}


def test_what_a_deleted_artifact_named_is_removed_by_the_service_itself(tmp_path: Path) -> None:
    server = Server(tmp_path, artifacts=", keepSeconds: 1")
    try:
        tree = Tree("file", (TreeFile("m.pb", len(DATA), sha(DATA)),))
        job = {"kind": "Test", "name": "j", "uid": "u"}
        spec = {"nodeName": "cloud", "job": job, "model": {"name": "m", "url": "/m.pb"}}
        manifest = {"apiVersion": "sedna.io/v1alpha1", "kind": "Artifact", "metadata": {"name": "a"}, "spec": spec}
        assert server.http.post(ARTIFACTS, json=manifest).status_code == 201
        for data in (tree.dump(), DATA):
            assert put(server, data).status_code == 201
        status = {"status": {"phase": "Ready", "tree": tree.digest}}
        merge = {"Content-Type": "application/merge-patch+json"}
        named = server.http.patch(f"{ARTIFACTS}/a/status", json=status, headers=merge)
        assert named.status_code == 200, named.text
        stray = b"nobody names this"
        put(server, stray)
        server.said("Removed 17 B")
        assert missing(server, DATA, tree.dump()) == {}
        server.http.delete(f"{ARTIFACTS}/a")
        server.said("Removed 6.3 MB")
        assert missing(server, DATA) == {sha(DATA): 0}
    finally:
        server.stop()
