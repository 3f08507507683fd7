"""Writes `docs/cli.md` from the commands themselves: `python docs/cli_reference.py`.

A test in tests/house compares the page with what this would write, so the page cannot drift.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from sedna.cli.main import sedna

PAGE = Path(__file__).parent / "cli.md"
HEAD = """\
# The sedna command

<!-- Written by docs/cli_reference.py from the commands; edit those. -->

| exit code | means |
|---|---|
| 0 | done |
| 1 | the server refused, or a file here cannot be used; the message says which and why |
| 2 | the command line is wrong |
| 3 | the GlobalManager cannot be reached |

Types may be written in full or short, in any letter case: `datasets` (`ds`), `models` (`md`),
`incrementallearningjobs` (`ilj`, `il`, `job`), `workers` (`wk`), `artifacts` (`art`), `nodes` (`no`), `events` (`ev`).

`--server` and `-n` may also stand before the command: `sedna --server http://gm:9000 get ilj`.

Shell completion: `source <(sedna completion bash)`, or put that line into `~/.bashrc`; `zsh` and `fish` likewise.

Manual pages: `man sedna`, `man sedna-why`, `man sedna-gm`, `man sedna-lc` on hosts that the roles
have installed and that have `man` (Debian: `man-db`).
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join([HEAD, *_commands("sedna", sedna)]) + "\n"


def _commands(path: str, group: click.Group) -> Iterator[str]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _commands(f"{path} {name}", command)
        else:
            yield from _command(f"{path} {name}", command)


def _command(path: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    usage = command.get_usage(context).removeprefix("Usage: ")
    yield f"## {path}\n"
    yield f"```\n{' '.join(usage.split())}\n```\n"
    yield _prose(inspect.cleandoc(command.help or "")) + "\n"
    options = [option for option in command.params if isinstance(option, click.Option)]
    if options:
        yield "| option | default | |\n|---|---|---|"
        yield from (_row(option) for option in options)
        yield ""


def _prose(text: str) -> str:
    """Return help text as Markdown: what click keeps as it is (after `\\b`) is code."""
    return "\n\n".join(f"```\n{block[2:]}\n```" if block.startswith("\b\n") else block for block in text.split("\n\n"))


def _row(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    default = "" if option.is_flag and not option.default else _default(option)
    environment = f" Environment: `{option.envvar}`." if option.envvar else ""
    choices = ""
    if isinstance(option.type, click.Choice):
        choices = " One of " + ", ".join(f"`{choice}`" for choice in option.type.choices) + "."
    return f"| {names} | {default} | {option.help or ''}{choices}{environment} |"


def _default(option: click.Option) -> str:
    default = option.default
    if default is None or callable(default) or not isinstance(default, (str, int, float, bool)):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
