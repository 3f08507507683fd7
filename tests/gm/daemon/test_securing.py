"""The door with TLS, in the real process: what it lets in, what it shuts out, and a certificate that is renewed."""

from __future__ import annotations

import contextlib
import hashlib
import signal
import socket
import ssl
import subprocess
import sys
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import httpx
import pytest

from sedna_gm.certificates import keeping, making
from sedna_gm.daemon import securing
from sedna_gm.daemon.securing import CertificateUnusable, Security
from sedna_gm.settings import TlsSettings
from tests.gm.clients.servers import COMMAND, Server
from tests.gm.http.doors import BASE, MODELS, model

NOW = datetime.now(timezone.utc)
NAMES = ("127.0.0.1", "localhost")


class SecureServer(Server):
    """The service behind TLS, with an authority of its own."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        self.tls = folder / "tls"
        keeping.create(self.tls, NAMES, None, NOW)
        super().__init__(folder, f"tls: {{certificate: {self.tls / 'gm.crt'}, key: {self.tls / 'gm.key'}}}\n{settings}")
        self.context = ssl.create_default_context(cafile=str(self.tls / "ca.crt"))
        self.http.close()
        self.http = httpx.Client(base_url=self.url, timeout=60, trust_env=False, verify=self.context)

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.url.removeprefix("https://").rpartition(":")
        return host, int(port)

    def connect(self) -> ssl.SSLSocket:
        return self.context.wrap_socket(socket.create_connection(self.address, timeout=60), server_hostname="127.0.0.1")

    def certificate(self) -> bytes:
        """What a new connection is shown."""
        with self.connect() as connection:
            return connection.getpeercert(binary_form=True) or b""


SERVER = SecureServer


def test_requests_watches_and_logs_of_access_work_as_without_tls(standing: SecureServer) -> None:
    assert standing.url.startswith("https://127.0.0.1:")
    path = f"{BASE}/namespaces/works/models"
    with contextlib.closing(standing.events(path)) as events:
        standing.http.post(path, json=model())
        assert next(events)["type"] == "ADDED"
    assert standing.http.head(f"{path}/m").status_code == 200


def test_an_upload_that_asks_first_is_let_go_on(standing: SecureServer) -> None:
    data = b"x" * 300_000
    with standing.connect() as wire:
        head = f"PUT /artifacts/blobs/{hashlib.sha256(data).hexdigest()} HTTP/1.1\r\nHost: localhost\r\n"
        wire.sendall(f"{head}Content-Length: {len(data)}\r\nExpect: 100-continue\r\n\r\n".encode())
        assert wire.recv(1000).startswith(b"HTTP/1.1 100")
        wire.sendall(data)
        assert wire.recv(1000).startswith(b"HTTP/1.1 201")
    fetched = standing.http.get(f"/artifacts/blobs/{hashlib.sha256(data).hexdigest()}")
    assert fetched.content == data


def test_a_watch_whose_client_has_gone_is_ended(standing: SecureServer) -> None:
    with standing.http.stream("GET", f"{BASE}/models", params={"watch": "1", "labelSelector": "a=b"}) as response:
        assert response.status_code == 200
    standing.said("labelSelector=a%3Db answered 200")


def test_a_quiet_watch_whose_client_is_there_goes_on(standing: SecureServer) -> None:
    path = f"{BASE}/namespaces/quiet/models"
    with contextlib.closing(standing.events(path, allowWatchBookmarks="true")) as events:
        # Many looks at the client come before this is heard.
        with standing.http.stream("GET", f"{BASE}/nodes", params={"watch": "1", "timeoutSeconds": "1"}) as response:
            response.read()
        standing.http.post(path, json=model())
        assert next(events)["type"] == "ADDED"


def test_who_speaks_plain_http_is_told_to_write_https(standing: SecureServer) -> None:
    answer = httpx.get(standing.url.replace("https", "http"), trust_env=False, timeout=60)
    assert (answer.status_code, "speaks https" in answer.text) == (400, True)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_nothing_older_than_tls_1_2_is_spoken(standing: SecureServer) -> None:
    old = ssl.create_default_context(cafile=str(standing.tls / "ca.crt"))
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(standing.address, timeout=60) as wire, pytest.raises((ssl.SSLError, ConnectionError)):
        old.wrap_socket(wire, server_hostname="127.0.0.1")


def test_clients_that_never_finish_their_handshake_hold_nobody_up(standing: SecureServer) -> None:
    with contextlib.ExitStack() as stalled:
        for _ in range(50):
            stalled.enter_context(socket.create_connection(standing.address, timeout=60))
        for _ in range(50):
            stalled.enter_context(socket.create_connection(standing.address, timeout=60)).sendall(b"\x16\x03\x01\x02")
        assert standing.http.get("/healthz").text == "ok\n"
    assert standing.http.get("/healthz").text == "ok\n"


def test_a_handshake_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    keeping.create(tmp_path, NAMES, None, NOW)
    script = f"""
