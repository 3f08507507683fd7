"""Writes `docs/measured.md` and its curves from the newest file of `benchmarks/results`: `make references`.

What the numbers mean, and what was tried where one misses, is written by hand in `docs/performance.md`. Called by the
Makefile and by tests/house.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import results, tables  # noqa: E402 - found from the folder above

FOLDER = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "measured.md"
CURVES = ROOT / "docs" / "images" / "growth.png"


def newest() -> Path:
    """The file that was begun last; files of one day are told by their time."""
    return max(FOLDER.glob("*.json"), key=lambda file: results.read(file).time)


def page() -> str:
    """Return the page."""
    file = newest()
    return "\n".join(_lines(file, results.read(file))) + "\n"


def curves() -> bytes:
    """Return the picture of the growth."""
    return newest().with_suffix(".png").read_bytes()


def _lines(file: Path, kept: results.Results) -> Iterator[str]:
    yield "# Measured"
    yield ""
    yield "<!-- Written by docs/measured_reference.py from benchmarks/results, which `make bench` writes. -->"
    yield ""
    yield f"What `make bench` has found, whole, as `benchmarks/results/{file.name}` has it. What the rows mean, what"
    yield "costs what, and what was tried where a figure is missed, tells [Performance](performance.md)."
    yield ""
    yield f"Measured on {_machine(kept.machine)}."
    yield ""
    yield tables.table(kept.rows)
    yield ""
    yield "![What one event costs beside more samples, rounds, jobs and nodes.](images/growth.png)"
    yield ""
    yield "Each group has a moment of its own. Its load is the machine's, of a minute, before and after it."
    yield ""
    yield "| group | begun | at commit | seconds | load before | load after |"
    yield "|---|---|---|---|---|---|"
    for group in kept.groups:
        moment = group.moment
        begun = moment.time.partition("+")[0].replace("T", " ") if moment else ""
        commit = moment.commit[:8] + (", changed" if moment.changed else "") if moment else ""
        before, after = group.load
        yield f"| {group.name} | {begun} | {commit} | {group.seconds:.0f} | {before:.1f} | {after:.1f} |"


def _machine(machine: dict[str, Any]) -> str:
    return (
        f"{machine['cores']} cores of an {machine['cpu']} with {machine['memoryGB']:.0f} GB, Linux {machine['kernel']},"
        f" Python {machine['python']}, a machine shared with others"
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    CURVES.write_bytes(curves())
