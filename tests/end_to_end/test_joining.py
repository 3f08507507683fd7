"""A site with its doors locked, in real processes: TLS, credentials, a node that joins, and kills at bad moments."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
import yaml

from sedna_gm.certificates import keeping
from tests.lc.fakes.gm import BASE

GM = (sys.executable, "-c", "from sedna_gm.daemon.main import main; main()")
LC = (sys.executable, "-c", "from sedna_lc.daemon.main import main; main()")
SEDNA = (sys.executable, "-c", "from sedna.cli.main import main; main()")
DEADLINE_TURNS = 60_000


def until(holds: Callable[[], Any], what: str) -> Any:
    """Look often: what is waited for is over in a moment."""
    pause = Event()
    for _ in range(DEADLINE_TURNS):
        if found := holds():
            return found
        pause.wait(0.001)
    raise AssertionError(f"{what} did not come")


class Site:
    """A GlobalManager on TLS that asks everybody for a credential, and one LocalController."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tls = folder / "tls"
        self.state = folder / "state"
        keeping.create(self.tls, ["127.0.0.1"], None, datetime.now(timezone.utc))
        self.address = "127.0.0.1:0"
        self.gm_process: subprocess.Popen[bytes] | None = None
        self.lc_process: subprocess.Popen[bytes] | None = None
        self.start_gm()
        self.kubeconfig = folder / "kubeconfig"
        authority = ("--kubeconfig", str(self.kubeconfig), "--server", self.url, "--ca", str(self.tls / "ca.crt"))
        self.command("token", "create", "ann", "--role", "admin", *authority)
        self.admin = self.bearing(yaml.safe_load(self.kubeconfig.read_text())["users"][0]["user"]["token"])

    @property
    def config(self) -> Path:
        return self.folder / "gm.yml"

    @property
    def token_file(self) -> Path:
        return self.state / "join-token"

    @property
    def key_file(self) -> Path:
        return self.state / "node-key.json"

    def start_gm(self) -> None:
        tls = {"certificate": str(self.tls / "gm.crt"), "key": str(self.tls / "gm.key")}
        settings = {
            "listen": self.address,
            "database": f"sqlite:///{self.folder / 'gm.db'}",
            "artifacts": {"folder": str(self.folder / "artifacts")},
            "audit": {"file": str(self.folder / "audit.log")},
            "nodeSilenceSeconds": 5,
            "tls": tls,
        }
        self.config.write_text(json.dumps(settings))
        told = self.folder / "address"
        told.unlink(missing_ok=True)
        with (self.folder / "gm.log").open("ab") as log:
            self.gm_process = subprocess.Popen(
                [*GM, "serve", "--config", str(self.config), "--address-file", str(told)],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.url = str(until(lambda: told.exists() and told.read_text().strip(), "the GlobalManager"))
        # Again under the same address after a kill.
        self.address = self.url.removeprefix("https://")

    def start_lc(self) -> None:
        settings = {
            "nodeName": "edge",
            "gm": self.url,
            "caFile": str(self.tls / "ca.crt"),
            "listen": "127.0.0.1:0",
            "stateDir": str(self.state),
            "imagesDir": str(self.folder / "images"),
            "runner": "process",
            "heartbeatSeconds": 1,
        }
        (self.folder / "lc.yml").write_text(json.dumps(settings))
        with self.lc_log.open("ab") as log:
            self.lc_process = subprocess.Popen(
                [*LC, "run", "--config", str(self.folder / "lc.yml")], stdout=log, stderr=log, start_new_session=True
            )

    @property
    def lc_log(self) -> Path:
        return self.folder / "lc.log"

    def command(self, *words: str) -> str:
        """As an operator on the GlobalManager's host."""
        done = subprocess.run(
            [*GM, *words, "--config", str(self.config)], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def lay_join_token(self) -> str:
        self.state.mkdir(exist_ok=True)
        self.command("token", "create", "--node", "edge", "--file", str(self.folder / "token"))
        (self.folder / "token").replace(self.token_file)
        return self.token_file.read_text().strip()

    def sedna(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """As a person with the kubeconfig."""
        variables = {"KUBECONFIG": str(self.kubeconfig), **os.environ, **environment}
        return subprocess.run([*SEDNA, *words], capture_output=True, text=True, timeout=60, check=False, env=variables)

    def is_ready(self) -> bool:
        answer = self.admin.get(f"{BASE}/nodes/edge")
        if answer.status_code == 404:
            return False
        conditions = (answer.raise_for_status().json().get("status") or {}).get("conditions") or []
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    def key(self) -> str:
        return str(json.loads(self.key_file.read_text())["current"])

    def bearing(self, token: str) -> httpx.Client:
        trust = ssl.create_default_context(cafile=str(self.tls / "ca.crt"))
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, verify=trust, headers=headers, timeout=60, trust_env=False)

    def kill_lc(self) -> None:
        _kill(self.lc_process)

    def kill_gm(self) -> None:
        _kill(self.gm_process)

    def audit(self) -> str:
        path = self.folder / "audit.log"
        return path.read_text() if path.exists() else ""


def _kill(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None and process.poll() is None:
        # Its session is its own: what it has forked goes with it.
        os.killpg(process.pid, signal.SIGKILL)
    if process is not None:
        process.wait(60)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.kill_lc()
    made.kill_gm()
    made.admin.close()
    for log in ("gm.log", "lc.log"):
        print((tmp_path / log).read_text() if (tmp_path / log).exists() else f"no {log}")


def test_a_node_joins_is_ready_and_keeps_to_what_is_its_own(site: Site) -> None:
    token = site.lay_join_token()
    site.start_lc()
    until(site.is_ready, "a Ready node")
    assert not site.token_file.exists()
    with site.bearing(site.key()) as client:
        assert client.get(f"{BASE}/workers", params={"fieldSelector": "spec.nodeName=edge"}).status_code == 200
        assert client.get(f"{BASE}/workers").status_code == 403
    with site.bearing(token) as client:
        assert client.get(f"{BASE}/nodes").status_code == 401
    assert "edge" in site.sedna("get", "nodes").stdout
    refused = site.sedna("get", "nodes", KUBECONFIG="", SEDNA_SERVER=site.url, SEDNA_CA=str(site.tls / "ca.crt"))
    assert refused.returncode == 1
    assert "--token-file" in refused.stderr
    everything = site.audit() + (site.folder / "gm.log").read_text() + site.lc_log.read_text()
    secrets = [token, site.key(), site.kubeconfig.read_text().partition("token: ")[2].split()[0]]
    assert all(secret.partition(".")[2] not in everything for secret in secrets)


@pytest.mark.parametrize(
    ("moment", "whom"),
    [
        ("a key is written", "the LocalController"),
        ("the GlobalManager has taken it", "the LocalController"),
        ("the GlobalManager has taken it", "both"),
        ("the token is used up", "the LocalController"),
    ],
)
def test_a_kill_at_any_moment_of_joining_ends_in_a_ready_node(site: Site, moment: str, whom: str) -> None:
    site.lay_join_token()
    site.start_lc()
    moments: dict[str, Callable[[], Any]] = {
        "a key is written": site.key_file.exists,
        "the GlobalManager has taken it": lambda: '"join"' in site.audit(),
        "the token is used up": lambda: not site.token_file.exists(),
    }
    until(moments[moment], moment)
    site.kill_lc()
    if whom == "both":
        site.kill_gm()
        site.start_gm()
    site.start_lc()
    until(site.is_ready, "a Ready node")
    assert not site.token_file.exists()


def test_a_revoked_node_says_what_to_do_and_joins_by_a_new_token(site: Site) -> None:
    site.lay_join_token()
    site.start_lc()
    until(site.is_ready, "a Ready node")
    old = site.key()
    site.command("token", "revoke", "--node", "edge")
    until(lambda: "sedna-gm token create --node edge" in site.lc_log.read_text(), "the advice")
    until(lambda: not site.is_ready(), "a node that is not Ready")
    site.lay_join_token()
    until(lambda: site.key() != old, "another key")
    until(site.is_ready, "a Ready node")


def test_a_node_that_believes_another_authority_is_told_and_sends_no_token(site: Site, tmp_path: Path) -> None:
    site.lay_join_token()
    keeping.create(tmp_path / "other", ["127.0.0.1"], None, datetime.now(timezone.utc))
    authority = (site.tls / "ca.crt").read_bytes()
    (site.tls / "ca.crt").write_bytes((tmp_path / "other" / "ca.crt").read_bytes())
    site.start_lc()
    until(lambda: site.lc_log.exists() and "caFile in lc.yml" in site.lc_log.read_text(), "the advice")
    assert '"join"' not in site.audit()
    site.kill_lc()
    (site.tls / "ca.crt").write_bytes(authority)
    site.start_lc()
    until(site.is_ready, "a Ready node")