from gevent import monkey; monkey.patch_all()
from gevent.server import StreamServer
from pathlib import Path
from sedna_gm.daemon.securing import Security
from sedna_gm.settings import TlsSettings
security = Security(TlsSettings({str(tmp_path / "gm.crt")!r}, {str(tmp_path / "gm.key")!r}), handshake_seconds=0.2)
handle = security.handling(lambda socket, address, leave: socket.sendall(b"in"))
server = StreamServer(("127.0.0.1", 0), handle=lambda socket, address: handle(socket, address, lambda: None))
server.start()
print(server.server_port, flush=True)
server.serve_forever()
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        for beginning in (b"", b"\x16\x03\x01\x02"):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as wire:
                wire.sendall(beginning)
                with contextlib.suppress(ConnectionResetError):
                    assert wire.recv(100) == b""
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_hundreds_of_watchers_hear_of_one_change(standing: SecureServer) -> None:
    path = f"{BASE}/namespaces/hundreds/models"
    version = standing.http.get(MODELS).json()["metadata"]["resourceVersion"]
    request = f"GET {path}?watch=1&resourceVersion={version} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with contextlib.ExitStack() as connections:
        watchers = [connections.enter_context(standing.connect()) for _ in range(200)]
        for watcher in watchers:
            watcher.sendall(request)
            assert watcher.recv(1000).startswith(b"HTTP/1.1 200")
        standing.http.post(path, json=model())
        for watcher in watchers:
            assert b'"type":"ADDED"' in watcher.recv(4000)


def test_a_renewed_certificate_is_loaded_and_no_connection_dropped(server: SecureServer) -> None:
    old = server.certificate()
    with contextlib.closing(server.events(f"{BASE}/models")) as events:
        server.http.post(MODELS, json=model())
        assert next(events)["type"] == "ADDED"
        keeping.renew(server.tls, (*NAMES, "another.example"), None, NOW)
        assert server.certificate() == old
        server.process.send_signal(signal.SIGHUP)
        server.said("have been read again")
        assert server.certificate() != old
        server.http.delete(f"{MODELS}/m")
        assert next(events)["type"] == "DELETED"


def test_a_certificate_that_cannot_be_used_leaves_the_old_one_and_is_told(server: SecureServer) -> None:
    old = server.certificate()
    (server.tls / "current" / "gm.key").write_bytes(making.make_key())
    server.process.send_signal(signal.SIGHUP)
    assert "the key does not fit" in server.said("The certificate stays as it was")
    assert server.certificate() == old
    keeping.renew(server.tls, (), None, NOW)
    server.process.send_signal(signal.SIGHUP)
    server.said("have been read again")


def test_a_service_stops_with_open_watches_and_open_handshakes(tmp_path: Path) -> None:
    server = SecureServer(tmp_path)
    opened, ended = threading.Event(), threading.Event()

    def listen() -> None:
        for _ in server.events(f"{BASE}/models"):
            opened.set()
        ended.set()

    listener = threading.Thread(target=listen)
    server.http.post(MODELS, json=model())
    listener.start()
    # A request on its way while the service stops may be lost; one that was answered is ended in order.
    assert opened.wait(60)
    with socket.create_connection(server.address, timeout=60):
        assert server.stop() == 0
    listener.join(60)
    assert ended.is_set()


def test_a_certificate_about_to_end_is_told_at_the_start(tmp_path: Path) -> None:
    keeping.create(tmp_path / "tls", NAMES, None, NOW - timedelta(days=364))
    security = Security(TlsSettings(str(tmp_path / "tls" / "gm.crt"), str(tmp_path / "tls" / "gm.key")))
    assert "ends on" in security.trouble()
    assert "is over since" in security.trouble(NOW + timedelta(days=2))
    assert security.trouble(NOW - timedelta(days=100)) == ""


@pytest.mark.parametrize("command", ["serve", "check-config"])
@pytest.mark.parametrize(
    ("certificate", "key", "said"),
    [
        ("gm.crt", "other.key", "the key does not fit the certificate"),
        ("nothing.crt", "gm.key", "No such file"),
        ("gm.key", "gm.key", "not a certificate"),
    ],
)
def test_files_nobody_can_serve_with_are_refused_at_the_start(
    tmp_path: Path, command: str, certificate: str, key: str, said: str
) -> None:
    keeping.create(tmp_path, NAMES, None, NOW)
    (tmp_path / "other.key").write_bytes(making.make_key())
    config = tmp_path / "gm.yml"
    config.write_text(
        f"auth: none\ndatabase: memory\ntls: {{certificate: {tmp_path / certificate}, key: {tmp_path / key}}}\n"
    )
    done = subprocess.run(
        [*COMMAND, command, "--config", str(config)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 78
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("{certificate: /a}", "tls.key: is missing"),
        ("{key: /a}", "tls.certificate: is missing"),
        ("{certificate: a, key: /b}", "tls.certificate: 'a' is not absolute"),
    ],
)
def test_half_of_the_tls_settings_is_told(tmp_path: Path, settings: str, said: str) -> None:
    from sedna.daemons.configuring import Misconfigured
    from sedna_gm.daemon.configuring import load

    (tmp_path / "gm.yml").write_text(f"tls: {settings}\n")
    with pytest.raises(Misconfigured, match=said):
        load(tmp_path / "gm.yml")


def test_without_tls_there_is_nothing_to_check() -> None:
    securing.check(TlsSettings())
    with pytest.raises(CertificateUnusable):
        securing.check(TlsSettings("/nowhere/gm.crt", "/nowhere/gm.key"))
