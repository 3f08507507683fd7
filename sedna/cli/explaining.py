"""What `sedna why` says of a job, as lines of plain text: for pipes, files and mails.

`sedna.cli.picturing` shows the same on a terminal. Both take the answer of `GET …/why` as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sedna.cli.ages import age

Document = dict[str, Any]

WELL, WRONG, OPEN = "yes", "no", "-"
"""Whether a condition holds, in a word; `-`: nobody knows yet."""


def lines(why: Document, now: datetime) -> Iterator[str]:
    """Yield the whole answer, a sentence a line, under headings."""
    yield heading(why, now)
    yield ""
    yield f"  {why['summary']}"
    for title, said in sections(why, now):
        if said:
            yield ""
            yield title
            yield from (f"  {line}" for line in said)


def heading(why: Document, now: datetime) -> str:
    """Where the job stands, in a line."""
    parts = [str(why["job"])]
    if why.get("namespace") not in (None, "", "default"):
        parts[0] = f"{why['namespace']}/{why['job']}"
    if why.get("stage"):
        parts += [f"{why['stage']} {why['phase']}", f"round {why['round']}"]
    if why.get("paused"):
        parts.append("Paused")
    if why.get("since"):
        parts.append(f"for {age(why['since'], now)} (since {why['since']})")
    return " · ".join(parts)


def sections(why: Document, now: datetime) -> Iterator[tuple[str, list[str]]]:
    """Yield each heading with its lines; one without lines has nothing to say."""
    yield "What you can do", [line for each in why["actions"] for line in _action(each)]
    for each in why["triggers"]:
        yield TRIGGERS.get(each["stage"], each["stage"]), [_held(each["holds"], each["sentence"]), *_earliest(each)]
    # A GlobalManager of before does not say it.
    if why.get("serving"):
        yield "What serves", [why["serving"]["sentence"]]
    yield "Gates of the last model", [_held(each["holds"], each["sentence"]) for each in why["gates"]]
    yield "Workers", [line for each in why["workers"] for line in _worker(each, now)]
    yield "Nodes", [f"{each['name']}: {each['why'] or 'is well'}" for each in why["nodes"]]
    yield "Decisions, the newest first", [f"{short(each['time'])}  {each['sentence']}" for each in why["decisions"]]


TRIGGERS = {"Train": "When it trains", "Deploy": "When it deploys"}


def earliest(trigger: Document) -> str:
    """When a trigger can fire at the earliest, where that is worth a line."""
    if trigger.get("fires"):
        return "It fires now."
    window = trigger.get("window")
    if window is not None and not window["open"]:
        return f"It can fire from {trigger['earliest']} on."
    return ""


def short(time: str | None) -> str:
    """A moment without its fraction of a second."""
    text = str(time or "-")
    return f"{text[:19]}Z" if len(text) > 20 else text


def phase(worker: Document) -> str:
    """The phase of a worker, with its reason and how often it was started again."""
    text = str(worker["phase"])
    if worker.get("reason"):
        text += f" ({worker['reason']})"
    if worker.get("restarts"):
        text += f", started again {worker['restarts']} times"
    return text


def said_beside(worker: Document) -> str:
    """What a worker's node says of it, unless that only repeats its last words."""
    message, words = str(worker.get("message") or ""), str(worker.get("lastWords") or "")
    return "" if not message or message == words or (words and words in message) else message


def _action(action: Document) -> list[str]:
    told = [str(action["sentence"])]
    return [*told, f"    {action['command']}"] if action.get("command") else told


def _held(holds: bool | None, sentence: str) -> str:
    mark = OPEN if holds is None else WELL if holds else WRONG
    return f"[{mark}] {sentence}"


def _earliest(trigger: Document) -> list[str]:
    told = earliest(trigger)
    return [told] if told else []


def _worker(worker: Document, now: datetime) -> Iterator[str]:
    where = f"{worker['role']} on {worker['node']}"
    yield f"{worker['name']}: {where}, {phase(worker)}, {age(worker.get('since'), now)}"
    if said_beside(worker):
        yield f"    {said_beside(worker)}"
    if worker.get("lastWords"):
        yield f"    its last words: {worker['lastWords']}"
