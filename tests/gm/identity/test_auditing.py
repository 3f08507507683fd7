"""The audit log: one line each, never a secret, and no more of it than was asked for."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from pathlib import Path

import pytest

from sedna_gm.identity.auditing import AuditFile, AuditUnwritable, Entry, append
from sedna_gm.identity.identities import Identity

ANN = Identity("person", "ann", "abcdefgh", "admin", ("*",))


def now() -> datetime:
    return datetime(2026, 11, 22, 14, 0, tzinfo=timezone.utc)


def entry(number: int = 1) -> Entry:
    return Entry(ANN, "create", 201, "/x", f"models default/m{number}", "10.0.0.1")


def test_a_line_says_who_what_when_from_where_and_how_it_ended(tmp_path: Path) -> None:
    log = AuditFile(tmp_path / "audit.log", 10_000, 2, now)
    log.write(entry())
    log.close()
    assert json.loads((tmp_path / "audit.log").read_text()) == {
        "time": "2026-11-22T14:00:00Z", "identity": {"kind": "person", "name": "ann", "credential": "abcdefgh"},
        "verb": "create", "path": "/x", "resource": "models default/m1", "from": "10.0.0.1", "code": 201,
    }  # fmt: skip


def test_it_is_rotated_by_size_and_the_oldest_goes(tmp_path: Path) -> None:
    log = AuditFile(tmp_path / "audit.log", 500, 2, now)
    for number in range(50):
        log.write(entry(number))
    log.close()
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["audit.log", "audit.log.1", "audit.log.2"]
    assert all(path.stat().st_size <= 500 for path in tmp_path.iterdir())
    lines = [line for name in reversed(files) for line in (tmp_path / name).read_text().splitlines()]
    numbers = [int(json.loads(line)["resource"].rpartition("m")[2]) for line in lines]
    assert numbers == list(range(50 - len(numbers), 50))


def test_another_process_adds_lines_and_what_is_moved_away_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    log = AuditFile(path, 10_000, 2, now)
    log.write(entry(1))
    append(path, entry(2), now())
    path.rename(tmp_path / "taken")
    log.write(entry(3))
    log.close()
    assert len((tmp_path / "taken").read_text().splitlines()) == 2
    assert len(path.read_text().splitlines()) == 1


def test_a_line_has_a_limit_whatever_a_client_writes_into_an_address(tmp_path: Path) -> None:
    log = AuditFile(tmp_path / "audit.log", 10_000, 2, now)
    log.write(Entry(ANN, "get", 403, "/" + "é\n" * 5000))
    log.close()
    (line,) = (tmp_path / "audit.log").read_text().splitlines()
    assert len(line) < 5000


def test_a_place_that_cannot_be_written_is_said_at_the_start_and_stops_nobody_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(AuditUnwritable, match=r"audit\.file in gm\.yml"):
        AuditFile(tmp_path / "nowhere" / "audit.log", 10_000, 2, now)
    (tmp_path / "elsewhere").touch()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AuditUnwritable):
        AuditFile(tmp_path / "link", 10_000, 2, now)
    folder = tmp_path / "folder"
    folder.mkdir()
    log = AuditFile(folder / "audit.log", 10_000, 2, now)
    folder.rename(tmp_path / "away")
    with caplog.at_level(logging.ERROR):
        log.write(entry())
        log.write(entry())
    assert caplog.text.count("cannot be written") == 1
    log.close()
