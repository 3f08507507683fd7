"""Writes the manual pages of the commands, `man/sedna*.1`, from the commands themselves:
`python docs/man_reference.py`.

They are installed with the package, the roles link them to where man looks, and a test in tests/house compares them
with what this would write.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

import click

from sedna.cli.main import sedna
from sedna_gm.daemon.main import main as sedna_gm
from sedna_lc.daemon.main import main as sedna_lc

FOLDER = Path(__file__).parent.parent / "man"
COMMANDS = {"sedna": sedna, "sedna-gm": sedna_gm, "sedna-lc": sedna_lc}
# What click calls a paragraph that is to stay as it was written.
_AS_WRITTEN = "\b"


def files() -> dict[Path, str]:
    """Every page: its file, and its text."""
    contexts = [context for name, command in COMMANDS.items() for context in _all(command, name)]
    return {FOLDER / f"{context.command_path.replace(' ', '-')}.1": _page(context) for context in contexts}


def _all(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[click.Context]:
    # As wide as the values that a usage line names.
    settings = {**command.context_settings, "max_content_width": 1000, "terminal_width": 1000}
    context = click.Context(command, info_name=name, parent=parent, **settings)
    yield context
    for below, one in _below(command):
        yield from _all(one, below, context)


def _below(command: click.Command) -> list[tuple[str, click.Command]]:
    commands: dict[str, click.Command] = getattr(command, "commands", {})
    return sorted((name, one) for name, one in commands.items() if not one.hidden)


def _page(context: click.Context) -> str:
    command = context.command
    name = context.command_path.replace(" ", "-")
    version = metadata.version("sedna-metal")
    # In the place of the day on which it is written, which would make it another page each day.
    lines = [f'.TH "{name.upper()}" 1 "{version}" "Sedna on bare metal"', ".SH NAME"]
    lines.append(f"{_escaped(name)} \\- {_escaped(command.get_short_help_str(limit=100).rstrip('.'))}")
    lines += [
        ".SH SYNOPSIS",
        f".B {_escaped(context.command_path)}",
        _escaped(" ".join(command.collect_usage_pieces(context))),
    ]
    lines += [".SH DESCRIPTION", *_prose(inspect.cleandoc(command.help or ""))]
    # Without that for help: click keeps the one that was asked for first, here or by somebody else.
    options = [each for each in command.params if isinstance(each, click.Option)]
    records = [record for each in options if (record := each.get_help_record(context))]
    lines += [".SH OPTIONS", *_listed([*records, ("-h, --help", "Show this message and exit.")])]
    if below := _below(command):
        lines += [
            ".SH COMMANDS",
            *_listed((f"{name}-{one}(1)", each.get_short_help_str(limit=100)) for one, each in below),
        ]
    if context.parent is not None:
        parent = context.parent.command_path.replace(" ", "-")
        lines += [".SH SEE ALSO", f".BR {_escaped(parent)} (1)"]
    return "\n".join(lines) + "\n"


def _listed(records: Iterable[tuple[str, str]]) -> Iterator[str]:
    for title, text in records:
        first, _, rest = title.partition(" ")
        yield from (".TP", f"\\fB{_escaped(first)}\\fR {_escaped(rest)}".rstrip(), *_prose(text))


def _prose(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(text.split("\n\n")):
        if number:
            yield ".PP"
        lines = [line for line in paragraph.splitlines() if line.strip() != _AS_WRITTEN]
        if len(lines) < len(paragraph.splitlines()):
            yield from (".nf", *map(_escaped, lines), ".fi")
        else:
            yield from map(_escaped, lines)


def _escaped(text: str) -> str:
    """A line as roff shows it: a hyphen that can be copied, and no word of roff's own at its beginning."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    wanted = files()
    for path in set(FOLDER.glob("*.1")) - set(wanted):
        path.unlink()
    for path, text in wanted.items():
        path.write_text(text, encoding="utf-8")
