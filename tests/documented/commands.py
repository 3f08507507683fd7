"""The commands that our pages show: each with its page, line, heading, who types it, and what it is shown to print.

What is fenced as console, sh or bash is one. In console blocks a command begins with `$` (anybody) or `#` (root on a
host), what follows is its output; in the others every line is one. `tests.documented.stories` types them. What a
sentence quotes is none: `tests.house.test_commands` only has it parsed.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from tests.house.project import ROOT

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
]
FENCE = re.compile(r"^```(\w*)")
LANGUAGES = ("console", "sh", "bash", "shell")
HEREDOC = re.compile(r"<<-?\s*'?(\w+)'?")


@dataclass(frozen=True)
class Command:
    """One command of a page.

    Attributes:
        page: the page, from the project's folder on.
        line: where it begins, counted from 1.
        heading: the heading that it stands under.
        prompt: `$`, or `#` for root.
        text: what is typed, with its lines, and with the comment behind it.
        shown: what the page says that it prints; none where the page does not say.
    """

    page: str
    line: int
    heading: str
    prompt: str
    text: str
    shown: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


@lru_cache
def commands() -> tuple[Command, ...]:
    """Return every command of every page, in the order of the pages."""
    return tuple(
        command
        for page in PAGES
        for command in commands_of(str(page.relative_to(ROOT)), page.read_text(encoding="utf-8"))
    )


def commands_of(page: str, text: str) -> Iterator[Command]:
    """Yield the commands of one page."""
    heading, language, begin, block = "", None, 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if language is None and fence:
            language, begin, block = fence[1], number + 1, []
        elif language is not None and line.startswith("```"):
            if language in LANGUAGES:
                yield from _typed(page, heading, language, begin, block)
            language = None
        elif language is not None:
            block.append(line)
        elif line.startswith("#"):
            heading = line.lstrip("#").strip()


def _typed(page: str, heading: str, language: str, begin: int, block: list[str]) -> Iterator[Command]:
    prompts = ("$ ", "# ") if language == "console" else ("",)
    left = list(enumerate(block, begin))
    while left:
        number, line = left.pop(0)
        prompt = next((prompt for prompt in prompts if line.startswith(prompt)), None)
        if prompt is None or not line.strip():
            continue
        text = line.removeprefix(prompt)
        while left and not _is_whole(text):
            text += "\n" + left.pop(0)[1]
        shown = []
        while left and prompts != ("",) and not left[0][1].startswith(prompts):
            shown.append(left.pop(0)[1])
        yield Command(page, number, heading, prompt.strip() or "$", text, tuple(shown))


def _is_whole(text: str) -> bool:
    """Whether a shell would run it, and not ask for more."""
    if heredoc := HEREDOC.search(text):
        return text.endswith(f"\n{heredoc[1]}")
    if text.endswith(("\\", "|")):
        return False
    try:
        shlex.split(text, comments=True)
    except ValueError:
        return False
    return True


def without_comment(text: str) -> str:
    """Return a command without what the page says of it behind `#`."""
    return re.sub(r"\s+#\s.*$", "", text) if "\n" not in text else text
