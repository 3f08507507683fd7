"""`sedna top`: how busy the nodes and their workers are, asked of the nodes themselves."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import click
import yaml

from sedna.api.quantities import size_text
from sedna.cli.ages import age
from sedna.cli.applying import title
from sedna.cli.client import GlobalManager, path_of
from sedna.cli.connecting import connected, current_time, until_interrupted, wait, warn
from sedna.cli.errors import Refused
from sedna.cli.naming import kind_named
from sedna.cli.tables import simple_table

# As often as nodes look themselves; half of it, so that nothing is seen late.
EVERY_SECONDS = 5.0
NODES = ("NODE", "STATUS", "CORES", "MEMORY", "DISK FREE", "LOAD", "WORKERS")
WORKERS = ("WORKER", "NODE", "CORES", "MEMORY", "SINCE")

Document = dict[str, Any]


@click.command("top")
@click.argument("what", type=click.Choice(("nodes", "workers")), default="nodes")
@click.option("-w", "--watch", is_flag=True, help="Look again every five seconds, until interrupted.")
@click.option(
    "-o", "--output", type=click.Choice(("table", "json", "yaml", "name")), default="table", show_default=True,
    help="How to show it; json and yaml have an hour of looks, name the names alone, of workers the busiest first.",
)  # fmt: skip
@connected
def top(gm: GlobalManager, namespace: str, what: str, watch: bool, output: str) -> None:
    """Show how busy nodes or workers are.

    CORES are those in use since the look before, every ten seconds.
    """
    if watch and output != "table":
        raise click.UsageError("-w shows a table that changes: leave out -o, or -w for one look as json, yaml or name")
    with until_interrupted():
        while True:
            found = list(_usages(gm))
            if output == "json":
                click.echo(json.dumps({"items": [usage for _, usage in found]}, indent=2))
            elif output == "name":
                for name in _names(found, what, namespace):
                    click.echo(name)
            elif output == "yaml":
                click.echo(yaml.safe_dump({"items": [usage for _, usage in found]}, sort_keys=False), nl=False)
            else:
                if watch:
                    click.clear()
                rows = node_rows(found) if what == "nodes" else worker_rows(found, namespace, current_time())
                for line in simple_table(NODES if what == "nodes" else WORKERS, rows):
                    click.echo(line)
            if not watch:
                return
            wait(EVERY_SECONDS)


def _names(found: list[tuple[Document, Document]], what: str, namespace: str) -> list[str]:
    kind = kind_named(what)
    if what == "nodes":
        return [title(kind, str(node["metadata"]["name"])) for node, _ in found]
    return [title(kind, row[0]) for row in worker_rows(found, namespace, current_time())]


def _usages(gm: GlobalManager) -> Iterable[tuple[Document, Document]]:
    """Each node with what it says of itself; one that is silent, or cannot say, with nothing."""
    kind = kind_named("Node")
    for node in gm.ask("GET", path_of(kind, None))["items"]:
        name = str(node["metadata"]["name"])
        usage: Document = {}
        # Asking one that has not been heard of would only take time.
        if _status(node) != "Unknown":
            try:
                usage = gm.ask("GET", path_of(kind, None, name, "usage"))
            except Refused as refusal:
                warn(refusal.message)
        yield node, usage


def node_rows(found: Iterable[tuple[Document, Document]]) -> list[list[str]]:
    """The rows about nodes."""
    rows = []
    for node, usage in found:
        name, status = str(node["metadata"]["name"]), _status(node)
        host = usage.get("node")
        if not host:
            rows.append([name, status, *["-"] * (len(NODES) - 2)])
            continue
        rows.append(
            [
                name,
                status,
                f"{_cores(usage.get('series'))} of {host['cpuCount']}",
                f"{size_text(host['memoryBytes'])} of {size_text(host['memoryTotalBytes'])}",
                f"{size_text(host['diskFreeBytes'])} of {size_text(host['diskTotalBytes'])}",
                f"{host['loadAverage'][0]:.2f}",
                str(sum(bool(worker.get("running")) for worker in usage.get("workers") or [])),
            ]
        )
    return rows


def worker_rows(found: Iterable[tuple[Document, Document]], namespace: str, now: datetime) -> list[list[str]]:
    """The rows about the workers of a namespace that run, the busiest first."""
    rows = []
    for node, usage in found:
        for worker in usage.get("workers") or []:
            if worker.get("namespace") != namespace or not worker.get("running"):
                continue
            cores, memory = _cores(worker.get("series")), worker.get("memoryBytes")
            shown = size_text(memory) if memory is not None else "-"
            since = age(worker.get("since") or None, now)
            rows.append([str(worker["name"]), str(node["metadata"]["name"]), cores, shown, since])
    return sorted(rows, key=lambda row: (-float(row[2]) if row[2] != "-" else 0.0, row[0]))


def _cores(series: Document | None) -> str:
    """How many cores were in use at the last look; none is known after only one."""
    known = [value for value in (series or {}).get("cpu") or [] if value is not None]
    return f"{known[-1]:.2f}" if known else "-"


def _status(node: Document) -> str:
    for condition in (node.get("status") or {}).get("conditions") or []:
        if condition.get("type") == "Ready":
            return {"True": "Ready", "False": "NotReady"}.get(str(condition.get("status")), "Unknown")
    return "Unknown"
