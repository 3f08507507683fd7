"""What `sedna why` says of a job, for a terminal: the same as `sedna.cli.explaining`, in colour and wrapped.

Only this module knows rich, and it is imported when there is a terminal to show something on.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sedna.cli import explaining
from sedna.cli.ages import age
from sedna.cli.colours import BROKEN, MEANINGS, WAITING, WELL

Document = dict[str, Any]
_WIDEST = 110
_BAR = 40


def show(why: Document, now: datetime, console: Console | None = None) -> None:
    """Print the whole answer."""
    console = console or Console(highlight=False)
    # A sentence that runs over a wide screen is hard to read.
    console.print(picture(why, now), width=min(console.width, _WIDEST))


def picture(why: Document, now: datetime) -> RenderableType:
    """The whole answer: what it waits for and what to do first, what was before last."""
    parts: list[RenderableType] = [_heading(why, now), Text(""), Padding(Text(str(why["summary"])), (0, 0, 0, 2))]
    for title, body in _sections(why, now):
        parts += [Text(""), Text(title, style="bold"), Padding(body, (0, 0, 0, 2))]
    return Group(*parts)


def _sections(why: Document, now: datetime) -> Iterator[tuple[str, RenderableType]]:
    if why["actions"]:
        yield "What you can do", _rows([(Text("→", style="cyan"), _action(each)) for each in why["actions"]])
    for each in why["triggers"]:
        yield explaining.TRIGGERS.get(each["stage"], each["stage"]), _trigger(each, why["samples"])
    if why.get("serving"):
        yield "What serves", Text(str(why["serving"]["sentence"]))
    if why["gates"]:
        yield (
            "Gates of the last model",
            _rows([(_mark(each["holds"]), Text(each["sentence"])) for each in why["gates"]]),
        )
    if why["workers"]:
        yield "Workers", _rows([(_dot(each["phase"]), _worker(each, now)) for each in why["workers"]])
    if why["nodes"]:
        yield "Nodes", _rows([(_mark(each["ready"] and not each["why"]), _node(each)) for each in why["nodes"]])
    if why["decisions"]:
        yield "Decisions, the newest first", _decisions(why["decisions"], now)


def _heading(why: Document, now: datetime) -> Text:
    name, *rest = explaining.heading(why, now).split(" · ")
    line = Text().append(name, style="bold")
    for part in rest:
        style = MEANINGS.get(part.rpartition(" ")[2], "")
        line.append(" · ", style="dim").append(part, style=style or ("dim" if part.startswith("for ") else ""))
    return line


def _action(action: Document) -> RenderableType:
    told = Text(str(action["sentence"]))
    if not action.get("command"):
        return told
    return Group(told, Text(f"  {action['command']}", style="cyan"))


def _trigger(trigger: Document, samples: Document) -> RenderableType:
    parts: list[RenderableType] = [_rows([(_mark(trigger["holds"]), Text(trigger["sentence"]))])]
    if trigger["stage"] == "Train" and samples.get("needed"):
        parts.append(_progress(int(samples["new"]), int(samples["needed"])))
    told = explaining.earliest(trigger)
    if told:
        parts.append(Padding(Text(told, style="dim"), (0, 0, 0, 2)))
    return Group(*parts)


def _progress(done: int, total: int) -> RenderableType:
    row = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=total, completed=min(done, total), width=_BAR, complete_style=WAITING, finished_style=WELL)
    row.add_row(Text(" "), bar, Text(f"{done} of {total} new samples"))
    return row


def _worker(worker: Document, now: datetime) -> RenderableType:
    line = Text().append(str(worker["name"]), style="bold")
    line.append(f"  {worker['role']} on {worker['node']}, ", style="dim")
    line.append(explaining.phase(worker), style=MEANINGS.get(worker["phase"], ""))
    line.append(f" for {age(worker.get('since'), now)}", style="dim")
    parts: list[RenderableType] = [line]
    if explaining.said_beside(worker):
        parts.append(Text(explaining.said_beside(worker)))
    if worker.get("lastWords"):
        parts.append(Text("its last words: ", style="dim").append(str(worker["lastWords"]), style=BROKEN))
    return Group(*parts)


def _node(node: Document) -> Text:
    return (
        Text()
        .append(str(node["name"]), style="bold")
        .append(f"  {node['why'] or 'is well'}", style="" if node["why"] else "dim")
    )


def _decisions(decisions: list[Document], now: datetime) -> RenderableType:
    rows = Table.grid(padding=(0, 2))
    rows.add_column(justify="right", style="dim", no_wrap=True)
    rows.add_column()
    for each in decisions:
        rows.add_row(
            _ago(each.get("time"), now), Text(each["sentence"], style=BROKEN if each["type"] == "Warning" else "")
        )
    return rows


def _ago(time: str | None, now: datetime) -> str:
    try:
        return age(time, now)
    except ValueError:
        return "-"


def _mark(holds: bool | None) -> Text:
    if holds is None:
        return Text("·", style="dim")
    return Text("✓", style=WELL) if holds else Text("✗", style=BROKEN)


def _dot(phase: str) -> Text:
    return Text("●", style=MEANINGS.get(phase, ""))


def _rows(rows: list[tuple[Text, RenderableType]]) -> Table:
    grid = Table.grid(padding=(0, 1))
    for row in rows:
        grid.add_row(*row)
    return grid
