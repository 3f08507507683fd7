"""The dashboard of a site with its doors locked: TLS, a viewer who looks, an editor who labels, a token that ends."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Page, expect

from tests.browser.conftest import FLAGS, Complaints, Look, installed
from tests.browser.sites import draw
from tests.end_to_end.test_joining import Site as Locked
from tests.end_to_end.test_joining import until
from tests.lc.fakes.gm import BASE

pytestmark = pytest.mark.timeout(240)
JOB = "helmets"
EXAMPLE = "00000001_frame000015"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    """A node that has joined over TLS, with a job whose camera has found one picture hard."""
    site = Locked(tmp_path_factory.mktemp("locked"))
    try:
        prepare(site)
        site.lay_join_token()
        site.start_lc()
        until(site.is_ready, "a Ready node")
        applied = site.sedna("apply", "-f", str(site.folder / "job.yaml"))
        assert applied.stdout.count("created") == 4, applied.stderr
        yield site
    finally:
        try:
            # Its worker outlives a LocalController that is killed, so it goes first.
            site.sedna("delete", "incrementallearningjob", JOB)
            until(lambda: not site.admin.get(f"{BASE}/workers").json()["items"], "the end of the worker")
        finally:
            site.kill_lc()
            site.kill_gm()
            site.admin.close()


def prepare(site: Locked) -> None:
    """The worker image, the list, the models, and what inference found hard."""
    image = site.folder / "images" / "helmets" / "v1"
    (image / "app").mkdir(parents=True)
    shutil.copy(Path(__file__).parent / "worker.py", image / "app" / "worker.py")
    (image / "image.yml").write_text(f"{{name: helmets, tag: v1, python: {sys.executable}}}")
    hard = site.folder / "hard_examples"
    for folder in (site.folder / "data" / "images", hard):
        folder.mkdir(parents=True)
    (site.folder / "data" / "train.txt").touch()
    for name in ("base", "first"):
        (site.folder / f"{name}.json").write_text('{"seen": 0}')
    (hard / f"{EXAMPLE}.jpg").write_bytes(draw(1)[0].data)
    about = {"picture": f"{EXAMPLE}.jpg", "frame": 15, "boxes": [[100, 100, 160, 220, 0.4, 0]]}
    (hard / f"{EXAMPLE}.json").write_text(json.dumps(about))
    (site.folder / "job.yaml").write_text(yaml.safe_dump_all(manifests(site.folder)))


def manifests(folder: Path) -> list[dict[str, Any]]:
    def template(role: str, **more: Any) -> dict[str, Any]:
        env = [{"name": "class_names", "value": "person,helmet"}, *more.pop("env", [])]
        container = {"name": role, "image": "helmets:v1", "args": ["worker.py", role], "env": env, **more}
        return {"nodeName": "edge", "containers": [container]}

    serving = template(
        "inference", env=[{"name": "HE_SAVED_URL", "value": "/hard_examples"}],
        volumeMounts=[{"name": "he", "mountPath": "/hard_examples"}],
    )  # fmt: skip
    serving["volumes"] = [{"name": "he", "hostPath": {"path": str(folder / "hard_examples"), "type": "Directory"}}]
    few = {"condition": {"metric": "num_of_samples", "operator": ">", "threshold": 9}}
    better = {"condition": {"metric": "precision_delta", "operator": ">", "threshold": 0.01}}
    specs = {
        ("Dataset", "frames"): {"url": str(folder / "data" / "train.txt"), "format": "txt", "nodeName": "edge"},
        ("Model", "base"): {"url": str(folder / "base.json"), "format": "json", "nodeName": "edge"},
        ("Model", "served"): {"url": str(folder / "first.json"), "format": "json"},
        ("IncrementalLearningJob", JOB): {
            "dataset": {"name": "frames", "trainProb": 0.5},
            "initialModel": {"name": "base"},
            "trainSpec": {"template": {"spec": template("train")}, "trigger": few},
            "evalSpec": {"template": {"spec": template("eval")}},
            "deploySpec": {"template": {"spec": serving}, "model": {"name": "served"}, "trigger": better},
            "outputDir": str(folder / "out"),
        },
    }
    return [
        {"apiVersion": "sedna.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        for (kind, name), spec in specs.items()
    ]


@pytest.fixture(scope="module")
def chromium(locked: Locked) -> Iterator[Any]:
    """A browser that knows this one certificate, by the hash of its key, and no other without an authority."""
    certificate = x509.load_pem_x509_certificate((locked.tls / "gm.crt").read_bytes())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pin = base64.b64encode(hashlib.sha256(key).digest()).decode()
    path, sync_playwright = installed()
    with sync_playwright() as playwright:
        known = f"--ignore-certificate-errors-spki-list={pin}"
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, known])
        yield browser
        browser.close()


def token(locked: Locked, name: str, role: str) -> str:
    return locked.command("token", "create", name, "--role", role).strip().splitlines()[-1]


def sign_in(look: Look, locked: Locked, shown: str, at: str = "") -> Page:
    page: Page = look(locked.url, at)
    page.get_by_label("Token", exact=True).fill(shown)
    page.keyboard.press("Enter")
    return page


def test_a_viewer_sees_all_live_and_is_told_why_an_act_is_refused(
    look: Look, locked: Locked, complaints: Complaints
) -> None:
    complaints.expect("status of 40[13]")
    viewer = sign_in(look, locked, token(locked, "vera", "viewer"), f"#/jobs/default/{JOB}")
    editor = sign_in(look, locked, token(locked, "edda", "editor"), f"#/jobs/default/{JOB}")
    viewer.get_by_role("button", name="Pause").click()
    viewer.keyboard.press("Enter")
    expect(viewer.get_by_role("alert")).to_contain_text("vera")
    editor.get_by_role("button", name="Pause").click()
    editor.keyboard.press("Enter")
    # Told by the watch, over TLS as well.
    expect(viewer.get_by_role("button", name="Resume")).to_be_visible()
    editor.get_by_role("button", name="Resume").click()
    expect(viewer.get_by_role("button", name="Pause")).to_be_visible()


def test_an_editor_labels_and_a_token_that_ends_meanwhile_leads_to_the_sign_in(
    look: Look, locked: Locked, complaints: Complaints
) -> None:
    complaints.expect("status of 401")
    page = sign_in(look, locked, token(locked, "emil", "editor"), f"#/jobs/default/{JOB}/examples/{EXAMPLE}")
    expect(page.locator(".stage .large.there")).to_be_visible()
    page.get_by_role("button", name="Save and next").click()
    expect(page.get_by_text("labelled", exact=False).first).to_be_visible()
    lines = until((locked.folder / "data" / "train.txt").read_text, "a sample").splitlines()
    assert lines == [f"images/{EXAMPLE}.jpg 100,100,160,220,0"]
    locked.command("token", "revoke", "--person", "emil")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
