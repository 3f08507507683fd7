"""No secret of a node is seen anywhere but in the files that hold it: not by `ps`, in no log, state, event or message.

A whole run of a node whose secrets are known to the test, ends of workers, thieves and errors included; then everything
that anybody might read is searched for them.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from sedna.api.tokens import id_of, make_token
from sedna_lc.gm.keys import KeyFile, NodeKeys
from tests.lc.daemon.nodes import NodeUnderTest, wait_until

# Shows that the worker has its secrets, without showing them; waits; then fails with an error of its own.
WORKER = """
import os, sys, time

folder = os.environ["CREDENTIALS_DIRECTORY"]
print("handed:", *sorted(os.listdir(folder)), len(open(folder + "/worker-token").read()), flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
raise RuntimeError("the model could not be trained")
"""


class Planted:
    """Secrets, and all the ways in which one could be written."""

    def __init__(self) -> None:
        self._forms: dict[bytes, str] = {}

    def add(self, name: str, secret: str | bytes) -> None:
        raw = secret.encode() if isinstance(secret, str) else secret
        encoded = (raw, base64.b64encode(raw), base64.urlsafe_b64encode(raw).rstrip(b"="), raw.hex().encode())
        for form in (*encoded, repr(raw)[2:-1].encode()):
            self._forms[form] = name

    def in_(self, content: bytes) -> list[str]:
        return sorted({name for form, name in self._forms.items() if form in content})


def processes() -> Iterator[tuple[str, bytes]]:
    """What `ps` and /proc show of every process of this host."""
    for entry in Path("/proc").iterdir():
        for name in ("cmdline", "environ") if entry.name.isdigit() and int(entry.name) != os.getpid() else ():
            try:
                yield f"/proc/{entry.name}/{name}", (entry / name).read_bytes()
            except OSError:
                continue


def files(folder: Path, holders: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder but those that are there to hold a secret, and what each is called."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not any(re.fullmatch(pattern, name) for pattern in holders):
            yield str(path), path.read_bytes()


HOLDERS = {
    r"credentials/minio": "what the operator wrote",
    r"state/door-key": "what tokens are made of",
    r"state/node-key\.json": "what the GlobalManager knows this node by",
    r"state/tokens/default/[^/]+": "what systemd, or a supervisor, hands to a worker",
    r"state/units/[^/]+/credentials/(worker-token|minio)": "what the worker reads, as long as it runs",
}


@pytest.fixture
def planted(node: NodeUnderTest) -> Planted:
    made = Planted()
    (node.folder / "credentials").mkdir()
    key = {"accessKeyId": f"AKIA{secrets.token_hex(8)}", "secretAccessKey": secrets.token_urlsafe(30)}
    (node.folder / "credentials" / "minio").write_text(json.dumps(key))
    made.add("the access key", key["accessKeyId"])
    made.add("the secret key", key["secretAccessKey"])
    token = make_token()
    (node.folder / "state").mkdir()
    KeyFile(node.folder / "state" / "node-key.json").save(NodeKeys(current=token))
    made.add("the node's key", token.removeprefix(f"{id_of(token)}."))
    node.configure(credentialsDir=str(node.folder / "credentials"), logLevel="DEBUG")
    (node.folder / "images/app/v1/app/secret.py").write_text(WORKER)
    return made


def test_w102_no_secret_is_seen_in_processes_logs_state_messages_or_what_is_told(
    node: NodeUnderTest, planted: Planted
) -> None:
    node.start()
    template = {"containers": [{"name": "c", "image": "app:v1", "args": ["secret.py", str(node.folder / "go")]}]}
    node.want("j-train-1", template=template, credentialName="minio")
    node.wait_for("j-train-1", "Running")
    log = node.folder / "state/units/sedna-worker-default-j-train-1/log"
    wait_until(lambda: log.exists() and log.read_bytes())
    assert log.read_text() == "handed: minio worker-token 64\n"
    token = (node.folder / "state/tokens/default/j-train-1").read_text()
    planted.add("the worker's token", token)
    planted.add("the door's key", (node.folder / "state/door-key").read_bytes())
    # Thieves, and what they try: their tokens are no more to be seen than ours.
    stolen = secrets.token_hex(32)
    planted.add("a stranger's token", stolen)
    door = re.findall(r"the door is (http://\S+)\.", node.log.read_text())[-1]
    report = {"name": "j-train-1", "namespace": "default", "kind": "train", "status": "running"}
    answers = b""
    for path, shown in (("j-train-1", stolen), ("other", token), ("j-train-1", "")):
        headers = {"Authorization": f"Bearer {shown}"} if shown else {}
        answer = httpx.post(f"{door}/sedna/workers/{path}/info", json=report, headers=headers, trust_env=False)
        assert answer.status_code in (401, 403)
        answers += answer.content
    # A worker that is to wait for a credential that is damaged.
    (node.folder / "credentials" / "broken").write_text("{accessKeyId: 'hunter2-key', secretAccessKey: hunter2-secret")
    planted.add("the broken key", "hunter2-key")
    planted.add("the broken secret", "hunter2-secret")
    broken = [{"name": "m", "url": "s3://bucket/m", "credentialName": "broken"}]
    node.want("j-train-2", template=template, models=broken, outputDir=str(node.folder / "out/train/2"))
    node.gm.wait_until(lambda: node.status("j-train-2").get("reason") == "CredentialUnusable")
    running = dict(processes())
    assert any("state/units" in value.decode(errors="replace") for value in running.values())
    told = repr([node.gm.resources, node.gm.events, node.gm.requests]).encode()
    during = {**running, **dict(files(node.folder, {**HOLDERS, r"credentials/broken": "a person's slip"}))}
    assert {name: found for name, value in during.items() if (found := planted.in_(value))} == {}
    assert planted.in_(answers + told) == []

    (node.folder / "go").touch()
    status = node.wait_for("j-train-1", "Failed")
    assert "the model could not be trained" in status["message"]
    node.gm.ask({"id": "q", "type": "log", "namespace": "default", "name": "j-train-1"})
    node.gm.wait_until(lambda: "q" in node.gm.answers)
    assert node.stop() == 0
    told = repr([node.gm.resources, node.gm.events, node.gm.requests]).encode() + node.gm.answers["q"]
    after = dict(files(node.folder, {**HOLDERS, r"credentials/broken": "a person's slip"}))
    assert {name: found for name, value in after.items() if (found := planted.in_(value))} == {}
    assert planted.in_(told) == []
    assert node.log.read_bytes()
    assert not (node.folder / "state/units/sedna-worker-default-j-train-1/credentials").exists()


def test_what_holds_a_secret_is_for_this_programs_user_alone(node: NodeUnderTest, planted: Planted) -> None:
    node.start()
    node.want("j-train-1", "wait", str(node.folder / "go"))
    node.wait_for("j-train-1", "Running")
    unit = node.folder / "state/units/sedna-worker-default-j-train-1"
    found = [node.folder / "state/door-key", node.folder / "state/node-key.json", *unit.glob("credentials/*")]
    found += (node.folder / "state/tokens").rglob("*/*")
    assert len(found) == 4
    assert {oct(path.stat().st_mode & 0o077) for path in found} == {"0o0"}
    assert {oct((unit / "credentials").stat().st_mode & 0o077), oct(unit.stat().st_mode & 0o077)} == {"0o0"}
