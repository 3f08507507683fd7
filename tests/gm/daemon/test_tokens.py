"""`sedna-gm token`: what is given is shown once, works beside a running service, and belongs to its owner."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from sedna.api.tokens import bearer, check_token, id_of, make_token, sha256_of
from sedna_gm.daemon.main import main
from sedna_gm.store.sql.credentials import SqlCredentials
from tests.gm.clients.servers import Server
from tests.gm.http.doors import BASE, MODELS, model


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gm.yml"
    path.write_text(f"database: sqlite:///{tmp_path / 'gm.db'}\n")
    return path


def run(config: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["token", *words, "--config", str(config)])


def done(config: Path, *words: str) -> str:
    result = run(config, *words)
    assert result.exit_code == 0, result.output
    return result.stdout


def listed(config: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(done(config, "list", "-o", "json"))
    return found


def test_a_token_is_shown_once_and_only_its_digest_is_kept(config: Path) -> None:
    token = done(config, "create", "ann", "--role", "editor", "--namespace", "a", "--namespace", "b").strip()
    check_token(token)
    (one,) = listed(config)
    assert one["id"] == id_of(token)
    assert (one["name"], one["role"], one["namespaces"], one["state"]) == ("ann", "editor", ["a", "b"], "good")
    kept = (config.parent / "gm.db").read_bytes() + (config.parent / "audit.log").read_bytes()
    assert token.partition(".")[2].encode() not in kept
    assert sha256_of(token).encode() in (config.parent / "gm.db").read_bytes()


def test_a_join_token_is_for_a_node_and_a_day_and_alone_on_stdout(config: Path, tmp_path: Path) -> None:
    check_token(done(config, "create", "--node", "edge-1").removesuffix("\n"))
    out = done(config, "create", "--node", "edge-2", "--expires", "30m", "--file", str(tmp_path / "token"))
    written = tmp_path / "token"
    assert written.stat().st_mode & 0o777 == 0o600
    assert out.strip() == id_of(check_token(written.read_text().strip()))
    first, second = sorted(listed(config), key=lambda one: str(one["name"]))
    assert (first["kind"], first["name"]) == ("join", "edge-1")
    assert first["expires"] > second["expires"]
    assert "edge-1" in done(config, "list")


def test_a_kubeconfig_holds_all_that_kubectl_needs(config: Path, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("CERT")
    file = tmp_path / "kubeconfig"
    words = (
        "--role",
        "admin",
        "--kubeconfig",
        str(file),
        "--server",
        "https://gm:9000",
        "--ca",
        str(tmp_path / "ca.crt"),
    )
    assert done(config, "create", "ann", *words).strip() == listed(config)[0]["id"]
    assert file.stat().st_mode & 0o777 == 0o600
    content = yaml.safe_load(file.read_text())
    assert content["clusters"][0]["cluster"] == {
        "server": "https://gm:9000", "certificate-authority-data": base64.b64encode(b"CERT").decode(),
    }  # fmt: skip
    check_token(content["users"][0]["user"]["token"])


def test_a_token_that_cannot_be_handed_over_is_not_left_behind(config: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = run(config, "create", "ann", "--role", "admin", "--file", str(tmp_path / "file" / "token"))
    assert refused.exit_code == 1
    assert "No token was made." in refused.output
    assert [one["state"] for one in listed(config)] == ["revoked"]


def test_an_audit_log_that_cannot_be_written_leaves_no_token_that_nobody_was_shown(config: Path) -> None:
    (config.parent / "audit.log").mkdir()
    for words in (("ann", "--role", "admin"), ("--node", "edge-1")):
        refused = run(config, "create", *words)
        assert refused.exit_code == 1
        assert "The audit log" in refused.output
    assert listed(config) == []


def test_a_token_that_the_database_does_not_take_is_noted_as_not_made(config: Path) -> None:
    done(config, "create", "ann", "--role", "viewer")
    with sqlite3.connect(config.parent / "gm.db") as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON credentials BEGIN SELECT RAISE(ABORT, 'no more'); END")
    connection.close()
    refused = run(config, "create", "bob", "--role", "admin")
    assert refused.exit_code == 1
    assert "No token was made" in refused.output
    told = [json.loads(line) for line in (config.parent / "audit.log").read_text().splitlines()]
    assert [one["code"] for one in told] == [200, 200, 503]
    assert [one["name"] for one in listed(config)] == ["ann"]


def test_what_is_revoked_is_told_by_name_and_a_slip_revokes_nothing(config: Path) -> None:
    ann, more = (done(config, "create", "ann", "--role", "viewer").strip() for _ in range(2))
    done(config, "create", "--node", "edge-1")
    assert "There is no credential nonesuch" in run(config, "revoke", id_of(ann), "nonesuch").output
    assert {one["state"] for one in listed(config)} == {"good"}
    # The whole token may be at hand rather than its id; it is not repeated.
    said = done(config, "revoke", ann)
    assert said == f"{id_of(ann)}: revoked, a token of ann.\n"
    assert id_of(more) in done(config, "revoke", "--person", "ann")
    assert "a join token for edge-1" in done(config, "revoke", "--node", "edge-1")
    assert "Nothing of that was good any more." in done(config, "revoke", "--node", "edge-1")
    told = [json.loads(line) for line in (config.parent / "audit.log").read_text().splitlines()]
    assert [one["verb"] for one in told] == ["create"] * 3 + ["revoke"] * 3
    assert told[0]["identity"]["kind"] == "operator"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Say for whom"),
        (("ann", "--node", "edge", "--role", "admin"), "Say for whom"),
        (("ann",), "--role admin|editor|viewer"),
        (("--node", "Edge_1"), "Edge_1"),
        (("--node", "edge", "--role", "admin"), "A host has no role"),
        (("a b", "--role", "admin"), "is no name for a person"),
        (("ann", "--role", "admin", "--namespace", "../x"), "../x"),
        (("ann", "--role", "admin", "--expires", "soon"), "such as 90d, 24h or 30m"),
        (("ann", "--role", "admin", "--kubeconfig", "x"), "--kubeconfig and --server belong together"),
    ],
)
def test_what_does_not_go_together_is_said_and_makes_nothing(config: Path, words: tuple[str, ...], said: str) -> None:
    refused = run(config, "create", *words)
    assert refused.exit_code == 2
    assert said in refused.output
    assert not (config.parent / "gm.db").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root acts as somebody else")
def test_what_root_makes_belongs_to_the_services_user(tmp_path: Path) -> None:
    folder = tmp_path / "gm"
    folder.mkdir()
    for place in (folder, *tmp_path.parents):
        if str(place).startswith("/tmp/"):
            place.chmod(0o755)
    tmp_path.chmod(0o755)
    os.chown(folder, 4711, 4712)
    config = tmp_path / "gm.yml"
    config.write_text(f"database: sqlite:///{folder / 'gm.db'}\n")
    done(config, "create", "ann", "--role", "admin", "--file", str(tmp_path / "token"))
    assert {(path.stat().st_uid, path.stat().st_gid) for path in folder.iterdir()} == {(4711, 4712)}
    assert (tmp_path / "token").stat().st_uid == 0
    assert (os.geteuid(), os.getegid()) == (0, 0)


def test_a_running_service_takes_and_refuses_at_once(tmp_path: Path) -> None:
    server = Server(tmp_path, "http: {lookUpSeconds: 0.05}\n", auth="required")
    try:
        config = tmp_path / "gm.yml"
        assert server.http.get(MODELS).status_code == 401
        token = done(config, "create", "ann", "--role", "admin").strip()
        server.http.headers["Authorization"] = f"Bearer {token}"
        assert server.http.post(MODELS, json=model()).status_code == 201
        events = server.events(f"{BASE}/models")
        assert next(events)["type"] == "ADDED"
        done(config, "revoke", "--person", "ann")
        assert server.http.get(MODELS).status_code == 401
        assert list(events) == []
        join, key = done(config, "create", "--node", "edge").strip(), make_token()
        server.http.headers["Authorization"] = f"Bearer {join}"
        body = {"node": "edge", "id": id_of(key), "sha256": sha256_of(key)}
        assert server.http.post("/join", json=body).status_code == 201
        told = [json.loads(line)["verb"] for line in (tmp_path / "audit.log").read_text().splitlines()]
        assert told == ["get", "create", "create", "revoke", "get", "create", "join"]
        assert key.partition(".")[2] not in "".join(server.journal)
        assert token.partition(".")[2] not in "".join(server.journal)
    finally:
        server.stop()


def test_a_damaged_look_is_no_way_in(tmp_path: Path) -> None:
    """Whatever the header holds, it is a token or it is none."""
    assert bearer(f"Bearer {make_token()}")
    for header in ("", "Bearer", "Bearer ", "Token x", f"Bearer {make_token()} x", f"Bearer x{make_token()}.y"):
        assert bearer(header) is None
    credentials = SqlCredentials(f"sqlite:///{tmp_path / 'gm.db'}")
    assert credentials.find("x' OR '1'='1") is None
    credentials.close()
