"""`sedna logs`: what a worker has printed, or what a job's present workers print and its failed one did.

Of workers that are gone, the round's number or their name is the way to what they printed (`sedna.cli.ended`).
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Any

import click

from sedna.cli.client import GlobalManager, path_of
from sedna.cli.connecting import connected, current_parts, until_interrupted, warn
from sedna.cli.ended import STAGE_ROLES, find_ended, workers_of_round
from sedna.cli.errors import CommandError
from sedna.cli.following import Following
from sedna.cli.naming import kind_named, targets
from sedna.cli.suggesting import jobs_and_workers

WORKER = "Worker"
JOB_LABEL = "sedna.io/job"
ACTIVE = ("Starting", "Running")
ENDED = ("Succeeded", "Failed")

Document = dict[str, Any]


@click.command("logs")
@click.argument("what", metavar="WORKER | JOB | TYPE/NAME", shell_complete=jobs_and_workers)
@click.option("-f", "--follow", is_flag=True, help="Stay, and show what is printed from now on.")
@click.option("--tail", type=click.IntRange(min=0), help="Only this many last lines.")
@click.option("--round", "number", type=click.IntRange(min=1), help="What the workers of this round of a job printed.")
@click.option("--role", type=click.Choice(STAGE_ROLES), help="With --round: only the worker of this role.")
@connected
def logs(
    gm: GlobalManager, namespace: str, what: str, follow: bool, tail: int | None, number: int | None, role: str | None
) -> None:
    """Show what a worker printed.

    For a job: what its present workers print, and what the last worker of a round did if it failed. Each line of
    several workers begins with the worker's name. A worker of a round goes when the next round begins; what it printed
    stays for a while and is found by its name, or by --round: sedna logs demo --round 3 --role train

    With -f it goes on where it was when the GlobalManager restarts, and gives up after five minutes without it.
    """
    if number is None and role is not None:
        raise click.UsageError("--role goes with --round, which says of which round.")
    workers = _workers(gm, namespace, what) if number is None else _of_round(gm, namespace, what, number, role)
    names = _on_heard_nodes(gm, workers)
    params = {"tailLines": str(tail)} if tail is not None else {}
    if follow:
        streams = [_followed(gm, namespace, name).pieces(tail) for name in names]
    else:
        streams = [gm.read(path_of(kind_named(WORKER), namespace, name, "log"), params=params) for name in names]
    with until_interrupted():
        if len(streams) == 1:
            for piece in streams[0]:
                sys.stdout.buffer.write(piece)
                sys.stdout.buffer.flush()
        else:
            _show_several(names, streams, at_once=follow)


def _followed(gm: GlobalManager, namespace: str, name: str) -> Following:
    path, parts = path_of(kind_named(WORKER), namespace, name), current_parts()

    def ended() -> bool:
        worker = gm.find(path)
        return worker is None or _phase(worker) in (*ENDED, "Paused")

    return Following(name, lambda params: gm.read(f"{path}/log", params=params), ended, parts.wait, warn)


def _workers(gm: GlobalManager, namespace: str, what: str) -> list[Document]:
    if "/" in what:
        kind, name = targets((what,))[0]
        if kind.name != WORKER:
            return _workers_of(gm, namespace, name)
        worker = gm.find(path_of(kind, namespace, name)) or find_ended(gm, namespace, name)
        # Refused by the GlobalManager, whose sentence says what there was to look for.
        return [worker or gm.ask("GET", path_of(kind, namespace, name, "log"))]
    worker = gm.find(path_of(kind_named(WORKER), namespace, what))
    return [worker] if worker is not None else _workers_of(gm, namespace, what)


def _of_round(gm: GlobalManager, namespace: str, what: str, number: int, role: str | None) -> list[Document]:
    kind, name = targets((what,))[0] if "/" in what else (None, what)
    if kind is not None and kind.name == WORKER:
        raise click.UsageError("--round is about a job: sedna logs JOB --round N.")
    return workers_of_round(gm, namespace, name, number, role)


def _workers_of(gm: GlobalManager, namespace: str, job: str) -> list[Document]:
    selector = {"labelSelector": f"{JOB_LABEL}={job}"}
    workers: list[Document] = gm.ask("GET", path_of(kind_named(WORKER), namespace), params=selector)["items"]
    if not workers:
        ended = find_ended(gm, namespace, job)
        if ended is not None:
            return [ended]
        raise CommandError(
            f"no worker is named {job}, and no job {job} has one, in namespace {namespace}. `sedna get workers` lists"
            " them; what those of a finished round printed is shown by `sedna logs JOB --round N`."
        )
    return of_interest(workers)


def of_interest(workers: list[Document]) -> list[Document]:
    """Return a job's present workers and the last of a round to end, if it failed; else the newest of all.

    The failed one comes last: what is asked for must not scroll away above an inference worker's endless output.
    """
    ended = [w for w in workers if _phase(w) in ENDED and (w.get("spec") or {}).get("role") in STAGE_ROLES]
    failed = [worker for worker in sorted(ended, key=_made)[-1:] if _phase(worker) == "Failed"]
    return [w for w in workers if _phase(w) in ACTIVE] + failed or [max(workers, key=_made)]


def _phase(worker: Document) -> str:
    return str((worker.get("status") or {}).get("phase"))


def _made(worker: Document) -> tuple[str, int]:
    # Two of a round may be made within a second.
    role = (worker.get("spec") or {}).get("role")
    return str(worker["metadata"].get("creationTimestamp", "")), int(role == "eval")


def _on_heard_nodes(gm: GlobalManager, workers: list[Document]) -> list[str]:
    """Return the names of those whose logs can be had; raises CommandError when there is none.

    A log is on its worker's node, and asking one that is silent would only take time.
    """
    silent = {str(worker["metadata"]["name"]): _silence(gm, worker) for worker in workers}
    complaints = [f"worker {name}: {why}" for name, why in silent.items() if why]
    if len(complaints) == len(workers):
        raise CommandError("\n".join(complaints))
    for complaint in complaints:
        warn(complaint)
    return [name for name, why in silent.items() if not why]


def _silence(gm: GlobalManager, worker: Document) -> str:
    """Return why a worker's node will not answer; an empty text when nothing speaks against it."""
    name = (worker.get("spec") or {}).get("nodeName")
    node = gm.find(path_of(kind_named("Node"), None, name)) if name else None
    for condition in ((node or {}).get("status") or {}).get("conditions") or []:
        # Ready False is the node's own word: it answers.
        if condition.get("type") == "Ready" and condition.get("status") == "Unknown":
            told = condition.get("message") or "It is not Ready."
            return f"its log is on node {name}, which has not been heard of. {told}"
    return ""


def _show_several(names: list[str], streams: list[Iterator[bytes]], *, at_once: bool) -> None:
    """Print several logs, each line behind its worker's name: side by side, or one after the other."""
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
        if not at_once:
            thread.join()
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
