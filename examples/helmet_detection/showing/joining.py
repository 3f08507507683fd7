"""The demo on a system that is installed already: `demo.py --server URL --node NAME` neither starts nor stops it.

`demo.py` asks here whether the node can take the job, has what an earlier attempt submitted deleted, and gets a folder
of its own for this run. Workers run as a user of their own there, so the demo's folders must be open to them.
"""

from __future__ import annotations

import json
import re
import stat
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sedna.api.kinds import by_kind
from sedna.cli.client import GlobalManager, path_of
from showing.following import NAMESPACE

GONE_SECONDS = 120.0
LOOK_SECONDS = 0.5
# rwxr-xr-x at least: enter and list.
OPEN = stat.S_IROTH | stat.S_IXOTH


class JoiningError(RuntimeError):
    """The system cannot take the demo's job; the message says why and what to do."""


def check_node(gm: GlobalManager, node: str, image: str) -> None:
    """Refuse a node that is not Ready or lacks the worker image."""
    found = gm.find(path_of(by_kind("Node"), None, node))
    if found is None:
        raise JoiningError(f"{gm.server} knows no node {node}; `sedna get nodes` lists those it knows")
    status: Mapping[str, Any] = found.get("status") or {}
    ready = [each for each in status.get("conditions") or [] if each.get("type") == "Ready"]
    if not ready or ready[0].get("status") != "True":
        raise JoiningError(f"node {node} is not Ready: {ready[0].get('message') if ready else 'it says nothing'}")
    if image not in (status.get("images") or []):
        raise JoiningError(f"node {node} has no image {image}; playbooks/images.yml installs it")


def check_folder(root: Path) -> None:
    """Refuse a folder that the workers' user could not enter: it would fail later, and say less."""
    for folder in (root, *root.parents):
        if folder.stat().st_mode & OPEN != OPEN:
            raise JoiningError(
                f"workers run as a user of their own, who may not enter {folder}; give --dir a folder that everybody"
                " may read, such as /srv/sedna-demo"
            )


def clear(gm: GlobalManager, manifests: list[dict[str, Any]], root: Path, look_seconds: float = LOOK_SECONDS) -> int:
    """Delete what an earlier attempt submitted, the job first, and wait until it is gone; returns how much it was.

    Only what names a folder of this demo: a job of the same name may be somebody's.
    """
    paths = [path_of(by_kind(each["kind"]), NAMESPACE, each["metadata"]["name"]) for each in reversed(manifests)]
    standing = {path: found for path in paths if (found := gm.find(path)) is not None}
    for path, found in standing.items():
        if f'"{root}/' not in json.dumps(found.get("spec")):
            raise JoiningError(
                f"{gm.server}{path} is there already and has nothing to do with {root}; delete it if nobody needs it"
            )
    for path in standing:
        gm.ask("DELETE", path)
        _wait_until_gone(gm, path, look_seconds)
    return len(standing)


def _wait_until_gone(gm: GlobalManager, path: str, look_seconds: float) -> None:
    pause = threading.Event()
    for _ in range(int(GONE_SECONDS / look_seconds)):
        if gm.find(path) is None:
            return
        pause.wait(look_seconds)
    raise JoiningError(f"{gm.server}{path} is still there {GONE_SECONDS:.0f} s after it was deleted")


def next_run(root: Path) -> str:
    """The name of a folder for this run. Never an earlier one: what workers wrote there belongs to their user."""
    taken = (re.fullmatch(r"run-(\d+)", path.name) for path in root.glob("run-*"))
    return f"run-{max((int(found[1]) for found in taken if found), default=0) + 1}"
