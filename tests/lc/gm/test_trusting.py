"""Whom a node believes to be its GM, over which lines it shows its key, and what a request does with two keys."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from sedna.api.tokens import make_token
from sedna.api.urls import is_private
from sedna.common.publishing import write_atomically
from sedna_gm.certificates import keeping
from sedna_lc.daemon.configuring import load
from sedna_lc.errors import GmUnavailable, SettingsInvalid
from sedna_lc.gm.clients import GmClient
from sedna_lc.gm.identifying import NodeIdentity
from sedna_lc.gm.keys import KeyFile, NodeKeys
from sedna_lc.gm.trusting import explained, trust_of

NOW = datetime(2026, 11, 22, tzinfo=timezone.utc)


def test_a_named_authority_is_the_only_one_that_is_believed(tmp_path: Path) -> None:
    keeping.create(tmp_path, ["gm"], None, datetime.now(timezone.utc))
    context = trust_of("https://gm:9000", str(tmp_path / "ca.crt"))
    assert context is not None
    current = context.current()
    assert len(current.get_ca_certs()) == 1
    assert (current.verify_mode, current.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert current.minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("content", [None, "no certificate"], ids=["missing", "wrong"])
def test_an_authority_that_cannot_be_read_is_told_with_its_key(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "ca.crt").write_text(content)
    with pytest.raises(SettingsInvalid, match=r"caFile: .*ca\.crt cannot be used"):
        trust_of("https://gm:9000", str(tmp_path / "ca.crt"))


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        pass


class Server:
    """Shows whichever certificate it was last given; every answer has a connection of its own."""

    def __init__(self, folder: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.show(folder)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
        self._http.socket = self._context.wrap_socket(self._http.socket, server_side=True)
        self.address = f"https://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def show(self, folder: Path) -> None:
        self._context.load_cert_chain(folder / "gm.crt", folder / "gm.key")

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def authorities(tmp_path: Path) -> tuple[Path, Path]:
    folders = tmp_path / "old", tmp_path / "new"
    for folder in folders:
        keeping.create(folder, ["127.0.0.1"], None, datetime.now(timezone.utc))
    return folders


@pytest.fixture
def server(authorities: tuple[Path, Path]) -> Iterator[Server]:
    made = Server(authorities[0])
    yield made
    made.close()


def write(file: Path, *folders: Path) -> None:
    write_atomically(file, b"".join((folder / "ca.crt").read_bytes() for folder in folders))


def test_an_authority_is_changed_under_a_node_that_runs_on(
    server: Server, authorities: tuple[Path, Path], tmp_path: Path
) -> None:
    old, new = authorities
    file = tmp_path / "believed.crt"
    write(file, old)
    client = GmClient(server.address, trust=trust_of(server.address, str(file)))
    assert client.get("/x") == {}
    write(file, old, new)
    assert client.get("/x") == {}
    server.show(new)
    assert client.get("/x") == {}
    write(file, new)
    assert client.get("/x") == {}
    # Nobody is let in any more by what the old one has signed.
    server.show(old)
    with pytest.raises(GmUnavailable, match=r"CERTIFICATE_VERIFY_FAILED.*caFile in lc\.yml"):
        client.get("/x")
    client.close()


def test_a_node_that_was_left_behind_comes_back_by_a_new_file(
    server: Server, authorities: tuple[Path, Path], tmp_path: Path
) -> None:
    old, new = authorities
    file = tmp_path / "believed.crt"
    write(file, old)
    client = GmClient(server.address, trust=trust_of(server.address, str(file)))
    server.show(new)
    with pytest.raises(GmUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        client.get("/x")
    write(file, new)
    assert client.get("/x") == {}
    client.close()


@pytest.mark.parametrize("content", [None, b"", b"half a certif"], ids=["gone", "empty", "half"])
def test_a_file_that_cannot_be_used_changes_nobodys_mind(
    server: Server, authorities: tuple[Path, Path], tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "believed.crt"
    write(file, authorities[0])
    trust = trust_of(server.address, str(file))
    assert trust is not None
    client = GmClient(server.address, trust=trust)
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    assert client.get("/x") == {}
    assert "cannot be used" in trust.trouble
    assert trust.trouble.endswith("who was believed before still is")
    write(file, authorities[0])
    assert client.get("/x") == {}
    assert trust.trouble == ""
    client.close()


def test_plain_http_needs_nobody_to_believe() -> None:
    assert trust_of("http://gm:9000", "/nowhere") is None


@pytest.mark.parametrize(
    ("address", "is_so"),
    [
        ("https://gm.example", True),
        ("http://127.0.0.1:9000", True),
        ("http://[::1]:9000", True),
        ("http://localhost:9000", True),
        ("http://gm.example:9000", False),
        ("http://10.0.0.1:9000", False),
        ("http://localhost.example", False),
    ],
)
def test_keys_go_over_tls_or_stay_on_the_host(address: str, is_so: bool) -> None:
    assert is_private(address) is is_so


def test_what_openssl_says_gets_a_way_out() -> None:
    assert "caFile" in explained("[SSL: CERTIFICATE_VERIFY_FAILED] unable to get local issuer certificate")
    assert "clock" in explained("[SSL: CERTIFICATE_VERIFY_FAILED] certificate is not yet valid")
    assert explained("Connection refused") == "Connection refused"


@pytest.mark.parametrize("key", ["caFile", "joinTokenFile"])
def test_files_are_named_by_absolute_paths(tmp_path: Path, key: str) -> None:
    (tmp_path / "lc.yml").write_text(f"nodeName: edge\ngm: https://gm\n{key}: here\n")
    with pytest.raises(SettingsInvalid, match=f"{key}: 'here' is not an absolute path"):
        load(tmp_path / "lc.yml")


class Wire(httpx.BaseTransport):
    """As a network: a body that was sent is gone."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self._answer = answer

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for _ in request.stream:  # type: ignore[union-attr]
            pass
        return self._answer(request)


