"""`sedna logs`: what a worker has printed, or what a job's present workers print."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Any

import click

from sedna.cli.client import GlobalManager, path_of
from sedna.cli.connecting import connected, until_interrupted
from sedna.cli.errors import CommandError
from sedna.cli.naming import kind_named, targets

WORKER = "Worker"
JOB_LABEL = "sedna.io/job"
ACTIVE = ("Starting", "Running")


@click.command("logs")
@click.argument("what", metavar="WORKER | JOB | TYPE/NAME")
@click.option("-f", "--follow", is_flag=True, help="Stay, and show what is printed from now on.")
@click.option("--tail", type=click.IntRange(min=0), help="Only this many last lines.")
@connected
def logs(gm: GlobalManager, namespace: str, what: str, follow: bool, tail: int | None) -> None:
    """Show what a worker printed.

    For a job: what its present workers print, or what its last one did.
    """
    names = _workers(gm, namespace, what)
    params = ({"tailLines": str(tail)} if tail is not None else {}) | ({"follow": "true"} if follow else {})
    streams = [gm.read(path_of(kind_named(WORKER), namespace, name, "log"), params=params) for name in names]
    with until_interrupted():
        if len(streams) == 1:
            for piece in streams[0]:
                sys.stdout.buffer.write(piece)
                sys.stdout.buffer.flush()
        else:
            _show_side_by_side(names, streams)


def _workers(gm: GlobalManager, namespace: str, what: str) -> list[str]:
    if "/" in what:
        kind, name = targets((what,))[0]
        return [name] if kind.name == WORKER else _workers_of(gm, namespace, name)
    if gm.find(path_of(kind_named(WORKER), namespace, what)) is not None:
        return [what]
    return _workers_of(gm, namespace, what)


def _workers_of(gm: GlobalManager, namespace: str, job: str) -> list[str]:
    selector = {"labelSelector": f"{JOB_LABEL}={job}"}
    workers: list[dict[str, Any]] = gm.ask("GET", path_of(kind_named(WORKER), namespace), params=selector)["items"]
    if not workers:
        raise CommandError(
            f"no worker is named {job}, and no job {job} has one, in namespace {namespace}."
            " `sedna get workers` lists them."
        )
    active = [w for w in workers if (w.get("status") or {}).get("phase") in ACTIVE]
    if not active:
        active = [max(workers, key=lambda worker: str(worker["metadata"].get("creationTimestamp", "")))]
    return [str(worker["metadata"]["name"]) for worker in active]


def _show_side_by_side(names: list[str], streams: list[Iterator[bytes]]) -> None:
    """Print several logs at once, each line behind its worker's name."""
    printing = threading.Lock()
    failures: list[CommandError] = []

    def show(name: str, stream: Iterator[bytes]) -> None:
        try:
            for line in _lines(stream):
                with printing:
                    click.echo(f"[{name}] {line}")
        except CommandError as error:
            failures.append(error)

    threads = [threading.Thread(target=show, args=pair, daemon=True) for pair in zip(names, streams, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _lines(pieces: Iterator[bytes]) -> Iterator[str]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in whole)
    if rest:
        yield rest.decode("utf-8", "replace")
