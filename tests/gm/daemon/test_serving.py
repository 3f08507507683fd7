"""The real process: how it starts, serves many, and ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.gm.clients.servers import COMMAND, Server
from tests.gm.http.doors import BASE, MODELS, model


def test_sigterm_ends_watches_with_a_last_bookmark_and_exits_in_peace(server: Server) -> None:
    made = server.http.post(MODELS, json=model()).json()
    events: list[dict[str, Any]] = []
    begun = threading.Event()

    def listen() -> None:
        for event in server.events(f"{BASE}/models", allowWatchBookmarks="true"):
            events.append(event)
            begun.set()

    listener = threading.Thread(target=listen)
    listener.start()
    assert begun.wait(30)
    assert server.stop() == 0
    listener.join(30)
    assert [event["type"] for event in events] == ["ADDED", "BOOKMARK"]
    assert int(events[1]["object"]["metadata"]["resourceVersion"]) >= int(made["metadata"]["resourceVersion"])
    assert not [line for line in server.journal if "Traceback" in line or "ERROR" in line]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["Ctrl-C", "quit"])
def test_other_signals_end_it_too(server: Server, number: int) -> None:
    server.http.post(MODELS, json=model())
    assert server.stop(number) == 0


def test_sighup_changes_the_log_level_and_disturbs_nobody(server: Server) -> None:
    server.http.post(MODELS, json=model())
    config = server.folder / "gm.yml"
    serving = worker_of(server)
    with contextlib.closing(server.events(f"{BASE}/models")) as events:
        assert next(events)["type"] == "ADDED"
        config.write_text(config.read_text().replace("DEBUG", "INFO") + "watchLog: 7\n")
        server.process.send_signal(signal.SIGHUP)
        assert "a change of watchLog counts from the next start" in server.said("logLevel is INFO now")
        server.http.delete(f"{MODELS}/m")
        assert next(events)["type"] == "DELETED"
    assert worker_of(server) == serving


def test_a_reload_of_a_bad_file_changes_nothing_and_says_why(server: Server) -> None:
    config = server.folder / "gm.yml"
    good = config.read_text()
    config.write_text("logLevel: LOUD\nlissten: x\n")
    server.process.send_signal(signal.SIGHUP)
    assert "The settings stay as they were: " in server.said("did you mean listen?")
    assert server.http.get("/readyz").text == "ok\n"
    config.write_text(good)
    server.process.send_signal(signal.SIGHUP)
    server.said("nothing has changed that can")


def test_a_child_that_is_started_again_has_the_settings_of_the_last_reload(server: Server) -> None:
    config = server.folder / "gm.yml"
    config.write_text(config.read_text().replace("DEBUG", "INFO"))
    server.process.send_signal(signal.SIGHUP)
    server.said("logLevel is INFO now")
    before = len(server.journal)
    os.kill(worker_of(server), signal.SIGKILL)
    with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as client:
        assert client.get("/readyz").text == "ok\n"
    assert not [line for line in server.journal[before:] if " DEBUG " in line]


def test_a_watch_goes_on_with_the_service_that_was_started_again(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.http.post(MODELS, json=model())
    version = server.http.get(MODELS).json()["metadata"]["resourceVersion"]
    server.stop()
    server = Server(tmp_path)
    try:
        assert server.http.get(f"{MODELS}/m").json()["spec"]["url"] == "/models/m"
        server.http.delete(f"{MODELS}/m")
        event = next(server.events(f"{BASE}/models", resourceVersion=version))
        assert event["type"] == "DELETED"
    finally:
        server.stop()


def worker_of(server: Server) -> int:
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return int(children[0])


def test_w74_a_killed_service_has_kept_what_it_answered_for(tmp_path: Path) -> None:
    server = Server(tmp_path)
    made = server.http.post(MODELS, json=model()).json()
    worker = worker_of(server)
    server.process.kill()
    os.kill(worker, signal.SIGKILL)
    server.stop()
    server = Server(tmp_path)
    try:
        assert server.http.get(f"{MODELS}/m").json() == made
    finally:
        server.stop()


def test_a_worker_process_that_dies_is_replaced(server: Server) -> None:
    made = server.http.post(MODELS, json=model()).json()
    os.kill(worker_of(server), signal.SIGKILL)
    with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as client:
        assert client.get(f"{MODELS}/m").json() == made


def test_a_large_yaml_file_does_not_keep_others_waiting(standing: Server) -> None:
    text = "---\n".join(json.dumps(model(f"m{number}")).replace(", ", ",\n  ") + "\n" for number in range(400))
    done: list[int] = []
    submitting = threading.Thread(
        target=lambda: done.append(
            httpx.post(
                f"{standing.url}/manifests?dryRun=All",
                content=text,
                headers={"Content-Type": "application/yaml"},
                timeout=60,
                trust_env=False,
            ).status_code
        )
    )
    submitting.start()
    answered = 0
    while submitting.is_alive():
        assert standing.http.get("/healthz").text == "ok\n"
        answered += 1
    submitting.join()
    assert done == [201]
    assert answered > 1


def test_a_watch_whose_client_has_gone_is_ended(standing: Server) -> None:
    with standing.http.stream("GET", f"{BASE}/models", params={"watch": "1"}) as response:
        assert response.status_code == 200
    assert "GET" in standing.said("watch=1 answered 200")


def test_systemd_hears_how_it_stands_from_ready_to_stopping(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(30)

        def hear(beginning: str) -> str:
            """The next word that begins so; signs of life and sentences come in between."""
            while not (heard := ear.recv(1000).decode()).startswith(beginning):
                assert heard.startswith(("WATCHDOG=1", "STATUS=")), heard
            return heard

        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        server = Server(tmp_path, environment=environment, arguments=["--address-file", str(tmp_path / "url")])
        assert ear.recv(1000).decode() == f"READY=1\nSTATUS=Serving on {server.url}."
        assert (tmp_path / "url").read_text() == f"{server.url}\n"
        assert server.http.get("/readyz").text == "ok\n"
        assert hear("STATUS=") == f"STATUS=Serving on {server.url}; 0 of 0 nodes ready, 0 jobs."
        assert hear("WATCHDOG=1") == "WATCHDOG=1"
        server.process.send_signal(signal.SIGHUP)
        assert "\nMONOTONIC_USEC=" in hear("RELOADING=1")
        assert hear("READY=1").startswith("READY=1\nSTATUS=The settings have been read again")
        server.stop()
        assert hear("STOPPING=1") == "STOPPING=1\nSTATUS=Stopping."


def test_hundreds_of_watchers_hear_of_one_change(standing: Server) -> None:
    host, port = standing.url.removeprefix("http://").split(":")
    version = standing.http.get(MODELS).json()["metadata"]["resourceVersion"]
    path = f"{BASE}/namespaces/hundreds/models"
    request = f"GET {path}?watch=1&resourceVersion={version} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    with contextlib.ExitStack() as connections:
        watchers = [
            connections.enter_context(socket.create_connection((host, int(port)), timeout=60)) for _ in range(300)
        ]
        for watcher in watchers:
            watcher.sendall(request)
            assert watcher.recv(1000).startswith(b"HTTP/1.1 200")
        standing.http.post(path, json=model())
        for watcher in watchers:
            assert b'"type":"ADDED"' in watcher.recv(4000)


def test_a_body_in_chunks_over_the_limit_is_413_and_its_sender_hears_it(standing: Server) -> None:
    def too_much() -> Iterator[bytes]:
        for _ in range(80):
            yield b" " * 65536

    response = standing.http.post(MODELS, content=too_much(), headers={"Content-Type": "application/json"})
    assert response.status_code == 413
    assert standing.http.post(MODELS, content=b" " * 4_000_000).json()["reason"] == "RequestEntityTooLarge"
    assert standing.http.get("/healthz").text == "ok\n"


def test_garbage_on_the_wire_hurts_nobody(standing: Server) -> None:
    host, port = standing.url.removeprefix("http://").split(":")
    for garbage in (
        b"\x00\xff\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /manifests HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), timeout=30) as wire:
            wire.sendall(garbage)
            assert b" 500 " not in wire.recv(1000)
    assert standing.http.get("/healthz").text == "ok\n"


def test_an_upload_that_breaks_off_is_no_bug(standing: Server) -> None:
    host, port = standing.url.removeprefix("http://").split(":")
    head = f"POST {MODELS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    for broken in (f"{head}Content-Length: 1000\r\n\r\n{{", f"{head}Transfer-Encoding: chunked\r\n\r\n5\r\nab"):
        with socket.create_connection((host, int(port)), timeout=30) as wire:
            wire.sendall(broken.encode())
    assert standing.http.get("/healthz").text == "ok\n"


@pytest.mark.parametrize(
    ("settings", "said", "code"),
    [
        ("database: sqlite:////proc/nothing/gm.db\n", "cannot be opened", 1),
        # EX_CONFIG, for which its unit says that another try would change nothing.
        ("listen: x\n", "listen: 'x' is not HOST:PORT", 78),
    ],
)
def test_a_service_that_cannot_start_says_why_in_a_sentence(
    tmp_path: Path, settings: str, said: str, code: int
) -> None:
    config = tmp_path / "gm.yml"
    config.write_text(settings)
    done = subprocess.run(
        [*COMMAND, "serve", "--config", str(config)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_job_of_a_manifest_is_taken_up_by_its_controller(standing: Server) -> None:
    from tests.api.manifests import job

    path = f"{BASE}/namespaces/default/incrementallearningjobs"
    standing.http.post(path, content=json.dumps(job()), headers={"Content-Type": "application/json"})
    taken = standing.until(path, lambda found: found.get("status", {}).get("phase") == "Waiting")
    assert taken["status"]["message"]


def test_what_it_keeps_is_nobody_elses_to_read(server: Server) -> None:
    server.http.post(MODELS, json=model())
    kept = {path.name: path.stat().st_mode & 0o077 for path in server.folder.rglob("gm.db*") if path.is_file()}
    assert "gm.db" in kept
    assert {name: mode for name, mode in kept.items() if mode and not name.endswith(".lock")} == {}