class TwoKeys:
    """A GM that knows the second of a node's keys only, and notes what it was shown."""

    def __init__(self, folder: Path) -> None:
        self.first, self.second = make_token(), make_token()
        self.shown: list[str] = []
        file = KeyFile(folder / "node-key.json")
        file.save(NodeKeys(current=self.first, next=self.second, since=NOW))
        self.identity = NodeIdentity(file, lambda: NOW)
        self.client = GmClient("http://gm", Wire(self._answer), self.identity)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        self.shown.append("second" if token == self.second else "first")
        return httpx.Response(200 if token == self.second else 401, json={"items": []})


def test_a_request_that_is_refused_tries_the_next_key_at_once(tmp_path: Path) -> None:
    two = TwoKeys(tmp_path)
    two.client.get("/x")
    two.client.patch("/x", {"a": 1})
    assert two.shown == ["first", "second", "second"]
    assert KeyFile(tmp_path / "node-key.json").load().current == two.second
    two.client.close()


def test_a_body_that_is_made_while_it_is_sent_is_not_sent_twice(tmp_path: Path) -> None:
    two = TwoKeys(tmp_path)
    with pytest.raises(GmUnavailable):
        two.client.upload("/x", iter([b"abc"]), 0, 3, 3)
    assert two.shown == ["first"]
    two.client.upload("/x", iter([b"abc"]), 0, 3, 3)
    assert two.shown == ["first", "second"]
    two.client.close()


def test_a_disk_that_is_full_does_not_keep_a_good_key_from_being_shown(tmp_path: Path) -> None:
    two = TwoKeys(tmp_path)

    class FullDisk(KeyFile):
        def save(self, keys: NodeKeys) -> None:
            raise OSError(28, "No space left on device")

    two.identity._file = FullDisk(tmp_path / "node-key.json")
    two.client.get("/x")
    two.client.get("/x")
    assert two.shown == ["first", "second", "second"]
    two.client.close()
