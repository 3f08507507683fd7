"""Playbooks on a lab, of this checkout or of an earlier commit: what a person runs, as a person runs it.

Used by the tests that install, upgrade and remove; molecule runs its playbooks itself.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

from tests.hosts.bases import system
from tests.hosts.labs import Lab
from tests.hosts.networks import outside
from tests.hosts.running import run
from tests.house.project import ROOT

# Three hosts and a load on them share this machine's cores.
PATIENCE = 1200.0
# The only image that these tests use: its environment is small.
IMAGE = {"name": "sedna/example-digits", "tag": "v1"}
SOURCE = {"source": "examples/digits/worker", "lock": "requirements.lock"}
# What an upgrade is tried from, and what hosts run; read before the environment is cleaned for each test.
EARLIER = os.environ.get("SEDNA_UPGRADE_FROM") or "HEAD^"
PYTHON = system().python


def bundle_of(lab: Lab) -> Path:
    """Return the bundle that a lab was installed from."""
    return lab.folder.parents[1] / "bundle"


def play(
    lab: Lab,
    playbook: str,
    *,
    tree: Path = ROOT,
    bundle: Path | None = None,
    check: bool = False,
    limit: str = "",
    **variables: Any,
) -> str:
    """Run a playbook on the hosts of a lab and return what ansible said.

    Args:
        lab: its hosts.
        playbook: its name, without folder and ending.
        tree: the checkout that it is taken from.
        bundle: what hosts are installed from; the lab's own by default.
        check: whether it is a dry run.
        limit: the only host; all of them where it is empty.
        variables: as `--extra-vars`.
    """
    chosen = {"sedna_bundle_dir": str(bundle or bundle_of(lab)), **variables}
    argv = [*_ansible(tree, playbook, chosen), "--inventory", str(lab.inventory), *(["--check"] if check else [])]
    argv += ["--limit", limit] if limit else []
    return run(argv, timeout=PATIENCE).stdout


def earlier_commit() -> str | None:
    """Return the commit before this one (or SEDNA_UPGRADE_FROM), if it can be installed; a shallow clone has none."""
    asked = ["git", "-C", str(ROOT), "rev-parse", "--verify", "--quiet", f"{EARLIER}^{{commit}}"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    if not found:
        return None
    listed = run(["git", "-C", str(ROOT), "ls-tree", "--name-only", found, "playbooks/upgrade.yml"]).stdout
    return found if listed.strip() else None


def check_out(commit: str, folder: Path) -> Path:
    """Put the files of a commit into a folder, as a release with a version of its own; return the folder."""
    archive = folder.with_suffix(".tar")
    run(["git", "-C", str(ROOT), "archive", "--output", str(archive), commit])
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    project = folder / "pyproject.toml"
    # A commit that touched no code would make the same release, and nothing would be upgraded.
    project.write_text(re.sub(r'^version = "(.*)"$', r'version = "\1.dev0"', project.read_text(), flags=re.M))
    return folder


def make_bundle(tree: Path, bundle: Path) -> Path:
    """Make or renew a bundle of a checkout for the hosts of a lab; return it."""
    chosen = {"sedna_bundle_dir": str(bundle), "sedna_bundle_pythons": [PYTHON]}
    argv = _ansible(tree, "bundle", {**chosen, "sedna_bundle_images": [{**IMAGE, **SOURCE}]})
    # What builds the wheel may have to come from a package index.
    run(outside(argv), timeout=PATIENCE)
    return bundle


def _ansible(tree: Path, playbook: str, variables: dict[str, Any]) -> list[str]:
    program = str(Path(sys.executable).parent / "ansible-playbook")
    chosen = [f"ANSIBLE_CONFIG={tree}/ansible.cfg", f"PATH={Path(sys.executable).parent}:{os.environ['PATH']}"]
    return ["env", *chosen, program, str(tree / "playbooks" / f"{playbook}.yml"), "--extra-vars", json.dumps(variables)]
