"""Every command of ours that a page shows is understood by the program that it calls: no option that was renamed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from sedna.cli.main import sedna
from sedna_gm.daemon.main import main as sedna_gm
from sedna_lc.daemon.main import main as sedna_lc
from tests.documented.commands import commands
from tests.house.test_docs import PAGES, ROOT

PROGRAMS: dict[str, click.Command] = {"sedna": sedna, "sedna-gm": sedna_gm, "sedna-lc": sedna_lc}
# What a shell makes of a line ends a command or leads it elsewhere.
ENDS = re.compile(r"\s(?:&&|\|\||\||;|>>?|<|2>|&)\s|\s#\s")
# What pages leave out, where a word has to be.
PLACEHOLDER = "…"


def shown() -> Iterator[tuple[str, str, bool]]:
    """The page, the command, and whether a sentence names it, for each call of one of our programs."""
    for page in PAGES:
        name = str(page.relative_to(ROOT))
        for typed in [command.text for command in commands() if command.page == name]:
            for line in typed.replace("\\\n", " ").splitlines():
                yield from ((name, call, False) for call in calls(line))
        text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        for quoted in re.findall(r"`([^`\n]+)`", text):
            yield from ((name, call, True) for call in calls(quoted) if " " in call)


def calls(line: str) -> Iterator[str]:
    """The calls of our programs in one line of a shell, from the program's name to where they end."""
    for part in ENDS.split(f"{line} "):
        words = part.split()
        while words and (words[0] in ("sudo", "sudo -u", "exec") or re.fullmatch(r"[A-Z_]+=\S*", words[0])):
            words.pop(0)
        if words and Path(words[0]).name in PROGRAMS:
            yield " ".join([Path(words[0]).name, *words[1:]])


def written_out(words: list[str]) -> Iterator[list[str]]:
    """`token create|list` is two commands."""
    place = next((number for number, word in enumerate(words) if re.fullmatch(r"[a-z]+(\|[a-z]+)+", word)), None)
    if place is None:
        yield words
    else:
        for word in words[place].split("|"):
            yield from written_out([*words[:place], word, *words[place + 1 :]])


def parse(command: click.Command, words: list[str], name: str, parent: click.Context | None = None) -> None:
    """Let click take a command line apart as it would, and run nothing. Raises click.UsageError."""
    context = command.make_context(name, list(words), parent=parent)
    # Its public name is deprecated, and there is no other way to ask for the rest of a line.
    if isinstance(command, click.Group) and (rest := [*context._protected_args, *context.args]):
        below, found, left = command.resolve_command(context, rest)
        assert found is not None
        parse(found, left, str(below), context)


@pytest.mark.parametrize(("page", "call", "in_prose"), sorted(set(shown())), ids=str)
def test_a_command_that_a_page_shows_is_one(page: str, call: str, in_prose: bool) -> None:
    program, *words = shlex.split(call.replace("[", "").replace("]", ""))
    try:
        for choice in written_out([word for word in words if word != PLACEHOLDER]):
            parse(PROGRAMS[program], choice, program)
    except click.exceptions.Exit:
        # --help and --version are answered by click at once.
        return
    except (click.MissingParameter, click.exceptions.NoArgsIsHelpError):
        # A sentence may name a command without all that it takes.
        assert in_prose
    except click.BadOptionUsage as problem:
        assert in_prose, problem
        assert "requires an argument" in problem.message
    except click.BadParameter as problem:
        # A file of the reader's is not here; or a letter stands for a number.
        assert (
            "does not exist" in problem.message
            or "No such file" in problem.message
            or (in_prose and "'N' is not" in problem.message)
        )


def test_there_are_commands_to_check_and_a_wrong_one_is_found() -> None:
    assert len(set(shown())) > 50
    with pytest.raises(click.UsageError, match="No such option"):
        parse(sedna, ["get", "ilj", "--nobody-knows-this"], "sedna")
    assert list(calls("$ cd x && sudo sedna-gm token list -o json | jq . # all".removeprefix("$ "))) == [
        "sedna-gm token list -o json"
    ]
