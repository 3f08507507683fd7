"""Each group of benchmarks still measures something; and what is said of a number follows from the number."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import nodes
from benchmarks.rows import Aim, Row, Size, share, slope
from benchmarks.running import GROUPS, measured, run
from benchmarks.tables import table

# It starts two interpreters with TensorFlow, one after the other.
SLOW = pytest.param("detector", marks=[pytest.mark.tensorflow, pytest.mark.timeout(600)])


@pytest.mark.parametrize("name", [SLOW if name == "detector" else name for name in GROUPS])
def test_a_group_measures_its_rows_at_a_small_size(name: str) -> None:
    if name == "detector":
        pytest.importorskip("tensorflow")
    rows = measured(name, Size(small=True))
    assert rows
    for row in rows:
        # What cannot be measured on this machine says so, and has no number.
        assert math.isfinite(row.value) != bool(row.missing), row.name
        assert row.verdict
        assert row.how
    # All of it can be written down.
    json.dumps([row.more for row in rows])


def row(value: float, aim: Aim | None = None) -> Row:
    return Row("import", value, "s", "by hand", aim, "0.76 s")


def test_a_figure_that_is_missed_is_told_with_by_how_much() -> None:
    assert row(0.08, Aim(0.08)).verdict == "holds"
    assert row(0.12, Aim(0.08)).verdict == "misses by 50%"
    assert row(450, Aim(500, at_most=False)).verdict == "misses by 10%"
    assert row(600, Aim(500, at_most=False)).verdict == "holds"
    assert row(3, Aim(0)).verdict == "misses by 3 s"


def test_what_was_not_measured_is_told_without_a_number() -> None:
    lines = table([Row("exec", math.nan, "ms", "by hand", Aim(100), missing="needs a lab")]).splitlines()
    assert [cell.strip() for cell in lines[2].strip("|").split("|")][3:] == ["–", "not measured: needs a lab"]


@pytest.mark.parametrize(("count", "values"), [(10_000, [200, 20, 9, 15]), (2_500, [500, 20, 36, 60])])
def test_a_number_for_more_nodes_than_there_were_says_that_it_was_worked_out(count: int, values: list[float]) -> None:
    found: dict[str, Any] = {"memoryMB": 200, "boundMs": {"p99": 20, "count": 500}, "beatsCpu": 9, "beatCpuMs": 0.2}
    found |= dict.fromkeys(("connectedAfter", "backCpuSeconds", "memoryAfterMB", "problems"), 0) | {"backSeconds": 15}
    rows = list(nodes.told(10_000, count, 100, found))
    assert [row.value for row in rows] == values
    worked_out = [row.name.startswith("10,000 nodes, worked out from 2,500: ") for row in rows]
    assert worked_out == ([False] * 4 if count == 10_000 else [True, False, True, True])
    assert all(row.name.startswith(("10,000 nodes", f"{count:,} nodes")) for row in rows)


@given(st.floats(0.001, 1e6), st.floats(0.001, 1e6), st.booleans())
def test_a_figure_holds_on_its_good_side_only(value: float, figure: float, at_most: bool) -> None:
    good = value <= figure if at_most else value >= figure
    found = row(value, Aim(figure, at_most))
    assert found.holds or not good
    # Half a hundredth beside it is the clock's.
    if abs(value - figure) > 0.006 * figure:
        assert found.holds == good


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_a_slope_is_the_power_by_which_a_cost_grows(power: float) -> None:
    assert slope([(size, 3 * size**power) for size in (10, 100, 1000, 10_000)]) == pytest.approx(power)


def test_a_percentile_is_a_value_that_was_seen() -> None:
    assert share(range(1, 101), 0.99) == 99
    assert share([5.0], 0.99) == 5.0
    assert share([3, 1, 2], 0.5) == 2


def test_the_table_shows_every_row_beside_the_original() -> None:
    lines = table([row(0.05, Aim(0.08)), row(0.09)]).splitlines()
    assert len(lines) == 4
    assert [cell.strip() for cell in lines[2].strip("|").split("|")] == [
        "import", "0.76 s", "≤ 0.08 s", "0.05 s", "holds",
    ]  # fmt: skip
    assert len({len(line) for line in lines}) == 1


def test_a_group_that_cannot_be_measured_says_why_and_does_not_end_the_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such rows: speed"):
        list(run(["speed"], Size(small=True), print))
