"""`sedna delete`: asks for the end of resources, and by default stays until they are gone.

A job is gone only when its nodes have stopped its workers; until then its deletionTimestamp is set, and a
watch tells the moment it disappears.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import click

from sedna.api.kinds import Kind
from sedna.cli import manifests
from sedna.cli.applying import title
from sedna.cli.client import GlobalManager, path_of
from sedna.cli.connecting import connected
from sedna.cli.errors import CommandError, Refused
from sedna.cli.naming import kind_named, targets
from sedna.cli.suggesting import types_and_names

# One look lasts at most this long on the server, so that --timeout is kept when nothing at all happens.
LOOK_SECONDS = 5


@click.command("delete")
@click.argument("what", nargs=-1, metavar="TYPE NAME... | TYPE/NAME...", shell_complete=types_and_names)
@click.option("-f", "--filename", "sources", multiple=True, metavar="FILE", help="Delete what these manifests name.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until they are gone.")
@click.option("--timeout", type=click.FloatRange(min=0), default=120.0, show_default=True, help="Seconds to wait.")
@click.option("--ignore-not-found", is_flag=True, help="It is no error when one is not there.")
@connected
def delete(
    gm: GlobalManager,
    namespace: str,
    what: tuple[str, ...],
    sources: tuple[str, ...],
    wait: bool,
    timeout: float,
    ignore_not_found: bool,
) -> None:
    """Delete resources, and wait until they are gone.

    A job's workers are stopped on their nodes before the job disappears.
    """
    meant = [(kind, namespace, name) for kind, name in targets(what)] if what else []
    # Backwards: what others refer to was written first and goes last.
    meant += reversed([_named_in(m, namespace) for m in manifests.read_all(sources)])
    if not meant:
        raise click.UsageError("name what to delete: TYPE NAME, TYPE/NAME, or -f FILE")
    going: list[tuple[Kind, str, dict[str, Any]]] = []
    for kind, where, name in meant:
        try:
            answer = gm.ask("DELETE", path_of(kind, where, name), body={"propagationPolicy": "Background"})
        except Refused as refusal:
            if refusal.code != 404 or not ignore_not_found:
                raise
            continue
        click.echo(f"{title(kind, name)} deleted")
        going.append((kind, name, answer))
    if wait:
        _await_all(gm, going, timeout)


def _named_in(manifest: manifests.Manifest, namespace: str) -> tuple[Kind, str, str]:
    metadata = manifest.raw.get("metadata") or {}
    if not isinstance(manifest.raw.get("kind"), str) or not isinstance(metadata.get("name"), str):
        raise CommandError(f"{manifest.place}: kind or metadata.name is missing.")
    return kind_named(manifest.raw["kind"]), str(metadata.get("namespace") or namespace), metadata["name"]


def _await_all(gm: GlobalManager, going: list[tuple[Kind, str, dict[str, Any]]], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    for kind, name, answer in going:
        metadata = answer.get("metadata") or {}
        # A Status stands for "gone already"; a resource, for "going".
        if answer.get("kind") == "Status" or "uid" not in metadata:
            continue
        path = path_of(kind, metadata.get("namespace"), name)
        while not _seen_gone(gm, kind, path, metadata):
            if time.monotonic() > deadline:
                raise CommandError(
                    f"{title(kind, name)} is not gone after {timeout:g} s; its workers may be on a node that does"
                    f" not answer. `sedna describe {kind.singular} {name}` tells more."
                )


def _seen_gone(gm: GlobalManager, kind: Kind, path: str, metadata: dict[str, Any]) -> bool:
    """Look once, then watch for LOOK_SECONDS; True when the resource with this uid is there no more."""
    live = gm.find(path)
    if live is None or live["metadata"].get("uid") != metadata["uid"]:
        return True
    params = {
        "watch": "1",
        "resourceVersion": str(live["metadata"]["resourceVersion"]),
        "fieldSelector": f"metadata.name={metadata['name']}",
        "timeoutSeconds": str(LOOK_SECONDS),
    }
    changes: Iterator[dict[str, Any]] = gm.follow(path_of(kind, metadata.get("namespace")), params=params)
    return any(change["type"] == "DELETED" for change in changes)
