"""The sample log: indexes that never change, cut back after a crash, ranges in constant memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_lc.datasets.logs import STRIDE, SampleLog, copy_samples, new_digest


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SampleLog]:
    opened = SampleLog(tmp_path / "d")
    yield opened
    opened.close()


def copied(log: SampleLog, start: int, end: int) -> list[bytes]:
    out = io.BytesIO()
    log.sync()
    copy_samples(log.folder, start, end, lambda _: True, out)
    return out.getvalue().splitlines()


def numbered(begin: int, end: int) -> list[bytes]:
    return [b"/sample/%d" % number for number in range(begin, end)]


def test_any_range_is_found(log: SampleLog) -> None:
    for begin in range(0, 5 * STRIDE // 2, 700):
        log.extend(numbered(begin, begin + 700))
    for start, end in [(0, 1), (0, 0), (999, 1001), (1000, 1000), (1000, 2000), (2100, 2400), (1, 2800)]:
        assert copied(log, start, end) == numbered(start, end)


def test_only_the_kept_samples_are_copied(log: SampleLog) -> None:
    log.extend(numbered(0, 2500))
    log.sync()
    out = io.BytesIO()
    assert copy_samples(log.folder, 900, 2500, lambda number: number % 500 == 0, out) == 3
    assert out.getvalue() == b"/sample/1000\n/sample/1500\n/sample/2000\n"


def test_what_was_not_committed_is_cut_off_after_a_crash(tmp_path: Path) -> None:
    log = SampleLog(tmp_path)
    log.extend(numbered(0, 1500))
    samples, size = log.samples, log.size
    log.extend(numbered(1500, 3500))
    log.write_part(b"half a sam")
    log.close()
    again = SampleLog(tmp_path)
    assert again.cut_to(samples, size)
    again.extend([b"/new"])
    assert copied(again, 1498, 1501) == [*numbered(1498, 1500), b"/new"]
    again.close()


def test_a_lost_index_is_made_again(tmp_path: Path) -> None:
    log = SampleLog(tmp_path)
    log.extend(numbered(0, 2500))
    samples, size = log.samples, log.size
    log.close()
    (tmp_path / "samples.idx").unlink()
    again = SampleLog(tmp_path)
    assert again.cut_to(samples, size)
    assert copied(again, 2300, 2302) == numbered(2300, 2302)
    again.close()


def test_a_log_shorter_than_its_progress_says_so(log: SampleLog) -> None:
    log.extend(numbered(0, 3))
    assert not log.cut_to(5, log.size + 1)


def test_a_log_without_progress_is_counted(tmp_path: Path) -> None:
    log = SampleLog(tmp_path)
    log.extend(numbered(0, 1200))
    log.write_part(b"unfinished")
    log.close()
    again = SampleLog(tmp_path)
    again.recount()
    assert again.samples == 1200
    assert copied(again, 1190, 1200) == numbered(1190, 1200)
    again.close()


def test_a_range_behind_the_end_is_an_error(log: SampleLog) -> None:
    log.extend(numbered(0, 3))
    with pytest.raises(EOFError, match="ends at sample 3, before 5"):
        copied(log, 1, 5)


@given(st.lists(st.binary(min_size=1, max_size=5).filter(lambda text: b"\n" not in text), max_size=30))
def test_digests_are_those_of_the_samples(tmp_path_factory: pytest.TempPathFactory, samples: list[bytes]) -> None:
    log = SampleLog(tmp_path_factory.mktemp("log"))
    log.extend(samples)
    log.write_part(b"not finished")
    expected = []
    for sample in samples:
        digest = new_digest()
        digest.update(sample)
        expected.append(digest.digest())
    assert list(log.digests()) == expected
    log.close()


@pytest.mark.parametrize("entry", [0, 1, 2])
def test_an_index_that_a_disk_has_spoilt_is_made_again(tmp_path: Path, entry: int) -> None:
    """Ranges were looked for at a wrong place, and the job waited for ever for samples that are there."""
    log = SampleLog(tmp_path)
    log.extend(numbered(0, 2 * STRIDE + 100))
    log.sync()
    samples, size = log.samples, log.size
    log.close()
    with (tmp_path / "samples.idx").open("r+b") as index:
        index.seek(8 * entry)
        index.write(b"\x07\x07\x07\x07\x00\x00\x00\x00")
    again = SampleLog(tmp_path)
    assert again.cut_to(samples, size)
    for start in (0, STRIDE, 2 * STRIDE):
        assert copied(again, start, start + 50) == numbered(start, start + 50)
    again.close()


@pytest.mark.parametrize("harm", [b"\n", b"\0" * 40, b"\xce"])
def test_a_log_that_a_disk_has_spoilt_is_not_taken_for_whole(tmp_path: Path, harm: bytes) -> None:
    log = SampleLog(tmp_path)
    log.extend(numbered(0, 30))
    assert log.is_whole()
    with (tmp_path / "samples.log").open("r+b") as file:
        file.seek(101)
        file.write(harm)
    assert not log.is_whole()
    aside = log.set_aside()
    assert aside.stat().st_size
    log.extend(numbered(0, 3))
    assert copied(log, 0, 3) == numbered(0, 3)
    log.close()
