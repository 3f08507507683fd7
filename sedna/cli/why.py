"""`sedna why`: why a job does what it does or does not, and what a person can do about it.

Of a job the GlobalManager explains everything at once; a worker or dataset is explained here, by `reasoning`. Of other
resources there are the sentences of their status and the last warnings, and nothing else of what `describe` shows.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click
import httpx

from sedna.api.kinds import Kind
from sedna.cli import reasoning
from sedna.cli.ages import age
from sedna.cli.client import GlobalManager, path_of
from sedna.cli.connecting import connected, current_time, until_interrupted, wait, warn
from sedna.cli.describing import events_of
from sedna.cli.errors import Refused, Unreachable
from sedna.cli.events import last_seen
from sedna.cli.explaining import lines
from sedna.cli.getting import delays, rendered
from sedna.cli.naming import kind_named, targets
from sedna.cli.suggesting import jobs_and_workers

# What went wrong lately; `describe` has them all.
WARNINGS = 3
# Of a watch: a round changes its stage within seconds.
LOOK_SECONDS = 2.0
JOB = "IncrementalLearningJob"
EXPLAINED = (JOB, "Worker", "Dataset")

Document = dict[str, Any]


@click.command("why")
@click.argument("what", metavar="JOB | WORKER | TYPE/NAME", shell_complete=jobs_and_workers)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "yaml"]),
    default="text",
    show_default=True,
    help="Sentences, or the document that they are made of, which jobs, workers and datasets have.",
)
@click.option("-w", "--watch", is_flag=True, help="Say it again whenever it has changed, until interrupted.")
@connected
def why(gm: GlobalManager, namespace: str, what: str, output: str, watch: bool) -> None:
    """Say why a job is where it is.

    Of a job: what it waits for and since when, what you can do, each trigger with its value and window, each gate with
    both metrics, its workers with their last words, its nodes, and what was decided lately. Of a worker, or of
    dataset/samples: its state since when, its numbers, its node, whose it is, and what you can do. Of others their own
    sentences. Each with its last warnings.
    """
    kind, name = _meant(gm, namespace, what)
    if output != "text" and kind.name not in EXPLAINED:
        raise click.UsageError(
            "jobs, workers and datasets are explained as a document: `sedna get -o yaml` shows other resources."
        )
    if not watch:
        _show(_look(gm, namespace, kind, name), output)
        return
    with until_interrupted():
        _watch(gm, namespace, kind, name, output)


@dataclass(frozen=True)
class Look:
    """What was found: the document, where there is one, and the lines for a pipe."""

    document: Document
    lines: tuple[str, ...]

    @property
    def news(self) -> Document:
        """What is worth saying again when it has changed: not the moment of the answer."""
        return {key: value for key, value in self.document.items() if key != "time"} or {"lines": self.lines}


def _watch(gm: GlobalManager, namespace: str, kind: Kind, name: str, output: str) -> None:
    """Say it whenever it has changed; a GlobalManager that is away is asked again until it is back."""
    said: Document | None = None
    pauses, away = delays(), False
    while True:
        try:
            look = _look(gm, namespace, kind, name)
        except (Unreachable, Refused) as error:
            if isinstance(error, Refused) and error.code < httpx.codes.INTERNAL_SERVER_ERROR:
                raise
            if not away:
                warn(f"{error.message.splitlines()[0]} Trying again until it is back.")
            away = True
            wait(next(pauses))
            continue
        pauses, away = delays(), False
        if look.news != said:
            if said is not None and output == "text":
                click.echo()
            _show(look, output)
            said = look.news
        wait(LOOK_SECONDS)


def _look(gm: GlobalManager, namespace: str, kind: Kind, name: str) -> Look:
    now = current_time()
    # A GlobalManager of before does not know the address: then a job is explained as every other resource is.
    answer = gm.find(path_of(kind, namespace, name, "why")) if kind.name == JOB else None
    if answer is not None:
        return Look(answer, tuple(lines(answer, now)))
    resource = gm.ask("GET", path_of(kind, namespace, name))
    said = list(reasons(resource, events_of(gm, resource), now))
    document = _explained(gm, namespace, kind, resource, now)
    if not document:
        return Look({}, tuple(said))
    head, *warnings = said if resource.get("status") else ["", *said]
    body = reasoning.lines({**document, "warnings": warnings})
    told = head or f"{name}: it says nothing of itself yet."
    return Look({**document, "time": now.isoformat(), "warnings": warnings}, (told, *body))


def _explained(gm: GlobalManager, namespace: str, kind: Kind, resource: Document, now: datetime) -> Document:
    """The document about a worker or dataset, with what it takes of other resources; empty of another kind."""
    spec = resource.get("spec") or {}
    if kind.name not in ("Worker", "Dataset"):
        return {}
    where = spec.get("nodeName")
    node = gm.find(path_of(kind_named("Node"), None, str(where))) if where else None
    resource = {"kind": kind.name, **resource}
    if kind.name == "Dataset":
        jobs = gm.ask("GET", path_of(kind_named("job"), namespace)).get("items") or []
        return reasoning.of_dataset(resource, node, jobs, now)
    owner = (spec.get("job") or {}).get("name")
    job = gm.find(path_of(kind_named("job"), namespace, str(owner), "why")) if owner else None
    return reasoning.of_worker(resource, node, job, now)


def _meant(gm: GlobalManager, namespace: str, what: str) -> tuple[Kind, str]:
    """A bare name is a job's; where there is none, a worker's."""
    if "/" in what:
        return targets((what,))[0]
    worker = kind_named("worker")
    if gm.find(path_of(kind_named("job"), namespace, what)) is None and gm.find(path_of(worker, namespace, what)):
        return worker, what
    return kind_named("job"), what


def _show(look: Look, output: str) -> None:
    if output != "text":
        click.echo(rendered(look.document, output))
    elif sys.stdout.isatty() and "summary" in look.document:
        # rich takes as long to import as the whole rest of the command.
        from sedna.cli.picturing import show

        show(look.document, current_time())
    else:
        for line in look.lines:
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
