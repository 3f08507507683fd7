from __future__ import annotations

import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_lc.runners import process_logs


def read(folder: Path, tail: int | None) -> bytes:
    return b"".join(process_logs.read(folder, tail, False, threading.Event(), lambda: True))


@given(
    older=st.lists(st.binary(max_size=8).map(lambda b: b.replace(b"\n", b"") + b"\n"), max_size=8),
    newer=st.lists(st.binary(max_size=8).map(lambda b: b.replace(b"\n", b"") + b"\n"), max_size=8),
    open_end=st.binary(max_size=4).map(lambda b: b.replace(b"\n", b"")),
    wanted=st.integers(0, 20),
)
def test_the_tail_is_the_last_lines_over_both_files(
    older: list[bytes], newer: list[bytes], open_end: bytes, wanted: int
) -> None:
    lines = [*older, *newer, *([open_end] if open_end else [])]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "log.1").write_bytes(b"".join(older))
        (folder / "log").write_bytes(b"".join(newer) + open_end)
        assert read(folder, wanted) == b"".join(lines[max(0, len(lines) - wanted) :])
        assert read(folder, None) == b"".join(lines)


@pytest.mark.parametrize("block", [1, 2, 3, 7])
def test_the_tail_does_not_depend_on_the_block_size(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_logs, "_BLOCK", block)
    (tmp_path / "log").write_bytes(b"one\ntwo\n\nfour\n")
    assert read(tmp_path, 2) == b"\nfour\n"
    assert read(tmp_path, 3) == b"two\n\nfour\n"


def test_a_unit_that_never_wrote_has_an_empty_log(tmp_path: Path) -> None:
    assert read(tmp_path, None) == b""
    assert read(tmp_path, 5) == b""


def test_following_goes_on_in_the_next_file(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"one\n")
    over = threading.Event()
    pieces = process_logs.read(tmp_path, None, True, threading.Event(), over.is_set)
    assert next(pieces) == b"one\n"
    with (tmp_path / "log").open("ab") as file:
        file.write(b"two\n")
    (tmp_path / "log").rename(tmp_path / "log.1")
    (tmp_path / "log").write_bytes(b"three\n")
    over.set()
    assert b"".join(pieces) == b"two\nthree\n"
