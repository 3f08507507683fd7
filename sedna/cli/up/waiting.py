"""Waits until the GlobalManager answers and the node is Ready, or says why it will not come to that."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence

from sedna.cli.client import GlobalManager, path_of
from sedna.cli.errors import CommandError, Refused, Unreachable
from sedna.cli.naming import kind_named
from sedna.cli.up.children import Child

# A cold start on a small host reads many files before it listens.
READY_SECONDS = 60.0
LOOK_SECONDS = 0.1


def require_free(listen: str, who: str, remedy: str) -> None:
    """Raise CommandError when somebody already listens on HOST:PORT."""
    host, _, port = listen.rpartition(":")
    with socket.socket() as probe:
        # As servers do: an address whose last connections are still closing down is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            raise CommandError(f"the {who} cannot listen on {listen}: {error.strerror}. {remedy}") from error


def until_ready(children: Sequence[Child], ready: Callable[[], bool], what: str, stop: threading.Event) -> bool:
    """Look until `ready` holds of the last child; False when the person gave up first.

    Raises CommandError when one of the children ends, or nothing happens for READY_SECONDS.
    """
    deadline = time.monotonic() + READY_SECONDS
    while not ready():
        for child in children:
            if child.ended:
                raise CommandError(child.obituary())
        if time.monotonic() > deadline:
            raise CommandError(
                f"{what} after {READY_SECONDS:.0f} s. The end of {children[-1].log}:\n{children[-1].tail()}"
            )
        if stop.wait(LOOK_SECONDS):
            return False
    return True


def answers(gm: GlobalManager) -> bool:
    """Tell whether the GlobalManager says that it is ready."""
    try:
        b"".join(gm.read("/readyz", params={}))
    except (Refused, Unreachable):
        return False
    return True


def node_is_ready(gm: GlobalManager, node: str, lc_listen: str) -> bool:
    """Tell whether the node is Ready and its LocalController listens.

    The GlobalManager remembers a Ready node from an earlier life for a while; the open door tells this life.
    """
    if not _listens(lc_listen):
        return False
    try:
        found = gm.find(path_of(kind_named("Node"), None, node)) or {}
    except (Refused, Unreachable):
        return False
    conditions = (found.get("status") or {}).get("conditions") or []
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def _listens(listen: str) -> bool:
    host, _, port = listen.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=LOOK_SECONDS):
            return True
    except OSError:
        return False
