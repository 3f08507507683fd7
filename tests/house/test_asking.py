"""How the roles ask the GlobalManager: with a credential that lies on the host, which is never printed."""

from __future__ import annotations

import base64
import importlib.util
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tests.house.project import ROOT

SCRIPT = ROOT / "roles" / "sedna_common" / "files" / "ask.py"
GOOD, OLD = "goodgood.secret-of-now", "oldoldold.secret-of-before"


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ask", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Door(BaseHTTPRequestHandler):
    """Takes one token, and says what was sent."""

    def answer(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        known = self.headers.get("Authorization") == f"Bearer {GOOD}"
        said = {"sent": sent, "as": self.headers.get("Content-Type")} if known else {"message": "Who are you?"}
        body = json.dumps(said).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PATCH = answer  # noqa: N815 - the names that http.server calls

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a door."""
    with HTTPServer(("127.0.0.1", 0), Door) as door:
        thread = threading.Thread(target=door.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{door.server_port}"
        door.shutdown()
        thread.join()


def kubeconfig(server: str, token: str, authority: str = "") -> dict[str, Any]:
    cluster = {"server": server}
    if authority:
        cluster["certificate-authority-data"] = base64.b64encode(authority.encode()).decode()
    named = {"name": "sedna", "context": {"cluster": "sedna", "user": "admin"}}
    users = [{"name": "admin", "user": {"token": token}}]
    return {"clusters": [{"name": "sedna", "cluster": cluster}], "contexts": [named], "users": users}


def ask(*words: str, body: str = "") -> dict[str, Any]:
    said: dict[str, Any] = script().main(list(words), body.encode)
    assert GOOD.partition(".")[2] not in json.dumps(said)
    return said


@pytest.mark.parametrize("write", [yaml.safe_dump, json.dumps, lambda it: json.dumps(it, indent=2)])
def test_a_kubeconfig_says_where_to_ask_and_as_whom(server: str, tmp_path: Path, write: Any) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(write(kubeconfig(server, GOOD)))
    said = ask(f"--kubeconfig={file}", "/version")
    assert (said["status"], said["id"], said["fits"]) == (200, "goodgood", True)
    assert said["url"] == f"{server}/version"


def test_what_leads_elsewhere_or_believes_another_does_not_fit(server: str, tmp_path: Path) -> None:
    file, authority = tmp_path / "kubeconfig", tmp_path / "ca.crt"
    file.write_text(yaml.safe_dump(kubeconfig("http://elsewhere:1", GOOD)))
    assert ask(f"--kubeconfig={file}", f"--server={server}", "/version")["fits"] is False
    # Only compared: nobody is believed over plain HTTP.
    authority.write_text("")
    file.write_text(yaml.safe_dump(kubeconfig(server, GOOD, "another authority")))
    assert script().authority_of(file.read_text()) == "another authority"


def test_no_file_is_a_question_without_a_credential(server: str, tmp_path: Path) -> None:
    said = ask(f"--kubeconfig={tmp_path}/none", f"--server={server}", "/version")
    assert (said["status"], said["id"], said["msg"]) == (401, "", "Who are you?")


@pytest.mark.parametrize(
    ("kept", "status"),
    [
        ({"current": GOOD, "next": None}, 200),
        ({"current": OLD, "next": GOOD}, 200),
        ({"current": OLD, "next": None, "previous": GOOD}, 200),
        ({"current": OLD, "next": None}, 401),
        ({"current": None, "next": OLD}, 401),
    ],
    ids=["present", "next", "previous", "refused", "not joined"],
)
def test_a_node_asks_with_the_key_that_is_believed(
    server: str, tmp_path: Path, kept: dict[str, Any], status: int
) -> None:
    file = tmp_path / "node-key.json"
    file.write_text(json.dumps(kept))
    assert ask(f"--node-key={file}", f"--server={server}", "/x")["status"] == status


def test_a_body_is_sent_as_what_it_is(server: str, tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(kubeconfig(server, GOOD)))
    words = (f"--kubeconfig={file}", "--method=PATCH", "--type=application/yaml", "--body", "/manifests")
    assert ask(*words, body="kind: Model")["json"] == {"sent": "kind: Model", "as": "application/yaml"}


def test_silence_is_an_answer_of_its_own() -> None:
    with HTTPServer(("127.0.0.1", 0), Door) as closed:
        port = closed.server_port
    said = ask(f"--server=http://127.0.0.1:{port}", "/version")
    assert said["status"] == -1
    assert "refused" in said["msg"]
