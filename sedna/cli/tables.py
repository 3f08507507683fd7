"""Prints the server's Tables (meta.k8s.io/v1): which columns there are is the server's business.

`sedna.cli.getting` hands in one Table per answer or per watched event; the widths are kept from the first, so a
watch prints rows that stand under each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

GAP = "   "


class TablePrinter:
    """Writes Tables line by line, with the header before the first row."""

    def __init__(self, write: Callable[[str], None], *, wide: bool = False, with_namespace: bool = False) -> None:
        self._write = write
        self._wide = wide
        self._with_namespace = with_namespace
        self._shown: tuple[int, ...] = ()
        self._widths: list[int] = []

    def add(self, table: Mapping[str, Any]) -> None:
        """Print a Table's rows; the first one that has columns also says what they are."""
        rows = table.get("rows") or []
        header: list[list[str]] = []
        if not self._shown:
            columns = table.get("columnDefinitions") or []
            self._shown = tuple(i for i, c in enumerate(columns) if self._wide or not c.get("priority"))
            header = [[str(columns[i]["name"]).upper() for i in self._shown]]
            if self._with_namespace:
                header[0].insert(0, "NAMESPACE")
        lines = header + [self._cells(row) for row in rows]
        self._widen(lines)
        for line in lines:
            self._write(aligned(line, self._widths))

    def _cells(self, row: Mapping[str, Any]) -> list[str]:
        cells = [_text(row["cells"][i]) for i in self._shown]
        if self._with_namespace:
            cells.insert(0, str(row.get("object", {}).get("metadata", {}).get("namespace", "")))
        return cells

    def _widen(self, lines: Sequence[Sequence[str]]) -> None:
        for line in lines:
            self._widths += [0] * (len(line) - len(self._widths))
            self._widths = [max(w, len(cell)) for w, cell in zip(self._widths, line, strict=False)]


def aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return one line of a table, without blanks at its end."""
    return GAP.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=False)).rstrip()


def simple_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a small table that is known as a whole."""
    lines = [list(header), *[list(row) for row in rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return [aligned(line, widths) for line in lines]


def _text(cell: Any) -> str:
    return "<none>" if cell is None or cell == "" else str(cell)
