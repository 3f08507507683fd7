"""`sedna up`: one folder, two daemons, and a clear word when one of them does not come up or does not stay.

The daemons here are small stand-ins that listen and end as the true ones do; tests/end_to_end has the true ones.
"""

from __future__ import annotations

import os
import signal
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from sedna.cli.errors import CommandError
from sedna.cli.up import command, configs, waiting
from sedna.cli.up.children import Child, stop
from tests.cli.conftest import Run

FAKE_DAEMON = """\
#!{python}
import http.server, json, signal, sys, threading, yaml

config = yaml.safe_load(open(sys.argv[sys.argv.index("--config") + 1]))
role = "lc" if "nodeName" in config else "gm"
journal = open("{journal}", "a", buffering=1)
print("this is the", role, flush=True)
{early}

class Door(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ready = dict(type="Ready", status="True")
        body = json.dumps(dict(status=dict(conditions=[ready]))).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass

host, port = config["listen"].split(":")
server = http.server.ThreadingHTTPServer((host, int(port)), Door)

def told(*_):
    journal.write(role + " told to stop\\n")
    threading.Thread(target=server.shutdown).start()

signal.signal(signal.SIGTERM, {on_term})
journal.write(role + " listens\\n")
server.serve_forever()
journal.write(role + " ended\\n")
"""


