"""What was found, kept: a JSON file that grows by each group as soon as it is measured, and a picture of each growth.

A run that is ended keeps what it has, and a later one may measure some groups anew into the same file. `gathered` does
both; `docs/performance.md` tells how to read the files.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.machines import Moment
from benchmarks.pictures import draw
from benchmarks.rows import Aim, Curve, Row
from benchmarks.running import GROUPS, Group
from sedna.common.publishing import write_atomically

# Of `machine`: what must be the same for numbers to stand in one table.
_SAME = ("cpu", "cores", "memoryGB", "kernel", "python")


@dataclass(frozen=True)
class Results:
    """All that one file holds."""

    machine: dict[str, Any]
    time: str
    """When the file was begun, ISO 8601."""
    small: bool
    groups: tuple[Group, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of all groups."""
        return tuple(row for group in self.groups for row in group.rows)

    def having(self, found: Group) -> Results:
        """Return these with a group measured anew in its place; one that failed takes the place of no rows."""
        before = next((one for one in self.groups if one.name == found.name), None)
        if found.problem and before is not None and before.rows:
            return self
        others = [one for one in self.groups if one.name != found.name]
        return dataclasses.replace(self, groups=tuple(sorted([*others, found], key=_place)))


def gathered(file: Path, kept: Results, groups: Iterable[Group]) -> Iterator[tuple[Group, Results]]:
    """Write the file after each group; give the group, and all that the file holds then."""
    for group in groups:
        kept = kept.having(group)
        write(file, kept)
        if any(row.curve for row in group.rows):
            draw(file.with_suffix(".png"), [row.curve for row in kept.rows if row.curve])
        yield group, kept


def new_file(folder: Path, now: datetime) -> Path:
    """Return `<date>.json`; where there is one of that day already, the name has the time as well."""
    file = folder / f"{now:%Y-%m-%d}.json"
    return folder / f"{now:%Y-%m-%d-%H%M%S}.json" if file.exists() else file


def continued(file: Path, begun: Results) -> Results:
    """Return what a file holds, to measure more into it; `begun` where there is no file yet.

    Raises:
        ValueError: when it is no file of results, or of another machine or size: such numbers do not belong together.
    """
    if not file.exists():
        return begun
    kept = read(file)
    other = [key for key in _SAME if kept.machine.get(key) != begun.machine.get(key)]
    if other:
        told = ", ".join(f"{key} {kept.machine.get(key)}, here {begun.machine.get(key)}" for key in other)
        raise ValueError(f"{file} is of another machine ({told}); measure into a file of its own")
    if kept.small != begun.small:
        sizes = "small sizes" if kept.small else "whole sizes"
        raise ValueError(f"{file} is of {sizes}; measure the same, or into a file of its own")
    return kept


def write(file: Path, kept: Results) -> None:
    """Replace the file at once, so that there is always a whole one. Raises OSError."""
    groups = [{name: one for name, one in dataclasses.asdict(group).items() if name != "rows"} for group in kept.groups]
    rows = [
        # JSON has no NaN.
        {"group": group.name, "verdict": row.verdict, **dataclasses.asdict(row), "value": _finite(row.value)}
        for group in kept.groups
        for row in group.rows
    ]
    content = {"time": kept.time, "small": kept.small, "machine": kept.machine, "groups": groups, "rows": rows}
    write_atomically(file, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def read(file: Path) -> Results:
    """Return what `write` has written. Raises ValueError for a file that is something else, OSError where none is."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        rows: dict[str, list[Row]] = {}
        for row in content["rows"]:
            rows.setdefault(row["group"], []).append(_row(row))
        groups = tuple(_group(one, tuple(rows.get(one["name"], ()))) for one in content["groups"])
        return Results(dict(content["machine"]), content["time"], content["small"], groups)
    except (KeyError, TypeError, ValueError) as problem:
        raise ValueError(f"{file} is no file of results: {type(problem).__name__}: {problem}") from problem


def _row(kept: dict[str, Any]) -> Row:
    fields = {name: one for name, one in kept.items() if name not in ("group", "verdict")}
    fields["value"] = math.nan if fields["value"] is None else fields["value"]
    if fields.get("aim"):
        fields["aim"] = Aim(**fields["aim"])
    if fields.get("curve"):
        points = tuple((size, cost) for size, cost in fields["curve"]["points"])
        fields["curve"] = Curve(**{**fields["curve"], "points": points})
    return Row(**fields)


def _group(kept: dict[str, Any], rows: tuple[Row, ...]) -> Group:
    before, after = kept["load"]
    # Files of before groups had a moment of their own have none.
    told = kept.get("moment")
    return Group(
        kept["name"], rows, kept["seconds"], (before, after), kept["problem"], Moment(**told) if told else None
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _place(group: Group) -> int:
    # A group that is there no more stays, behind the others.
    return GROUPS.index(group.name) if group.name in GROUPS else len(GROUPS)
