"""A section of a page, typed as it stands there: what has to be so before, what must be said, and what is elsewhere.

The tables of stories are in `open_stories`, `locked_stories` and `control_stories` here, and in
tests/hosts/documented.py for what only hosts have. `tests.house.test_documented` sees that each command of each page
is in one of them, or in one of the tables of `elsewhere`.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

import pytest

from tests.documented.commands import Command, commands, without_comment
from tests.documented.shapes import missing_of

# Read before the environment is cleaned for each test.
REQUIRED = os.environ.get("SEDNA_TEST_REQUIRE", "").split(",")
PROGRAMS = ("kubectl", "curl", "jq", "git", "scp")

# How much of what a command has said helps who reads of its failure.
SHOWN = 6000


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it printed, on both outputs."""

    status: int
    out: str


class Place(Protocol):
    """Where commands are typed: a terminal of this machine or of a host, and the names that things have there."""

    words: dict[str, str]
    """What the pages say, and what it is called here."""

    def type(self, command: Command, text: str, until: str | None, pasted: str) -> Said:
        """Type a command and wait for its end; with `until`, until it has said that, and end it then."""


@dataclass(frozen=True)
class Story:
    """A section of a page, whose commands are typed in their order.

    All mappings are from how a command begins.

    Attributes:
        page: the page.
        heading: the section.
        apart: commands of the section that are not of this story.
        words: what the section says, and what it is called here; before those of the place.
        before: what has to be so first; called with the place.
        after: what is kept or expected; called with the place and what was said.
        until: a pattern; the command goes on until Ctrl-C, which it gets when it has said that.
        pasted: what is typed into the command.
        only: a pattern of those lines of the page's output that are said here as well; by default all.
    """

    page: str
    heading: str
    apart: tuple[str, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, Callable[[Any], object]] = field(default_factory=dict)
    after: Mapping[str, Callable[[Any, Said], object]] = field(default_factory=dict)
    until: Mapping[str, str] = field(default_factory=dict)
    pasted: Mapping[str, str] = field(default_factory=dict)
    only: str = ""

    def __str__(self) -> str:
        return f"{self.page} {self.heading}"

    def tells(self, command: Command) -> bool:
        """Whether a command is typed by this story."""
        here = (command.page, command.heading) == (self.page, self.heading)
        return here and not command.text.startswith(self.apart)

    @property
    def commands(self) -> list[Command]:
        """The commands of the story, in the order of the page."""
        return [command for command in commands() if self.tells(command)]

    @property
    def stale(self) -> list[str]:
        """What the story says of commands that the section does not have."""
        section = [each.text for each in commands() if (each.page, each.heading) == (self.page, self.heading)]
        said = [*self.apart, *self.before, *self.after, *self.until, *self.pasted]
        return [begin for begin in said if not any(text.startswith(begin) for text in section)]


def tell(story: Story, place: Place) -> None:
    """Type a story; fails at the first command that does not do what its page says.

    The test is skipped, after the others were typed, where a program that commands call is not installed.
    """
    assert story.commands, f"{story} has no command"
    left_out = {program for command in story.commands if (program := _missing_program(command))}
    for command in story.commands:
        if not _missing_program(command):
            type_one(story, command, place)
    if left_out:
        pytest.skip(f"all but the commands of {', '.join(left_out)} were typed: not installed, or too old")


def type_one(story: Story, command: Command, place: Place) -> None:
    """Type a command of a story: it has to end well, and to say what is shown."""
    for prepare in _of(story.before, command):
        prepare(place)
    words = {**place.words, **story.words}
    text = in_words(command.text, words)
    [until] = _of(story.until, command) or [None]
    said = place.type(command, text, until, "".join(_of(story.pasted, command)))
    end = said.out[-SHOWN:]
    assert said.status == 0, f"{command}\nwas typed as {text}\nand ended with {said.status}:\n{end}"
    shown = [in_words(line, words) for line in command.shown if re.search(story.only, line)]
    absent = missing_of(shown, said.out)
    assert not absent, f"{command}\nis shown to say {absent}, and has said\n{end}"
    for act in _of(story.after, command):
        act(place, said)


def in_words(text: str, words: Mapping[str, str]) -> str:
    """Say the same in other words; in one pass, so that no word is replaced twice, the longest one first."""
    if not words:
        return text
    pattern = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.sub(pattern, lambda found: words[found[0]], text)


def _of(table: Mapping[str, Any], command: Command) -> list[Any]:
    return [value for begin, value in table.items() if command.text.startswith(begin)]


def _missing_program(command: Command) -> str | None:
    """The program that a command needs and this machine does not have; fails where it must be there."""
    words = without_comment(command.text).split()
    for program in PROGRAMS:
        if program in words and not _is_there(program):
            assert program not in REQUIRED, f"{program} is required here, and is not on PATH or too old"
            return program
    return None


@lru_cache
def _is_there(program: str) -> bool:
    found = shutil.which(program)
    # `kubectl wait --for=jsonpath` and more; .ci/run draws the line at the same version.
    return found is not None and (program != "kubectl" or _kubectl_is_new(found))


def _kubectl_is_new(path: str) -> bool:
    with os.popen(f"{path} version --client --output=json") as asked:
        minor = re.search(r'"minor":\s*"(\d+)', asked.read())
    return minor is not None and int(minor[1]) >= 27
