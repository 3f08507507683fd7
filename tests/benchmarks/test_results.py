"""Half an hour of measurement survives whatever ends it, and groups measured later join those of before."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.__main__ import main
from benchmarks.machines import Moment
from benchmarks.results import Results, continued, gathered, new_file, read, write
from benchmarks.rows import Aim, Curve, Row, Size
from benchmarks.running import GROUPS, Group, run

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
MACHINE = {"cpu": "some", "cores": 2, "memoryGB": 8.0, "kernel": "6.1", "python": "3.11"}
EMPTY = Results(MACHINE, NOW.isoformat(), small=False)


def group(name: str, *values: float, problem: str = "", commit: str = "a1") -> Group:
    rows = tuple(Row(f"{name} {number}", value, "s", "by hand") for number, value in enumerate(values))
    moment = Moment("2026-11-23T12:00:00+00:00", commit, False, {"fsyncMs": 1.5})
    return Group(name, rows, 1.0, (0.5, 1.5), problem, moment)


def test_a_run_that_is_interrupted_keeps_every_group_that_was_measured(tmp_path: Path) -> None:
    def interrupted() -> Iterator[Group]:
        yield group("library", 1.0)
        yield group("reading", 2.0)
        raise KeyboardInterrupt

    file = tmp_path / "results" / "all.json"
    with pytest.raises(KeyboardInterrupt):
        list(gathered(file, EMPTY, interrupted()))
    assert [row.value for row in read(file).rows] == [1.0, 2.0]
    assert [path.name for path in file.parent.iterdir()] == ["all.json"]


def test_the_file_is_whole_before_the_next_group_begins(tmp_path: Path) -> None:
    file = tmp_path / "all.json"
    seen = []

    def groups() -> Iterator[Group]:
        for name in GROUPS[:3]:
            seen.append(len(read(file).groups) if file.exists() else 0)
            yield group(name, 1.0)

    list(gathered(file, EMPTY, groups()))
    assert seen == [0, 1, 2]


def test_groups_measured_anew_replace_their_rows_and_leave_the_others(tmp_path: Path) -> None:
    file = tmp_path / "all.json"
    list(gathered(file, EMPTY, [group("library", 1.0, 2.0), group("writing", 3.0)]))
    list(gathered(file, continued(file, EMPTY), [group("library", 5.0, commit="b2")]))
    kept = read(file)
    assert [(row.name, row.value) for row in kept.rows] == [("library 0", 5.0), ("writing 0", 3.0)]
    assert [one.moment.commit for one in kept.groups if one.moment] == ["b2", "a1"]


def test_a_group_that_fails_anew_does_not_cost_the_rows_that_it_had() -> None:
    kept = EMPTY.having(group("library", 1.0))
    assert kept.having(group("library", problem="no such module")) == kept
    # Without rows before, the file says why there are none; and success takes that away.
    failed = EMPTY.having(group("library", problem="no such module"))
    assert failed.groups[0].problem
    assert failed.having(group("library", 1.0)) == kept


@given(st.permutations(GROUPS))
def test_the_table_has_one_order_whatever_was_measured_first(names: list[str]) -> None:
    kept = EMPTY
    for name in names:
        kept = kept.having(group(name, 1.0))
    assert tuple(one.name for one in kept.groups) == GROUPS


def test_what_was_written_is_read_again_as_it_was(tmp_path: Path) -> None:
    curve = Curve("events", "samples", "µs", ((10.0, 3.0), (100.0, 3.1)))
    rows = (
        Row("cost", 1.0, "µs", "by hand", Aim(2.0, at_most=False), "0.76 s", {"all": [1, 2]}, curve),
        Row("told", 2.0, "s", "by hand"),
    )
    kept = EMPTY.having(Group("growth", rows, 1.0, (0.5, 1.5))).having(group("library", 1.0))
    write(tmp_path / "all.json", kept)
    assert read(tmp_path / "all.json") == kept


def test_what_was_not_measured_is_written_as_json_that_everybody_reads(tmp_path: Path) -> None:
    file = tmp_path / "all.json"
    write(file, EMPTY.having(Group("library", (Row("exec", math.nan, "ms", "by hand", missing="needs a lab"),), 1.0)))

    def refuse(word: str) -> float:
        raise AssertionError(f"{word} is no JSON")

    [row] = json.loads(file.read_text(), parse_constant=refuse)["rows"]
    assert (row["value"], row["verdict"]) == (None, "not measured: needs a lab")
    assert math.isnan(read(file).rows[0].value)


@pytest.mark.parametrize("key", sorted(MACHINE))
def test_numbers_of_another_machine_are_not_put_beside_these(tmp_path: Path, key: str) -> None:
    file = tmp_path / "all.json"
    write(file, Results({**MACHINE, key: "other"}, NOW.isoformat(), small=False))
    with pytest.raises(ValueError, match=f"another machine .{key} other"):
        continued(file, EMPTY)


def test_small_numbers_are_not_put_beside_whole_ones(tmp_path: Path) -> None:
    file = tmp_path / "all.json"
    write(file, Results(MACHINE, NOW.isoformat(), small=True))
    with pytest.raises(ValueError, match="is of small sizes"):
        continued(file, EMPTY)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rows": [{"group": "library"}], "groups": []}'])
def test_a_file_of_something_else_is_refused_and_stays(tmp_path: Path, text: str) -> None:
    file = tmp_path / "all.json"
    file.write_text(text)
    with pytest.raises(ValueError, match="is no file of results"):
        continued(file, EMPTY)
    assert file.read_text() == text


def test_a_second_run_of_a_day_has_a_file_of_its_own(tmp_path: Path) -> None:
    first = new_file(tmp_path, NOW)
    write(first, EMPTY)
    assert [first.name, new_file(tmp_path, NOW).name] == ["2026-11-23.json", "2026-11-23-120000.json"]


def test_growth_is_drawn_beside_the_file(tmp_path: Path) -> None:
    curve = Curve("events", "samples", "µs", ((10.0, 3.0), (100.0, 3.1)))
    row = Row("cost", 1.0, "µs", "by hand", curve=curve)
    list(gathered(tmp_path / "all.json", EMPTY, [Group("growth", (row,), 1.0), group("library", 1.0)]))
    assert (tmp_path / "all.png").read_bytes().startswith(b"\x89PNG")


def test_each_group_has_its_own_time_commit_and_yardsticks() -> None:
    [found] = run(["reading"], Size(small=True), print)
    assert not found.problem
    assert found.moment is not None
    assert datetime.fromisoformat(found.moment.time).tzinfo is not None
    assert found.moment.yardsticks["fsyncMs"] > 0


def test_the_command_shows_the_whole_file_after_measuring_some_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "all.json"
    assert main(["--small", "--into", str(file), "reading"]) == 0
    kept = read(file)
    write(file, kept.having(group("library", 7.0)))
    capsys.readouterr()
    assert main(["--small", "--into", str(file), "reading"]) == 0
    assert "library 0" in capsys.readouterr().out
    assert [one.name for one in read(file).groups] == ["library", "reading"]


def test_the_command_refuses_rows_that_there_are_not_before_it_writes(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--into", str(tmp_path / "all.json"), "speed"])
    assert not list(tmp_path.iterdir())
