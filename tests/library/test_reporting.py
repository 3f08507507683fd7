"""A report never blocks, never gets lost in silence, and arrives in order; against a real HTTP server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sedna.service.client import LCClient, RefusedError, RetryError, http_request
from sedna.service.reporting import EXIT_NOT_REPORTED, Reporter
from sedna.service.spooling import Spool

DEADLINE = 20.0


def at_once() -> Iterator[float]:
    while True:
        yield 0.0


class Door:
    """A LocalController's door on loopback; `answer` decides what each request gets."""

    def __init__(self) -> None:
        self.answer: Callable[[], int] = lambda: 200
        self.body = b'{"Status": 200, "Message": "OK"}'
        self.taken: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.shown: list[str | None] = []
        self.attempts = 0
        self.changed = threading.Condition()
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
                with door.changed:
                    door.attempts += 1
                    door.shown.append(self.headers.get("Authorization"))
                    door.changed.notify_all()
                status = door.answer()
                if status == 0:
                    return  # close the connection without a word
                if status == 200:
                    with door.changed:
                        door.taken.append(body)
                        door.paths.append(self.path)
                        door.changed.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", str(len(door.body)))
                self.end_headers()
                self.wfile.write(door.body)

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                pass  # the reporter may have given up on a door that was silent too long

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def send(self, message: Mapping[str, Any], timeout: float) -> object:
        return LCClient.send(self.url, "train-1", message, timeout)

    def wait(self, reached: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(reached, DEADLINE), f"{self.attempts} attempts, {self.taken}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.close()


def test_reports_arrive_in_order_and_leave_the_spool(door: Door, tmp_path: Path) -> None:
    reporter = Reporter(door.send, Spool(tmp_path / "spool"))
    for number in range(5):
        reporter.report({"number": number})
    assert reporter.close()
    assert [one["number"] for one in door.taken] == list(range(5))
    assert door.paths[0] == "/sedna/workers/train-1/info"
    assert list((tmp_path / "spool").iterdir()) == []


def test_w35_w39_a_failing_door_is_asked_again_until_it_takes_the_report(door: Door, tmp_path: Path) -> None:
    door.answer = lambda: (503, 0, 404, 500)[door.attempts - 1] if door.attempts <= 4 else 200
    reporter = Reporter(door.send, Spool(tmp_path), pauses=at_once)
    reporter.report({"number": 1})
    door.wait(lambda: len(door.taken) == 1)
    assert door.attempts == 5
    reporter.report({"number": 2})
    assert reporter.close()
    assert [one["number"] for one in door.taken] == [1, 2]


def test_a_worker_shows_the_token_that_it_was_handed(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.send({"number": 1}, DEADLINE)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    door.send({"number": 2}, DEADLINE)
    (tmp_path / "worker-token").write_text("a" * 64 + "\n")
    door.send({"number": 3}, DEADLINE)
    assert door.shown == [None, None, f"Bearer {'a' * 64}"]


def test_a_token_that_cannot_be_read_is_tried_again(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "worker-token").mkdir()
    with pytest.raises(RetryError, match="token cannot be read"):
        door.send({"number": 1}, DEADLINE)


def test_a_token_that_is_not_known_costs_no_report(door: Door, tmp_path: Path) -> None:
    door.answer = lambda: 401
    reporter = Reporter(door.send, Spool(tmp_path), pauses=at_once, spooled_seconds=0.0)
    reporter.report({"number": 1})
    door.wait(lambda: door.attempts > 1)
    assert reporter.close(), "the spool brings it to the LocalController"
    assert [json.loads(path.read_text()) for path in tmp_path.iterdir()] == [{"number": 1}]


def test_a_silent_door_blocks_nobody_and_the_spool_holds_the_report(door: Door, tmp_path: Path) -> None:
    silent = threading.Event()
    door.answer = lambda: 200 if silent.wait(DEADLINE) else 500
    reporter = Reporter(door.send, Spool(tmp_path), spooled_seconds=0.0)
    reporter.report({"number": 1})
    door.wait(lambda: door.attempts == 1)
    # The door is holding the first report; the second is safe all the same, before this call returns.
    reporter.report({"number": 2})
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["00000001.json", "00000002.json"]
    assert json.loads((tmp_path / files[1]).read_text()) == {"number": 2}
    assert reporter.close(), "what the spool holds is not lost"
    silent.set()


class SlowDisk(Spool):
    """Remembers what was forced to it, which takes as long as the test says."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.done = threading.Event()
        self.synced: list[str] = []

    def sync(self, path: Path) -> None:
        assert self.done.wait(DEADLINE)
        super().sync(path)
        self.synced.append(path.name)


def test_the_script_does_not_wait_for_the_disk_and_what_is_sent_has_been_written(door: Door, tmp_path: Path) -> None:
    disk = SlowDisk(tmp_path)
    reporter = Reporter(door.send, disk)
    reporter.report({"number": 1})
    reporter.report({"number": 2})
    # The disk has not answered yet. A killed process leaves both all the same.
    assert (len(list(tmp_path.iterdir())), door.attempts) == (2, 0)
    disk.done.set()
    door.wait(lambda: len(door.taken) == 2)
    assert set(disk.synced) == {"00000001.json", "00000002.json"}
    assert reporter.close()


def test_at_the_end_of_the_process_the_disk_has_what_the_door_did_not_take(door: Door, tmp_path: Path) -> None:
    door.answer = lambda: 503
    disk = SlowDisk(tmp_path)
    disk.done.set()
    reporter = Reporter(door.send, disk, spooled_seconds=0.0)
    for number in range(3):
        reporter.report({"number": number})
    assert reporter.close()
    assert set(disk.synced) == {path.name for path in tmp_path.iterdir()}


def test_what_an_earlier_run_left_is_sent_first(door: Door, tmp_path: Path) -> None:
    earlier = Spool(tmp_path)
    earlier.put({"number": 1})
    (tmp_path / "00000002.json").write_text("{half")
    (tmp_path / "notes.txt").write_text("not a report")
    reporter = Reporter(door.send, Spool(tmp_path))
    reporter.report({"number": 3})
    assert reporter.close()
    assert [one["number"] for one in door.taken] == [1, 3]


def test_a_refused_report_does_not_hold_up_the_next_and_fails_the_exit(
    door: Door, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    door.answer = lambda: 400 if door.attempts == 1 else 200
    reporter = Reporter(door.send, Spool(tmp_path), pauses=at_once)
    reporter.report({"number": 1})
    reporter.report({"number": 2})
    assert reporter.close() is False
    assert [one["number"] for one in door.taken] == [2]
    assert "refuses a report" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_without_spool_and_door_the_loss_is_an_error(
    door: Door, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    door.answer = lambda: 503
    blocked = tmp_path / "a file, not a folder"
    blocked.write_text("")
    reporter = Reporter(door.send, Spool(blocked), pauses=at_once, unspooled_seconds=0.2)
    reporter.report({"number": 1})
    assert reporter.close() is False
    assert "they are lost" in caplog.text


def test_a_bug_in_the_delivery_does_not_end_the_thread(tmp_path: Path) -> None:
    calls: list[Mapping[str, Any]] = []

    def deliver(message: Mapping[str, Any], timeout: float) -> None:
        calls.append(message)
        if len(calls) == 1:
            raise KeyError("a bug")

    reporter = Reporter(deliver, pauses=at_once)
    reporter.report({"number": 1})
    assert reporter.close()
    assert len(calls) == 2


def test_a_report_that_is_not_json_fails_where_it_was_made(door: Door) -> None:
    reporter = Reporter(door.send)
    with pytest.raises(TypeError):
        reporter.report({"results": object()})
    with pytest.raises(ValueError, match="not JSON compliant"):
        reporter.report({"results": float("nan")})
    reporter.report({"message": "x" * 2_000_000})
    assert reporter.close()
    assert len(door.taken[0]["message"]) < 20_000


@pytest.mark.parametrize("exits", [EXIT_NOT_REPORTED, 0])
def test_w39_exit_code_says_whether_the_report_is_safe(tmp_path: Path, exits: int) -> None:
    """With nobody listening: a spool makes the exit good, no spool makes it a failure."""
    environment = {
        **os.environ,
        "WORKER_NAME": "train-1",
        # Port 9 (discard): nobody listens there, the connection is refused at once.
        "LC_SERVER": "http://127.0.0.1:9",
        "SEDNA_REPORT_DEADLINE_SECONDS": "0.2",
    }
    if exits == 0:
        environment["SEDNA_SPOOL_DIR"] = str(tmp_path / "spool")
    code = """
from sedna.service.reporting import reporter_of_this_worker
reporter_of_this_worker().report({"number": 1})
print("user code is done")
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.stdout == "user code is done\n"
    assert ran.returncode == exits, ran.stderr
    if exits == 0:
        assert json.loads((tmp_path / "spool" / "00000001.json").read_text()) == {"number": 1}


def test_w34_the_timeout_of_a_request_works(door: Door) -> None:
    release = threading.Event()
    door.answer = lambda: 200 if release.wait(DEADLINE) else 500
    with pytest.raises(RetryError, match="no answer"):
        http_request(door.url, timeout=0.2, json={})
    release.set()


def test_http_request_gives_json_text_or_the_response(door: Door) -> None:
    assert http_request(door.url, method="post", json={}) == {"Status": 200, "Message": "OK"}
    assert http_request(door.url, json={}, binary=False) == door.body.decode()
    assert http_request(door.url, json={}, no_decode=True).status_code == 200
    door.answer = lambda: 413
    with pytest.raises(RefusedError, match="413") as refused:
        http_request(door.url, json={})
    assert refused.value.status == 413
    assert door.attempts == 4
