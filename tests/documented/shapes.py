"""Whether a command has said what its page shows: the same lines in the same order, whatever numbers are in them.

Numbers, ages, times, digests and the spaces between columns may be other ones; `…` is anything, and a line of `…`
alone is any number of lines. What is said in between is not missed by the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# A time, a digest or the id of something; an age, a size, a number.
CHANGING = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:]+Z|\d{8}T\d{6}Z|\b(?=[a-z]*\d)[a-z0-9]{8,64}\b|\b(?:\d+(?:ms|[smhd]))+\b"
    # A hyphen within a name is no sign: it would tear the digest behind it apart.
    r"|(?:(?<![\w-])-)?\d+(?:\.\d+)*"
)


def pattern_of(line: str) -> re.Pattern[str]:
    """Return what a line of a page stands for."""
    text = re.sub(r"\s+#\s.*$", "", line).strip()
    parts, end = [], 0
    for found in re.finditer(rf"\b(?=\w*\d)\w+…|{CHANGING.pattern}|…|\s+", text):
        parts += [re.escape(text[end : found.start()]), _part(found[0], text[: found.start()])]
        end = found.end()
    return re.compile("".join([*parts, re.escape(text[end:])]))


def _part(found: str, before: str) -> str:
    if found.endswith("…"):
        return r".*"
    if found.isspace():
        # JSON is shown with spaces, and said with or without.
        return r"\s*" if before.endswith((":", ",")) else r"\s+"
    # Nothing but digits and letters: what is said may have more or fewer of them.
    return r"[-\w:.]+"


def missing_of(shown: Iterable[str], said: str) -> list[str]:
    """Return the lines of a page that were not said, or not in this order."""
    lines = iter(said.splitlines())
    missing = []
    for wanted in shown:
        if wanted.strip() in ("", "…"):
            continue
        pattern = pattern_of(wanted)
        kept = list(lines)
        place = next((number for number, line in enumerate(kept) if pattern.search(" ".join(line.split()))), None)
        if place is None:
            missing.append(wanted)
            lines = iter(kept)
        else:
            lines = iter(kept[place + 1 :])
    return missing
