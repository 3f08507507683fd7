"""Prints the server's Tables (meta.k8s.io/v1): which columns there are is the server's business.

`sedna.cli.getting` hands in one Table per answer or per watched event; the widths are kept from the first, so a
watch prints rows that stand under each other, and none twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sedna.cli.colours import coloured

GAP = "   "


class TablePrinter:
    """Writes Tables line by line, with the header before the first row."""

    def __init__(
        self, write: Callable[[str], None], *, wide: bool = False, with_namespace: bool = False, watching: bool = False
    ) -> None:
        self._write = write
        self._watching = watching
        # Later rows may be wider than the first: most phases and counts stay under each other.
        self._narrowest = 9 if watching else 0
        self._ages: frozenset[int] = frozenset()
        self._last: dict[str, list[Any]] = {}
        self._wide = wide
        self._with_namespace = with_namespace
        self._shown: tuple[int, ...] = ()
        self._columns: list[str] = []
        self._widths: list[int] = []

    def add(self, table: Mapping[str, Any], *, gone: bool = False) -> None:
        """Print a Table's rows; the first one that has columns also says what they are."""
        rows = table.get("rows") or []
        header: list[list[str]] = []
        if not self._shown:
            columns = table.get("columnDefinitions") or []
            self._ages = frozenset(i for i, c in enumerate(columns) if c.get("type") == "date")
            self._shown = tuple(i for i, c in enumerate(columns) if self._wide or not c.get("priority"))
            header = [[str(columns[i]["name"]).upper() for i in self._shown]]
            if self._with_namespace:
                header[0].insert(0, "NAMESPACE")
            self._columns = header[0]
        lines = header + [
            [*self._cells(row), *(["deleted"] if gone else [])]
            for row in rows
            if gone or not (self._watching and self._is_old_news(row))
        ]
        self._widen(lines)
        for line in lines:
            self._write(aligned(line, self._widths, self._columns))

    def _is_old_news(self, row: Mapping[str, Any]) -> bool:
        """Whether a row says what the last of its resource said, but for its age: a change of a field not shown."""
        metadata = row.get("object", {}).get("metadata", {})
        key = f"{metadata.get('namespace')}/{metadata.get('name')}"
        says = [cell for i, cell in enumerate(row["cells"]) if i not in self._ages]
        old = self._last.get(key) == says
        self._last[key] = says
        return old

    def _cells(self, row: Mapping[str, Any]) -> list[str]:
        cells = [_text(row["cells"][i]) for i in self._shown]
        if self._with_namespace:
            cells.insert(0, str(row.get("object", {}).get("metadata", {}).get("namespace", "")))
        return cells

    def _widen(self, lines: Sequence[Sequence[str]]) -> None:
        for line in lines:
            self._widths += [self._narrowest] * (len(line) - len(self._widths))
            self._widths = [max(w, len(cell)) for w, cell in zip(self._widths, line, strict=False)]


def aligned(cells: Sequence[str], widths: Sequence[int], columns: Sequence[str] = ()) -> str:
    """Return one line of a table, without blanks at its end; words of state in colour where columns are named."""
    ends = len(cells) - 1
    padded = [
        cell if i == ends else cell.ljust(width) for i, (cell, width) in enumerate(zip(cells, widths, strict=False))
    ]
    named = [*columns, *[""] * (len(cells) - len(columns))]
    shown = [coloured(*each) for each in zip(named, cells, padded, strict=False)]
    return GAP.join(shown).rstrip()


def simple_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a small table that is known as a whole."""
    lines = [list(header), *[[_on_one_line(cell) for cell in row] for row in rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return [aligned(line, widths, header) for line in lines]


def _text(cell: Any) -> str:
    return "<none>" if cell is None or cell == "" else _on_one_line(str(cell))


def _on_one_line(text: str) -> str:
    """Return a text without line breaks: a message may be the end of a traceback, and a row is a line."""
    return " ".join(line.strip() for line in text.splitlines())
