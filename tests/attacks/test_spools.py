"""A worker's spool is the worker's: what it puts there holds nobody up, and shows nothing that it may not read."""

from __future__ import annotations

import json
import os
from pathlib import Path

from sedna_lc.reconcile import spools
from tests.attacks import seeds


def put(folder: Path, number: int, content: bytes = seeds.REPORTS[0]) -> None:
    (folder / f"{number:08d}.json").write_bytes(content)


def test_a_pipe_in_a_spool_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "00000001.json")
    put(tmp_path, 2)
    assert len(spools.read_leftovers(tmp_path)) == 1


def test_a_link_in_a_spool_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(seeds.REPORTS[0])
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "00000001.json").symlink_to(secret)
    # Reading this one would never end.
    (spool / "00000002.json").symlink_to("/dev/zero")
    assert spools.read_leftovers(spool) == []


def test_a_spool_full_of_reports_costs_a_bounded_time_and_gives_the_oldest(tmp_path: Path) -> None:
    for number in range(spools.MOST_FILES + 50):
        put(tmp_path, number, b"{}")
    put(tmp_path, 0)
    assert len(spools.read_leftovers(tmp_path)) == 1


def test_a_report_larger_than_the_door_takes_is_skipped(tmp_path: Path) -> None:
    report = json.loads(seeds.REPORTS[0]) | {"message": "x" * spools.MOST_BYTES}
    put(tmp_path, 1, json.dumps(report).encode())
    put(tmp_path, 2)
    assert len(spools.read_leftovers(tmp_path)) == 1
