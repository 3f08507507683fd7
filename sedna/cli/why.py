"""`sedna why`: the sentences that say why a resource is as it is, and nothing else of what `describe` shows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from sedna.cli.ages import age
from sedna.cli.client import GlobalManager, path_of
from sedna.cli.connecting import connected, current_time
from sedna.cli.describing import events_of
from sedna.cli.events import last_seen
from sedna.cli.naming import kind_named, targets
from sedna.cli.suggesting import jobs_and_workers

# What went wrong lately; `describe` has them all.
WARNINGS = 3

Document = dict[str, Any]


@click.command("why")
@click.argument("what", metavar="JOB | WORKER | TYPE/NAME", shell_complete=jobs_and_workers)
@connected
def why(gm: GlobalManager, namespace: str, what: str) -> None:
    """Say why a job is where it is.

    Its own sentence, with what it waits for or which node may not take its worker and why; that of its inference
    worker; and the last warnings. Other resources as TYPE/NAME: sedna why dataset/samples
    """
    resource = None if "/" in what else gm.find(path_of(kind_named("worker"), namespace, what))
    if resource is None:
        kind, name = targets((what,))[0] if "/" in what else (kind_named("job"), what)
        resource = gm.ask("GET", path_of(kind, namespace, name))
    for line in reasons(resource, events_of(gm, resource), current_time()):
        click.echo(line)


def reasons(resource: Document, events: list[Document], now: datetime) -> Iterator[str]:
    """Yield a line for each reason that the resource's status and events give."""
    status = resource.get("status") or {}
    ready = [c for c in status.get("conditions") or [] if c.get("type") == "Ready" and "stage" not in c]
    told = [
        _told(resource["metadata"]["name"], status, ("stage", "phase", "state", "reason")),
        _told("inference worker", status.get("serving") or {}, ("phase", "node")),
        *(_told("Ready", condition, ("status", "reason")) for condition in ready),
    ]
    warnings = [event for event in events if event.get("type") == "Warning"][-WARNINGS:]
    told += [f"{age(last_seen(e), now)} ago: {e.get('reason', '')}: {e.get('message', '')}" for e in warnings]
    yield from [line for line in told if line] or [
        "It says nothing of itself yet; `sedna describe` shows what there is."
    ]


def _told(title: str, about: Document, fields: tuple[str, ...]) -> str:
    """Return `title (Train, Waiting): its sentence`, with what there is of it."""
    values = ", ".join(str(about[field]) for field in fields if about.get(field))
    message = about.get("message") or ""
    if not values and not message:
        return ""
    return f"{title}{f' ({values})' if values else ''}{f': {message}' if message else ''}"
