"""Tables of samples as CSV with a header: one row per sample, one column is the label.

Read without pandas into numpy arrays. Only when `func` or keywords of `pandas.read_csv` are used does pandas
read the table, and `x` and `y` are a DataFrame and a Series as in the original.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sedna.datasources.base import BaseDataSource, local_copy


class CSVDataParse(BaseDataSource):
    """Reads CSV files with a header; after `parse`, `columns` names the columns of `x`."""

    columns: tuple[str, ...] = ()

    @staticmethod
    def parse_json(lines: Mapping[str, Any] | Sequence[Mapping[str, Any]], **kwargs: Any) -> Any:
        """One row (a dict) or several as a pandas DataFrame; keywords go to `DataFrame.from_dict`."""
        kwargs.pop("usecols", None)
        return _pandas().DataFrame.from_dict([lines] if isinstance(lines, Mapping) else list(lines), **kwargs)

    def parse(self, *args: Any, **kwargs: Any) -> None:
        """Read files (paths, or several in one text joined by `;`) and rows (dicts or lists of them).

        `label`: the column for `y`; without it `y` is None. `usecols`: the columns for `x`, a list or a
        comma-separated text. `x` has the shape (rows, columns): float64 when every cell is a number (an
        empty one is NaN), else objects (numbers where a whole column is numbers, else text). Any other
        keyword, or `func`, makes pandas read and `x` a DataFrame.

        Raises FileNotFoundError for a missing file; ValueError, naming the file, for a missing column, a
        row of another length than the header, or files whose columns differ.
        """
        label = kwargs.pop("label", "") or ""
        usecols = kwargs.pop("usecols", "") or []
        wanted = [name.strip() for name in usecols.split(",")] if isinstance(usecols, str) else list(usecols)
        sources = [one for arg in args if arg for one in (_files(arg) if isinstance(arg, str) else [arg])]
        if kwargs or self.process_func:
            self._parse_with_pandas(sources, label, wanted, kwargs)
            return
        tables = [_read(one) if isinstance(one, str) else _rows(one) for one in sources]
        if not tables:
            return
        header = tables[0].header
        names = [name for name in wanted or header if name != label]
        if not wanted and any(set(one.header) != set(header) for one in tables):
            raise ValueError(f"{', '.join(one.source for one in tables)}: their columns differ")
        self.columns = tuple(names)
        self.x = _numbers_where_possible(_joined([one.columns(names) for one in tables]))
        self.y = _labels(_joined([one.columns([label]) for one in tables])) if label else None

    def _parse_with_pandas(self, sources: list[Any], label: str, wanted: list[str], kwargs: dict[str, Any]) -> None:
        pandas = _pandas()
        if wanted:
            kwargs["usecols"] = [*wanted, *([label] if label and label not in wanted else [])]
        features, labels = [], []
        for source in sources:
            if isinstance(source, str):
                with local_copy(source) as path:
                    table = pandas.read_csv(path, **kwargs)
            else:
                table = self.parse_json(source)
            table = self.process_func(table) if self.process_func else table
            if label:
                if label not in table.columns:
                    raise ValueError(f"{source}: there is no column {label}")
                labels.append(table[label])
                table = table.drop(columns=label)
            features.append(table)
        if features:
            self.x = pandas.concat(features)
            self.columns = tuple(str(name) for name in self.x.columns)
            self.y = pandas.concat(labels) if labels else None


@dataclass
class _Table:
    """One source: its header, and its cells as numbers if all are, else as text."""

    source: str
    header: list[str]
    cells: Any

    def columns(self, names: list[str]) -> Any:
        missing = [name for name in names if name not in self.header]
        if missing:
            raise ValueError(f"{self.source}: there is no column {', '.join(missing)}")
        return self.cells[:, [self.header.index(name) for name in names]]


def _files(joined: str) -> list[str]:
    return [one.strip() for one in joined.split(";") if one.strip()]


def _read(file: str) -> _Table:
    import numpy as np

    with local_copy(file) as path, path.open(newline="", encoding="utf-8-sig") as opened:
        header = [name.strip() for name in next(csv.reader(opened), [])]
        if not any(line.strip() for line in opened):
            return _Table(file, header, np.empty((0, len(header))))
        opened.seek(0)
        try:
            # The quick way, in C; it refuses text and empty cells.
            cells = np.loadtxt(opened, delimiter=",", skiprows=1, ndmin=2, comments=None, dtype=np.float64)
            if cells.shape[1] == len(header):
                return _Table(file, header, cells)
        except ValueError:
            pass
        opened.seek(0)
        return _Table(file, header, _text_cells(file, csv.reader(opened), len(header)))


def _text_cells(file: str, reader: Any, width: int) -> Any:
    import numpy as np

    next(reader)
    rows = []
    for row in reader:
        if row and len(row) != width:
            raise ValueError(f"{file}, line {reader.line_num}: {len(row)} cells under {width} columns")
        if row:
            rows.append(row)
    return np.array(rows, dtype=object).reshape(-1, width)


def _rows(given: Any) -> _Table:
    import numpy as np

    dicts = [given] if isinstance(given, Mapping) else list(given)
    header = [str(name) for name in dicts[0]] if dicts else []
    cells = [[one.get(name, "") for name in header] for one in dicts]
    return _Table("the given rows", header, np.array(cells, dtype=object).reshape(-1, len(header)))


def _joined(parts: list[Any]) -> Any:
    import numpy as np

    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def _numbers_where_possible(cells: Any) -> Any:
    """float64 when every cell is a number, else objects with numbers in the columns that are."""
    if cells.dtype != object:
        return cells
    columns = [_numbers(column) for column in cells.T]
    if all(column is not None for column in columns) and columns:
        import numpy as np

        return np.stack(columns, axis=1)
    for index, column in enumerate(columns):
        if column is not None:
            cells[:, index] = column
    return cells


def _labels(cells: Any) -> Any:
    """Labels as int64 when all are whole numbers, as float64 when all are numbers, else as text."""
    import numpy as np

    numbers = _numbers(cells[:, 0])
    if numbers is None:
        return cells[:, 0].astype(str)
    whole = numbers.size > 0 and bool(np.all(np.mod(numbers, 1) == 0))
    return numbers.astype(np.int64) if whole else numbers


def _numbers(column: Any) -> Any:
    import numpy as np

    if column.dtype != object:
        return column
    try:
        # An empty cell is a value that is not known.
        return np.array([float(cell) if str(cell).strip() else np.nan for cell in column], dtype=np.float64)
    except (TypeError, ValueError):
        return None


def _pandas() -> Any:
    try:
        import pandas
    except ImportError as problem:
        raise ModuleNotFoundError(
            "func and keywords of pandas.read_csv need pandas, which is not installed: pip install pandas"
        ) from problem
    return pandas
