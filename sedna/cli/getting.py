"""`sedna get`: shows resources once, or from now on, as the server's tables, YAML, JSON or names."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click
import httpx
import yaml

from sedna.api.kinds import Kind
from sedna.cli.applying import title
from sedna.cli.client import JSON, TABLE, GlobalManager, path_of
from sedna.cli.connecting import connected, until_interrupted, wait, warn
from sedna.cli.errors import CommandError, Refused, Unreachable
from sedna.cli.events import last_seen
from sedna.cli.naming import kinds_named, targets
from sedna.cli.suggesting import types_and_names
from sedna.cli.tables import TablePrinter

# Somebody looks at the screen and waits.
MOST_DELAY_SECONDS = 10.0
EVENT = "Event"
FORMATS = ("table", "wide", "yaml", "json", "name")


@dataclass(frozen=True)
class Question:
    """What of one kind is asked for, and where."""

    kind: Kind
    namespace: str | None
    name: str | None
    selectors: dict[str, str]

    @property
    def path(self) -> str:
        """The path of the list that this is about; a watch of one resource is a watch of a list of one."""
        return path_of(self.kind, self.namespace)

    @property
    def params(self) -> dict[str, str]:
        """The query that narrows the list down to what is asked for."""
        if self.name is None:
            return self.selectors | ({"includeObject": "Object"} if self.kind.name == EVENT else {})
        return {**self.selectors, "fieldSelector": f"metadata.name={self.name}"}


@click.command("get")
@click.argument("what", nargs=-1, required=True, metavar="TYPE [NAME] | TYPE/NAME", shell_complete=types_and_names)
@click.option("-o", "--output", type=click.Choice(FORMATS), default="table", show_default=True, help="How to show it.")
@click.option("-w", "--watch", is_flag=True, help="Keep showing every change until interrupted.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Look in all namespaces.")
@click.option("-l", "--selector", help="Only resources with these labels, like sedna.io/job=demo.")
@click.option("--field-selector", help="Only resources with these fields, like spec.nodeName=edge-1.")
@connected
def get(
    gm: GlobalManager,
    namespace: str,
    what: tuple[str, ...],
    output: str,
    watch: bool,
    all_namespaces: bool,
    selector: str | None,
    field_selector: str | None,
) -> None:
    """Show resources.

    \b
    sedna get ilj               all jobs
    sedna get ds,md             datasets and models
    sedna get ilj/demo -o yaml  one job, whole
    sedna get workers -w        workers, as they change
    """
    selectors = {"labelSelector": selector, "fieldSelector": field_selector}
    questions = _questions(
        what, None if all_namespaces else namespace, {key: text for key, text in selectors.items() if text}
    )
    if watch and len(questions) > 1:
        raise click.UsageError("-w watches one kind, or one resource, at a time")
    with until_interrupted():
        if output in ("table", "wide"):
            _show_tables(gm, questions, wide=output == "wide", with_namespace=all_namespaces, watch=watch)
        else:
            _show_resources(gm, questions, output, watch)


def _questions(what: tuple[str, ...], namespace: str | None, selectors: dict[str, str]) -> list[Question]:
    if len(what) == 1 and "/" not in what[0]:
        return [Question(kind, namespace, None, selectors) for kind in kinds_named(what[0])]
    if namespace is None:
        raise click.UsageError("a name is looked up in one namespace: leave out --all-namespaces")
    return [Question(kind, namespace, name, selectors) for kind, name in targets(what)]


def _show_tables(
    gm: GlobalManager, questions: list[Question], *, wide: bool, with_namespace: bool, watch: bool
) -> None:
    printers: dict[str, TablePrinter] = {}
    found = 0
    for question in questions:
        fresh = question.kind.name not in printers
        printer = printers.setdefault(
            question.kind.name, TablePrinter(click.echo, wide=wide, with_namespace=with_namespace, watching=watch)
        )
        table = _first_answer(gm, question, TABLE)
        if table.get("rows"):
            if found and fresh:
                click.echo()
            printer.add(table)
        found += len(table.get("rows") or [])
        if watch:
            for event in changes(gm, question, version_of(table), TABLE):
                printer.add(event["object"], gone=event["type"] == "DELETED")
    if not found:
        place = "in all namespaces" if with_namespace else f"in namespace {questions[0].namespace}"
        click.echo(f"There are none {place}.", err=True)


def _show_resources(gm: GlobalManager, questions: list[Question], output: str, watch: bool) -> None:
    shown: list[dict[str, Any]] = []
    for question in questions:
        answer = _first_answer(gm, question, JSON)
        items = _with_kind(answer, question.kind) if question.name is None else [answer]
        if not watch:
            shown += items
            continue
        for item in items:
            click.echo(rendered(item, output))
        for event in changes(gm, question, version_of(answer), JSON):
            click.echo(rendered(event["object"], output))
    if watch:
        return
    if output == "name":
        for item in shown:
            click.echo(rendered(item, output))
        return
    one = len(questions) == 1 and questions[0].name is not None
    click.echo(rendered(shown[0] if one else {"apiVersion": "v1", "kind": "List", "items": shown}, output))


def rendered(resource: dict[str, Any], output: str) -> str:
    """Return a resource as YAML (a document of its own), JSON or its name."""
    if output == "json":
        return json.dumps(resource, indent=2, ensure_ascii=False)
    if output == "name":
        kind = kinds_named(resource["kind"])[0]
        return title(kind, resource["metadata"]["name"])
    return "---\n" + yaml.safe_dump(resource, sort_keys=False, allow_unicode=True, width=110).rstrip()


def changes(gm: GlobalManager, question: Question, version: str, accept: str) -> Iterator[dict[str, Any]]:
    """Yield what changes from a version on, over as many connections as it takes; bookmarks are kept to itself.

    Ends only when the caller stops asking: a server that is away is tried again until it is back, and an outage
    is told once.
    """
    pauses = delays()
    away = False
    while True:
        try:
            for event in _next_changes(gm, question, version, accept):
                pauses, away = delays(), False
                version = version_of(event["object"]) or version
                if event["type"] != "BOOKMARK":
                    yield event
        except (Unreachable, Refused) as error:
            if isinstance(error, Refused) and error.code < httpx.codes.INTERNAL_SERVER_ERROR:
                raise
            if not away:
                warn(f"{error.message.splitlines()[0]} Trying again until it is back.")
            away = True
            wait(next(pauses))


def _next_changes(gm: GlobalManager, question: Question, version: str, accept: str) -> Iterator[dict[str, Any]]:
    """Yield the events of one connection, or, where the version is forgotten, one that shows what there is."""
    params = {**question.params, "watch": "1", "allowWatchBookmarks": "true", "resourceVersion": version}
    try:
        for event in gm.follow(question.path, params=params, accept=accept):
            if event["type"] == "ERROR":
                raise Refused(event["object"], int(event["object"].get("code", 500)))
            yield event
    except Refused as refusal:
        if refusal.code != httpx.codes.GONE:
            raise
        # The server forgot what happened since: what is there now is shown as if it had just changed.
        answer = gm.ask("GET", question.path, params=question.params, accept=accept)
        if answer.get("kind") == "Table":
            yield {"type": "MODIFIED", "object": answer}
        else:
            yield from ({"type": "MODIFIED", "object": item} for item in answer.get("items") or [])
            yield {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version_of(answer)}}}


def delays() -> Iterator[float]:
    """Yield 1, 2, 4 … seconds: a restart takes a few, and an outage of hours needs no haste."""
    return itertools.chain([1.0, 2.0, 4.0, 8.0], itertools.repeat(MOST_DELAY_SECONDS))


def version_of(answer: dict[str, Any]) -> str:
    """Return the resourceVersion of a resource, a list, or a Table (of a row, when the Table itself has none)."""
    version = (answer.get("metadata") or {}).get("resourceVersion")
    if version is None and answer.get("rows"):
        version = (answer["rows"][-1].get("object", {}).get("metadata") or {}).get("resourceVersion")
    return str(version or "")


def _first_answer(gm: GlobalManager, question: Question, accept: str) -> dict[str, Any]:
    if question.name is not None:
        return gm.ask("GET", path_of(question.kind, question.namespace, question.name), accept=accept)
    answer = gm.ask("GET", question.path, params=question.params, accept=accept)
    if accept == TABLE and answer.get("kind") != "Table":
        raise CommandError(f"{gm.server} answers without tables; -o yaml shows what it has.")
    if question.kind.name == EVENT and answer.get("rows"):
        answer["rows"].sort(key=lambda row: last_seen(row["object"]))
    return answer


def _with_kind(answer: dict[str, Any], kind: Kind) -> list[dict[str, Any]]:
    """Return a list's items, each saying what it is, which items of a list need not do."""
    return [{"apiVersion": kind.api_version, "kind": kind.name, **item} for item in answer.get("items") or []]
