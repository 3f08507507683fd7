"""`sedna-gm restore` beside a service that runs: watchers are told to list again, and whoever calls is served on."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sedna_gm.daemon import awaiting
from sedna_gm.daemon.awaiting import Answer, SomebodyWaits
from tests.gm.clients.servers import COMMAND, DEADLINE, Server
from tests.gm.http.doors import BASE, MODELS, model


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path, "backup: {everyHours: null}\n")
    yield server
    server.stop()
    assert not [line for line in server.journal if "Traceback" in line], server.journal


def gm(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    config = str(server.folder / "gm.yml")
    return subprocess.run(
        [*COMMAND, words[0], "--config", config, *words[1:]], capture_output=True, text=True, timeout=DEADLINE,
        check=False,
    )  # fmt: skip


def names(server: Server) -> list[str]:
    with httpx.Client(base_url=server.url, timeout=DEADLINE, trust_env=False) as client:
        return [one["metadata"]["name"] for one in client.get(MODELS).json()["items"]]


def test_a_running_service_is_restored_while_somebody_watches(server: Server) -> None:
    server.http.post(MODELS, json=model("one"))
    backup = server.folder / "backup.db"
    assert gm(server, "backup", str(backup)).returncode == 0
    server.http.post(MODELS, json=model("two"))
    heard: list[dict[str, Any]] = []
    begun = threading.Event()

    def watch() -> None:
        with contextlib.suppress(httpx.TransportError):
            for event in server.events(f"{BASE}/models", allowWatchBookmarks="true"):
                heard.append(event)
                begun.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert begun.wait(DEADLINE)
    done = gm(server, "restore", str(backup))
    assert done.returncode == 0, done.stderr
    assert "1 resources restored" in done.stdout
    assert "the GlobalManager serves them" in done.stdout
    assert "gm.db.before-restore-" in done.stdout
    # Nobody had to start it again: it is the same process with another child, at the same port.
    assert server.process.poll() is None
    watcher.join(DEADLINE)
    assert names(server) == ["one"]
    # The last thing that the watcher heard is of the database of before: it has to list again.
    version = heard[-1]["object"]["metadata"]["resourceVersion"]
    parameters = {"watch": "1", "resourceVersion": version, "timeoutSeconds": "5"}
    with httpx.Client(base_url=server.url, timeout=DEADLINE, trust_env=False) as client:
        refused = client.get(f"{BASE}/models", params=parameters)
        event = refused.json()
        assert 410 in (refused.status_code, event.get("object", {}).get("code")), refused.text
        listed = client.get(MODELS).json()["metadata"]["resourceVersion"]
        with client.stream("GET", f"{BASE}/models", params={**parameters, "resourceVersion": listed}) as stream:
            made = threading.Thread(target=lambda: server.http.post(MODELS, json=model("three")))
            made.start()
            assert '"three"' in next(stream.iter_lines())
            made.join(DEADLINE)
    assert sorted(path.name for path in server.folder.glob("gm.db.restore*")) == []


def test_it_is_restored_twice_in_a_row(server: Server) -> None:
    server.http.post(MODELS, json=model("one"))
    first, second = server.folder / "first.db", server.folder / "second.db"
    gm(server, "backup", str(first))
    server.http.post(MODELS, json=model("two"))
    gm(server, "backup", str(second))
    assert gm(server, "restore", str(first)).returncode == 0
    assert names(server) == ["one"]
    assert gm(server, "restore", str(second)).returncode == 0
    assert names(server) == ["one", "two"]


def test_what_is_no_backup_disturbs_nobody(server: Server) -> None:
    server.http.post(MODELS, json=model("one"))
    wrong = server.folder / "notes.txt"
    wrong.write_text("no database")
    done = gm(server, "restore", str(wrong))
    assert done.returncode == 1
    assert "cannot be restored" in done.stderr
    assert names(server) == ["one"]
    assert not [line for line in server.journal if "A backup is put" in line]


def test_without_a_service_the_start_takes_in_what_waits(tmp_path: Path) -> None:
    """As after a power cut between the command and the service's next child."""
    server = Server(tmp_path, "backup: {everyHours: null}\n")
    server.http.post(MODELS, json=model("one"))
    gm(server, "backup", str(tmp_path / "backup.db"))
    server.http.post(MODELS, json=model("two"))
    server.stop()
    (tmp_path / "backup.db").rename(tmp_path / "gm.db.restore")
    server = Server(tmp_path, "backup: {everyHours: null}\n")
    try:
        assert names(server) == ["one"]
    finally:
        server.stop()


def test_only_one_command_waits_and_what_a_killed_one_left_is_in_nobodys_way(tmp_path: Path) -> None:
    database = tmp_path / "gm.db"
    awaiting.tell(database)
    with Answer(database) as answer:
        with pytest.raises(SomebodyWaits):
            Answer(database)
        assert not answer.wait(0)
        awaiting.tell(database)
        assert answer.wait(DEADLINE)
    assert not awaiting.pipe_of(database).exists()
    subprocess.run([sys.executable, "-c", f"import os; os.mkfifo({str(awaiting.pipe_of(database))!r})"], check=True)
    awaiting.tell(database)
    with Answer(database) as answer:
        awaiting.tell(database)
        assert answer.wait(DEADLINE)


def test_what_lies_in_the_pipes_place_is_not_written_to(tmp_path: Path) -> None:
    awaiting.pipe_of(tmp_path / "gm.db").write_text("mine")
    awaiting.tell(tmp_path / "gm.db")
    assert awaiting.pipe_of(tmp_path / "gm.db").read_text() == "mine"
