"""Every command in a block of a page is run: typed by a story, here or on hosts, or run by a named file in other words.

What is run by nothing is in a short list with its reasons. What a sentence names in passing is not run: of our own
programs `tests.house.test_commands` takes it apart, of others nobody does. A command that is new in a page fails here
until it has its one place; tests/documented/stories.py and tests/documented/elsewhere.py say how.
"""

from __future__ import annotations

import re

import pytest

from tests.documented import control_stories, digits_stories, locked_stories, open_stories
from tests.documented.commands import Command, commands, commands_of
from tests.documented.elsewhere import NOT_RUN, RUN, NotRun, Run, named_in
from tests.documented.shapes import missing_of
from tests.documented.stories import Story
from tests.hosts import documented
from tests.house.project import ROOT

STORIES = [
    *control_stories.STORIES, *digits_stories.STORIES, *locked_stories.STORIES, *open_stories.STORIES,
    *documented.STORIES,
]  # fmt: skip
# A list that grows is a promise that shrinks.
MOST_NOT_RUN = 5


def places(command: Command) -> list[str]:
    """Where a command is run, or said not to be."""
    told = [f"the story {story}" for story in STORIES if story.tells(command)]
    run = [f"RUN by {row.by}" for row in RUN if row.holds(command)]
    return [*told, *run, *(f"NOT_RUN: {row.because}" for row in NOT_RUN if row.holds(command))]


@pytest.mark.parametrize("page", sorted({command.page for command in commands()}))
def test_every_command_of_a_page_is_run_in_one_place(page: str) -> None:
    found = {str(command): places(command) for command in commands() if command.page == page}
    none, several = [c for c, p in found.items() if not p], {c: p for c, p in found.items() if len(p) > 1}
    assert not none, "let a story of tests/documented type them, or a row of its elsewhere.py say who runs them"
    assert not several, "each has one place"


@pytest.mark.parametrize("story", STORIES, ids=str)
def test_a_story_has_commands_and_says_nothing_of_others(story: Story) -> None:
    assert story.commands
    assert not story.stale


@pytest.mark.parametrize("row", [*RUN, *NOT_RUN], ids=lambda row: row.command)
def test_a_row_is_still_needed(row: Run | NotRun) -> None:
    assert any(row.holds(command) for command in commands())


@pytest.mark.parametrize("command", [c for c in commands() if any(r.holds(c) for r in RUN)], ids=str)
def test_the_file_that_runs_a_command_names_what_it_runs(command: Command) -> None:
    [row] = [row for row in RUN if row.holds(command)]
    text = (ROOT / row.by).read_text(encoding="utf-8")
    for pattern in named_in(command):
        assert re.search(pattern, text), f"{row.by} does not run {command}: {pattern}"


def test_what_is_not_run_stays_a_short_list() -> None:
    assert len(NOT_RUN) <= MOST_NOT_RUN


def test_commands_are_read_whole_and_with_what_is_shown() -> None:
    page = (
        "# A\n```console\n$ cat <<'END' > x\n# no comment\nEND\n$ true && \\\n  false\nshown\n\n# root -d '{\n}'\n```\n"
        "## B\n```sh\necho 'a\nb' # c\necho |\n  cat\n```\n```yaml\n$ no: command\n```\n"
    )
    read = [(each.line, each.heading, each.prompt, each.text, each.shown) for each in commands_of("p", page)]
    assert read == [
        (3, "A", "$", "cat <<'END' > x\n# no comment\nEND", ()),
        (6, "A", "$", "true && \\\n  false", ("shown", "")),
        (10, "A", "#", "root -d '{\n}'", ()),
        (15, "B", "$", "echo 'a\nb' # c", ()),
        (17, "B", "$", "echo |\n  cat", ()),
    ]


@pytest.mark.parametrize(
    ("shown", "said", "is_said"),
    [
        ("NAME   STATE   AGE", "NAME     STATE   AGE", True),
        ("NAME   STATE   AGE", "NAME     PHASE   AGE", False),
        ("a   10   Watching   40s", "a 7 Watching 1m2s", True),
        ("a   10   Watching   40s", "a 7 Lost 1m2s", False),
        ('{"node": "edge-1"}', '{"node":"edge-1"}', True),
        ("n3k2x8yq0v7d.9Jx…       # keep it", "hdvmcl4iqpg3.4ZCEmUEC_-x", True),
        ("model-1-43f16e90dc   cloud", "model-1-cd8602ee60   cloud", True),
        ("model-1-43f16e90dc   cloud", "model-cd8602ee60   cloud", False),
        ("one\n…\ntwo", "one\nnothing\ntwo", True),
        ("one\ntwo", "two\none", False),
    ],
)
def test_what_is_shown_has_to_be_said_whatever_its_numbers_are(shown: str, said: str, is_said: bool) -> None:
    assert (not missing_of(shown.splitlines(), said)) is is_said