class Daemons:
    """Writes stand-ins and runs `sedna up` with them in a thread, as a person would in a terminal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = folder / "journal"
        self.setup = configs.prepare(folder / "up", port=0, lc_port=0, node=None)
        self.stopping, self.hurry = threading.Event(), threading.Event()
        self.error: CommandError | None = None
        self._thread = threading.Thread(target=self._run)
        self.commands = (self.program("gm"), self.program("lc"))

    def program(self, name: str, early: str = "", on_term: str = "told") -> str:
        path = self.folder / f"fake-{name}"
        path.write_text(FAKE_DAEMON.format(python=sys.executable, journal=self.journal, early=early, on_term=on_term))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    def _run(self) -> None:
        try:
            command._run(self.setup, self.commands, self.stopping, self.hurry)
        except CommandError as error:
            self.error = error

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive()

    def heard(self) -> list[str]:
        return self.journal.read_text().splitlines() if self.journal.exists() else []

    def until(self, line: str, times: int = 1) -> None:
        self.wait_for(lambda: self.heard().count(line) >= times)

    def wait_for(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < deadline, self.heard()
            assert not self.stopping.wait(0.02)

    def kill(self, name: str) -> None:
        pid = next(pid for pid, words in _processes() if str(self.folder / f"fake-{name}") in words)
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def daemons(tmp_path: Path) -> Daemons:
    return Daemons(tmp_path)


def test_the_lc_starts_after_the_gm_and_stops_before_it(daemons: Daemons, capsys: pytest.CaptureFixture[str]) -> None:
    daemons.begin()
    daemons.until("lc listens")
    daemons.stopping.set()
    daemons.end()
    assert daemons.error is None
    assert daemons.heard() == [
        "gm listens", "lc listens", "lc told to stop", "lc ended", "gm told to stop", "gm ended",
    ]  # fmt: skip
    assert "Stopped." in capsys.readouterr().out


def test_a_daemon_that_dies_at_once_is_told_with_the_end_of_its_log(daemons: Daemons) -> None:
    daemons.program("gm", early="print('database is locked'); sys.exit(3)")
    daemons.begin()
    daemons.end()
    assert daemons.error is not None
    assert "GlobalManager ended with exit code 3" in daemons.error.message
    assert "database is locked" in daemons.error.message
    assert daemons.error.exit_code == 1


def test_a_daemon_that_dies_is_started_again_and_the_other_goes_on(
    daemons: Daemons, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []

    def welcomed() -> bool:
        said.extend(capsys.readouterr().out.splitlines())
        return any(line.startswith("Sedna is up") for line in said)

    daemons.begin()
    daemons.wait_for(welcomed)
    daemons.kill("gm")
    daemons.until("gm listens", times=2)
    daemons.stopping.set()
    daemons.end()
    assert daemons.error is None
    assert daemons.heard().count("lc listens") == 1
    again = "The GlobalManager ended by signal SIGKILL; starting it again in 1 s. Its log: "
    assert f"{again}{daemons.setup.logs / 'gm.log'}" in capsys.readouterr().out.splitlines()


def test_a_gm_that_dies_before_its_node_is_ready_is_told(daemons: Daemons) -> None:
    daemons.program("lc", early="import time; time.sleep(60)")
    daemons.begin()
    daemons.until("gm listens")
    daemons.kill("gm")
    daemons.end()
    assert daemons.error is not None
    assert "GlobalManager ended by signal SIGKILL" in daemons.error.message


def test_one_that_does_not_stop_is_ended_when_told_twice(daemons: Daemons) -> None:
    daemons.program("lc", on_term="signal.SIG_IGN")
    daemons.begin()
    daemons.until("lc listens")
    daemons.stopping.set()
    daemons.hurry.set()
    daemons.end()
    assert daemons.error is None
    assert not [words for _, words in _processes() if str(daemons.folder) in words]


def _processes() -> list[tuple[int, str]]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append((int(path.parent.name), path.read_bytes().replace(b"\0", b" ").decode()))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("option", ["--port", "--lc-port"])
def test_a_taken_port_is_told_with_the_way_out_before_anything_is_written(
    run: Run, tmp_path: Path, option: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = {"--port": "0", "--lc-port": "0", option: port}
        result = run("up", "--dir", str(tmp_path), *(word for pair in words.items() for word in pair))
    assert result.exit_code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in result.stderr
    assert f"choose another with {option} N" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == [".up.lock"]


def test_a_taken_port_of_a_used_folder_names_the_line_to_change(run: Run, tmp_path: Path) -> None:
    setup = configs.prepare(tmp_path, port=0, lc_port=0, node=None)
    host, _, port = setup.server.removeprefix("http://").rpartition(":")
    with socket.create_server((host, int(port))):
        result = run("up", "--dir", str(tmp_path))
    assert f"change `listen` in {setup.gm_config}, and `gm` in {setup.lc_config}" in result.stderr


@pytest.mark.parametrize("node", ["Edge Node", "edge_1", ""])
def test_a_slip_in_the_nodes_name_does_not_stay_in_the_folder(tmp_path: Path, node: str) -> None:
    with pytest.raises(CommandError, match=r"--node '.*' is not a DNS"):
        configs.prepare(tmp_path, port=0, lc_port=0, node=node)
    assert configs.prepare(tmp_path, port=0, lc_port=0, node="edge-1").node == "edge-1"


def test_a_second_up_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    once, twice = command._one_per_folder(tmp_path), command._one_per_folder(tmp_path)
    with once, pytest.raises(CommandError, match="another `sedna up`"):
        twice.__enter__()


def test_configuration_is_written_once_and_kept(tmp_path: Path) -> None:
    first = configs.prepare(tmp_path, port=0, lc_port=0, node="here")
    text = first.lc_config.read_text()
    again = configs.prepare(tmp_path, port=None, lc_port=None, node=None)
    assert again == first
    assert first.lc_config.read_text() == text
    assert yaml.safe_load(text)["nodeName"] == "here"
    assert yaml.safe_load(text)["stopWorkersOnExit"] is True


def test_the_defaults_are_the_documented_ones(tmp_path: Path) -> None:
    setup = configs.prepare(tmp_path, port=None, lc_port=None, node=None)
    assert (setup.server, setup.lc_listen, setup.node) == ("http://127.0.0.1:9000", "127.0.0.1:9100", "edge-node")
    assert yaml.safe_load(setup.gm_config.read_text())["database"] == f"sqlite:///{tmp_path}/state/gm.db"


def test_an_option_that_contradicts_the_folder_is_no_silent_change(tmp_path: Path) -> None:
    configs.prepare(tmp_path, port=9001, lc_port=None, node=None)
    configs.prepare(tmp_path, port=9001, lc_port=None, node="edge-node")
    with pytest.raises(CommandError, match=r"--port 9002: .*gm.yml already says 9001"):
        configs.prepare(tmp_path, port=9002, lc_port=None, node=None)
    with pytest.raises(CommandError, match=r"--node other: .*lc.yml already says edge-node"):
        configs.prepare(tmp_path, port=None, lc_port=None, node="other")


@pytest.mark.parametrize("text", ["", "[", "just text", "listen: nowhere\n"])
def test_a_broken_configuration_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "gm.yml").write_text(text)
    with pytest.raises(CommandError, match=r"gm\.yml"):
        configs.prepare(tmp_path, port=None, lc_port=None, node=None)


def test_the_kubeconfig_leads_to_this_gm(tmp_path: Path) -> None:
    setup = configs.prepare(tmp_path, port=9001, lc_port=None, node=None)
    config = yaml.safe_load(setup.kubeconfig.read_text())
    assert config["clusters"][0]["cluster"]["server"] == "http://127.0.0.1:9001"
    assert config["current-context"] == config["contexts"][0]["name"]


def test_a_folder_that_cannot_be_made_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("up", "--dir", str(tmp_path / "file" / "below"))
    assert (result.exit_code, "cannot use" in result.stderr) == (1, True), result.output


def test_waiting_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "READY_SECONDS", 0.0)
    log = tmp_path / "x.log"
    child = Child("LocalController", [sys.executable, "-c", "input()"], log, tmp_path, stop_seconds=10)
    child_that_stays = Child(
        "X", [sys.executable, "-c", "import signal; signal.pause()"], log, tmp_path, stop_seconds=9
    )
    try:
        with pytest.raises(CommandError, match="not Ready"):
            waiting.until_ready([child_that_stays], lambda: False, "the node is not Ready", threading.Event())
    finally:
        for one in (child, child_that_stays):
            stop(one, threading.Event(), print)


def test_giving_up_while_waiting_is_no_error(tmp_path: Path) -> None:
    given_up = threading.Event()
    given_up.set()
    child = Child(
        "X", [sys.executable, "-c", "import signal; signal.pause()"], tmp_path / "l", tmp_path, stop_seconds=9
    )
    assert waiting.until_ready([child], lambda: False, "never", given_up) is False
    stop(child, given_up, print)


def test_an_old_log_is_put_aside_when_it_is_large(tmp_path: Path) -> None:
    log = tmp_path / "gm.log"
    with log.open("wb") as file:
        file.truncate(11 * 1024 * 1024)
    child = Child("X", [sys.executable, "-c", "print('new')"], log, tmp_path, stop_seconds=9)
    child.process.wait()
    assert log.read_text() == "new\n"
    assert (tmp_path / "gm.log.1").exists()


@pytest.mark.parametrize(
    ("settings", "is_refused"),
    [
        ("listen: 0.0.0.0:9000\nauth: none\n", True),
        ("listen: 192.0.2.7:9000\n", True),
        ("listen: 192.0.2.7:9000\nauth: required\n", True),
        ("listen: 192.0.2.7:9000\nauth: none\ntls: {certificate: /c, key: /k}\n", True),
        ("listen: 192.0.2.7:9000\nauth: required\ntls: {certificate: /c, key: /k}\n", False),
        ("listen: '[::1]:9000'\nauth: none\n", False),
        ("listen: localhost:9000\nauth: none\n", False),
    ],
)
def test_what_others_can_reach_is_not_started_without_credentials_and_tls(
    tmp_path: Path, settings: str, is_refused: bool
) -> None:
    (tmp_path / "gm.yml").write_text(settings)
    if is_refused:
        with pytest.raises(CommandError, match=r"others can reach .*auth: required"):
            configs.prepare(tmp_path, port=None, lc_port=0, node=None)
        assert not (tmp_path / "lc.yml").exists()
    else:
        configs.prepare(tmp_path, port=None, lc_port=0, node=None)


def test_a_new_folder_asks_nobody_and_says_so(tmp_path: Path) -> None:
    setup = configs.prepare(tmp_path, port=0, lc_port=0, node=None)
    assert yaml.safe_load(setup.gm_config.read_text())["auth"] == "none"
    assert not setup.asks


def test_a_folder_from_before_credentials_goes_on_and_keeps_what_was_written_there(tmp_path: Path) -> None:
    old = "# mine\nlisten: 127.0.0.1:9000\ndatabase: memory\n"
    (tmp_path / "gm.yml").write_text(old)
    for _ in range(2):
        configs.prepare(tmp_path, port=None, lc_port=0, node=None)
    text = (tmp_path / "gm.yml").read_text()
    assert text.startswith(old)
    assert text.count("auth: none") == 1


def test_a_folder_whose_file_cannot_be_added_to_is_told_what_to_add(tmp_path: Path) -> None:
    (tmp_path / "gm.yml").write_text("{listen: '127.0.0.1:9000'}\n")
    with pytest.raises(CommandError, match=r"add `auth: none`|is not YAML"):
        configs.prepare(tmp_path, port=None, lc_port=0, node=None)
    assert (tmp_path / "gm.yml").read_text() == "{listen: '127.0.0.1:9000'}\n"


def test_where_everybody_is_asked_the_one_who_starts_it_is_asked_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gm.yml").write_text("listen: 127.0.0.1:9000\nauth: required\n")
    (tmp_path / "kubeconfig").write_text("mine")
    setup = configs.prepare(tmp_path, port=None, lc_port=0, node=None)
    assert setup.kubeconfig.read_text() == "mine"
    with pytest.raises(CommandError, match="sedna-gm token create NAME --role admin"):
        command._proof(setup)
    (tmp_path / "token").write_text("abcdefgh.secret\n")
    monkeypatch.setenv("SEDNA_TOKEN_FILE", str(tmp_path / "token"))
    assert command._proof(setup).token == "abcdefgh.secret"
