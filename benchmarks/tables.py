"""The table that people read: every row with the original's figure, the one wanted, and what was found."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.rows import Row

_HEADER = ("what", "the original", "wanted", "measured", "verdict")


def table(rows: Sequence[Row]) -> str:
    """Return the rows as Markdown, which is also a table on a terminal."""
    lines = [_HEADER, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADER))]
    shown = [_line(line, widths) for line in lines]
    return "\n".join([shown[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *shown[1:]])


def number(value: float) -> str:
    """A number with as many digits as say something."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"


def _cells(row: Row) -> tuple[str, ...]:
    wanted = f"{row.aim} {row.unit}" if row.aim else "–"
    measured = "–" if row.missing else f"{number(row.value)} {row.unit}".strip()
    return (row.name, row.original, wanted.strip(), measured, row.verdict)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
