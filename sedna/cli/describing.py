"""`sedna describe`: one resource with everything that explains it: conditions, rounds, workers, events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click
import yaml

from sedna.api.kinds import Kind
from sedna.cli.ages import age
from sedna.cli.client import GlobalManager, path_of
from sedna.cli.connecting import connected, current_time
from sedna.cli.events import last_seen
from sedna.cli.naming import kind_named, targets
from sedna.cli.suggesting import types_and_names
from sedna.cli.summaries import summary
from sedna.cli.tables import simple_table

Document = dict[str, Any]


@click.command("describe")
@click.argument("what", nargs=-1, required=True, metavar="TYPE NAME | TYPE/NAME", shell_complete=types_and_names)
@connected
def describe(gm: GlobalManager, namespace: str, what: tuple[str, ...]) -> None:
    """Explain one resource.

    Shows its status, conditions, rounds and events: sedna describe ilj demo
    """
    meant = targets(what)
    if not meant:
        raise click.UsageError("name the resource: sedna describe TYPE NAME")
    for number, (kind, name) in enumerate(meant):
        resource = gm.ask("GET", path_of(kind, namespace, name))
        if number:
            click.echo("\n")
        for line in description(
            kind,
            resource,
            rounds=_rounds(gm, kind, namespace, name),
            events=events_of(gm, resource),
            now=current_time(),
        ):
            click.echo(line)


def description(
    kind: Kind, resource: Document, *, rounds: list[Document], events: list[Document], now: datetime
) -> Iterator[str]:
    """Yield the lines that describe a resource."""
    yield from _identity(kind, resource["metadata"], now)
    yield from _section("Spec", summary(resource.get("spec")))
    status = dict(resource.get("status") or {})
    conditions = status.pop("conditions", None) or []
    yield from _section("Status", status)
    yield from _listed("Conditions", [_condition_row(c, now) for c in _latest(conditions)], _CONDITION_HEADER)
    yield from _listed("Rounds", [_round_row(record, now) for record in rounds], _ROUND_HEADER)
    yield from _listed("Events", [_event_row(e, now) for e in events], ("AGE", "TYPE", "REASON", "MESSAGE"))
    if not events:
        yield "Events: none in the last while"


def _identity(kind: Kind, metadata: Document, now: datetime) -> Iterator[str]:
    facts = {
        "Name": metadata["name"],
        "Kind": kind.name,
        "Namespace": metadata.get("namespace"),
        "Labels": _pairs(metadata.get("labels")),
        "Created": f"{metadata.get('creationTimestamp')} ({age(metadata.get('creationTimestamp'), now)} ago)",
        "Generation": metadata.get("generation"),
        "Deleted": metadata.get("deletionTimestamp") and f"{metadata['deletionTimestamp']}, not yet gone",
    }
    for name, value in facts.items():
        if value:
            yield f"{name + ':':<12}{value}"


def _section(title: str, value: Any) -> Iterator[str]:
    if value:
        yield f"{title}:"
        text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110)
        yield from (f"  {line}" for line in text.splitlines())


def _listed(title: str, rows: list[list[str]], header: tuple[str, ...]) -> Iterator[str]:
    if rows:
        yield f"{title}:"
        yield from (f"  {line}" for line in simple_table(header, rows))


def _latest(conditions: list[Document]) -> list[Document]:
    """Leave out the steps of earlier rounds: their records and events tell them."""
    last = max((condition.get("round") or 0 for condition in conditions), default=0)
    return [condition for condition in conditions if (condition.get("round") or 0) == last]


_CONDITION_HEADER = ("AGE", "TYPE", "STATUS", "REASON", "MESSAGE")


def _condition_row(condition: Document, now: datetime) -> list[str]:
    kind = " ".join(str(condition[key]) for key in ("stage", "type") if condition.get(key))
    if condition.get("round"):
        kind = f"round {condition['round']}: {kind}"
    since = age(condition.get("lastTransitionTime") or condition.get("lastHeartbeatTime"), now)
    return [since, kind, *(str(condition.get(key) or "") for key in ("status", "reason", "message"))]


_ROUND_HEADER = ("ROUND", "DECISION", "SAMPLES", "NEW MODEL", "COMPARED WITH", "FINISHED", "WHY")


def _round_row(record: Document, now: datetime) -> list[str]:
    samples, metrics = record.get("samples") or {}, record.get("metrics") or {}
    return [
        str(record.get("round", "")),
        str(record.get("decision") or ""),
        # As everywhere: from the first on, up to the second and without it.
        f"[{samples.get('start', '?')},{samples.get('end', '?')})",
        _metrics(metrics.get("new")),
        _metrics(metrics.get("comparedWith")),
        f"{age(record.get('finishedAt'), now)} ago",
        str(record.get("message") or ""),
    ]


def _event_row(event: Document, now: datetime) -> list[str]:
    count = int(event.get("count") or 1)
    first = event.get("firstTimestamp") or event.get("eventTime")
    when = age(last_seen(event), now) + (f" (x{count} over {age(first, now)})" if count > 1 else "")
    return [when, *(str(event.get(key) or "") for key in ("type", "reason", "message"))]


def _metrics(metrics: Any) -> str:
    if not isinstance(metrics, dict) or not metrics:
        return "-"
    return ", ".join(f"{name} {_number(value)}" for name, value in metrics.items())


def _number(value: Any) -> str:
    if isinstance(value, list):
        return "[" + " ".join(_number(v) for v in value) + "]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _pairs(labels: dict[str, str] | None) -> str:
    return ", ".join(f"{key}={value}" for key, value in (labels or {}).items())


def _rounds(gm: GlobalManager, kind: Kind, namespace: str, name: str) -> list[Document]:
    if kind.name != "IncrementalLearningJob":
        return []
    answer = gm.find(path_of(kind, namespace, name, "rounds")) or {}
    return list(answer.get("items") or [])


def events_of(gm: GlobalManager, resource: Document) -> list[Document]:
    """Return what happened to a resource lately, the latest last."""
    metadata = resource["metadata"]
    about = f"involvedObject.name={metadata['name']},involvedObject.uid={metadata.get('uid', '')}"
    path = path_of(kind_named("Event"), metadata.get("namespace"))
    events: list[Document] = gm.ask("GET", path, params={"fieldSelector": about}).get("items") or []
    return sorted(events, key=last_seen)
