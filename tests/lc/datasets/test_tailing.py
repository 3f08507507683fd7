"""A dataset's file under everything that can happen to it: no sample is lost, none is used twice."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from sedna_lc.datasets.tailing import Tail
from sedna_lc.state.memory import MemoryStore
from sedna_lc.state.stores import Store
from tests.lc.datasets.rights import without_passing_modes

Opener = Callable[..., Tail]


def kept(tail: Tail) -> list[bytes]:
    tail.log.sync()
    return tail.log.read_at(0, tail.log.size).splitlines()


def counts(tail: Tail) -> tuple[int, int, int]:
    return tail.progress.lines, tail.progress.samples, tail.progress.generation


def poll(tail: Tail) -> Tail:
    tail.poll(threading.Event())
    return tail


def rows(begin: int, end: int) -> str:
    return "".join(f"/img/{number}.jpg {number % 3}\n" for number in range(begin, end))


@pytest.fixture
def store() -> Store:
    return MemoryStore()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "train.txt"


@pytest.fixture
def opened(tmp_path: Path, store: Store, file: Path) -> Iterator[Opener]:
    tails: list[Tail] = []

    def open_tail(path: Path = file, file_format: str = "txt", **options: int) -> Tail:
        tails.append(Tail(tmp_path / "state", store, "uid", str(path), file_format, **options))
        return tails[-1]

    yield open_tail
    for one in tails:
        one.close()


def test_samples_are_counted_as_they_come(opened: Opener, file: Path) -> None:
    file.write_text(rows(0, 3))
    tail = poll(opened())
    assert counts(tail) == (3, 3, 1)
    with file.open("a") as writer:
        writer.write("/img/3.jpg 1\n/img/4")
    assert counts(poll(tail)) == (4, 4, 1)
    with file.open("a") as writer:
        writer.write(".jpg 0\r\n\n")
    assert counts(poll(tail)) == (5, 5, 1)
    assert kept(tail)[-1] == b"/img/4.jpg 0"


def test_w12_only_appended_bytes_are_read(opened: Opener, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(rows(0, 50_000))
    tail = poll(opened())
    read: list[int] = []
    pread = os.pread

    def count(descriptor: int, size: int, offset: int) -> bytes:
        read.append(len(data := pread(descriptor, size, offset)))
        return data

    monkeypatch.setattr(os, "pread", count)
    for number in range(10):
        with file.open("a") as writer:
            writer.write(rows(50_000 + number, 50_001 + number))
        poll(tail)
    assert tail.progress.samples == 50_010
    # Ten lines, and ten times the two fingerprints of 4 KiB.
    assert sum(read) < 10 * (2 * 4096 + 100)


def test_w12_replaced_content_of_equal_count_is_noticed(opened: Opener, file: Path) -> None:
    file.write_text(rows(0, 5))
    tail = poll(opened())
    file.write_text(rows(5, 10))
    assert counts(poll(tail)) == (5, 10, 2)


def test_w12_replaced_content_of_equal_length_deep_inside_is_noticed(opened: Opener, file: Path) -> None:
    lines = [f"/img/{number:06}.jpg\n" for number in range(10_000)]
    file.write_text("".join(lines))
    tail = poll(opened())
    lines[5_000] = "/img/changed.jp\n".rjust(len(lines[0]), "/")
    file.write_text("".join(lines))
    os.utime(file, ns=(1, 1))
    assert counts(poll(tail)) == (10_000, 10_001, 2)


def test_a_touched_file_is_the_same_file(opened: Opener, file: Path) -> None:
    file.write_text(rows(0, 5))
    tail = poll(opened())
    os.utime(file, ns=(1, 1))
    assert counts(poll(tail)) == (5, 5, 1)


def test_w13_long_lines_hide_nothing(opened: Opener, file: Path) -> None:
    long = "/" + "x" * 3_000_000
    file.write_text(f"/a\n{long}\n/b\n/c\n")
    tail = poll(opened())
    assert counts(tail) == (4, 4, 1)
    assert kept(tail) == [b"/a", long.encode(), b"/b", b"/c"]


def test_w14_a_file_that_shrank_and_grew_again_gives_its_new_samples(opened: Opener, file: Path) -> None:
    file.write_text(rows(0, 30))
    tail = poll(opened())
    file.write_text(rows(0, 5))
    assert counts(poll(tail)) == (5, 30, 2)
    with file.open("a") as writer:
        writer.write(rows(100, 120))
    assert counts(poll(tail)) == (25, 50, 2)
    assert kept(tail)[30:] == rows(100, 120).encode().splitlines()


def test_a_rotated_file_loses_neither_its_last_lines_nor_its_first(opened: Opener, file: Path) -> None:
    file.write_text(rows(0, 3))
    tail = poll(opened())
    with file.open("a") as writer:
        writer.write(rows(3, 5))
    file.rename(file.with_suffix(".1"))
    file.write_text(rows(5, 9))
    assert counts(poll(tail)) == (4, 9, 2)
    assert kept(tail) == rows(0, 9).encode().splitlines()


def test_the_last_lines_of_a_deleted_file_are_seen(opened: Opener, file: Path) -> None:
    file.write_text(rows(0, 3))
    tail = poll(opened())
    with file.open("a") as writer:
        writer.write(rows(3, 5))
    file.unlink()
    assert counts(poll(tail))[1] == 5
    assert tail.problem is not None
    assert tail.problem.reason == "NotFound"


def test_a_rewritten_file_that_kept_its_beginning_costs_no_table(opened: Opener, file: Path, tmp_path: Path) -> None:
    file.write_text(rows(0, 30))
    tail = poll(opened())
    other = file.with_suffix(".new")
    other.write_text(rows(0, 40))
    other.replace(file)
    assert counts(poll(tail)) == (40, 40, 2)
    assert not (tmp_path / "state" / "lines.tmp").exists()


def test_a_line_is_new_from_the_occurrence_on_that_was_never_seen(opened: Opener, file: Path) -> None:
    file.write_text("/a\n/a\n/b\n")
    tail = poll(opened())
    file.unlink()
    file.write_text("/c\n/a\n/a\n/a\n/b\n")
    assert counts(poll(tail)) == (5, 5, 2)
    assert kept(tail) == [b"/a", b"/a", b"/b", b"/c", b"/a"]


def test_w01_a_restart_reads_nothing_twice(opened: Opener, file: Path) -> None:
    file.write_text(rows(0, 1000))
    poll(opened()).close()
    with file.open("a") as writer:
        writer.write(rows(1000, 1300))
    tail = poll(opened())
    assert counts(tail) == (1300, 1300, 1)
    assert kept(tail) == rows(0, 1300).encode().splitlines()


def test_a_crash_between_log_and_progress_makes_no_duplicates(
    opened: Opener, file: Path, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(rows(0, 10))
    tail = poll(opened())
    with file.open("a") as writer:
        writer.write(rows(10, 20))

    def crash(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "put_progress", crash)
    with pytest.raises(OSError, match="No space left"):
        poll(tail)
    monkeypatch.undo()
    assert kept(poll(tail)) == rows(0, 20).encode().splitlines()
    tail.log.extend([b"/written but never committed"])
    tail.close()
    assert kept(poll(opened())) == rows(0, 20).encode().splitlines()


def test_a_lost_database_loses_no_sample_and_repeats_none(
    opened: Opener, file: Path, store: Store, tmp_path: Path
) -> None:
    file.write_text(rows(0, 30))
    poll(opened()).close()
    file.write_text(rows(20, 40))
    poll(opened()).close()
    store.drop_progress("uid")
    tail = poll(opened())
    assert tail.progress.samples == 40
    assert kept(tail) == rows(0, 40).encode().splitlines()


def test_a_damaged_log_is_said_and_filled_from_the_file(
    opened: Opener, file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_text(rows(0, 30))
    poll(opened()).close()
    log = tmp_path / "state" / "samples.log"
    log.write_bytes(log.read_bytes()[:100])
    tail = poll(opened())
    assert "was damaged: 7 of 30 samples are left" in caplog.text
    assert sorted(kept(tail)) == sorted(rows(0, 30).encode().splitlines())


def test_a_log_with_another_content_is_set_aside_and_read_again(
    opened: Opener, file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_text(rows(0, 30))
    poll(opened()).close()
    log = tmp_path / "state" / "samples.log"
    log.write_bytes(b"\0" * log.stat().st_size)
    tail = poll(opened())
    assert "was spoilt" in caplog.text
    assert kept(tail) == rows(0, 30).encode().splitlines()


@pytest.mark.parametrize("lost", [True, False], ids=["with the database", "alone"])
@pytest.mark.parametrize("spoilt", [b"\xce\xff\n\x90" * 10, b"\xce\xff\xfe\x90" * 10], ids=["more lines", "fewer"])
def test_a_log_that_is_no_text_is_set_aside_and_read_again(
    opened: Opener,
    file: Path,
    store: Store,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    spoilt: bytes,
    lost: bool,
) -> None:
    """Without the database there is no count to hold it against, and what the disk had written passed for samples."""
    file.write_text(rows(0, 30))
    poll(opened()).close()
    log = tmp_path / "state" / "samples.log"
    with log.open("r+b") as there:
        there.seek(100)
        there.write(spoilt)
    if lost:
        store.drop_progress("uid")
    tail = poll(opened())
    assert "was spoilt" in caplog.text
    assert tail.progress.samples == 30
    assert kept(tail) == rows(0, 30).encode().splitlines()


def test_a_csv_header_is_no_sample_in_any_generation(opened: Opener, tmp_path: Path) -> None:
    file = tmp_path / "data" / "d.csv"
    file.write_text("a,b\n1,2\n")
    tail = poll(opened(file, "csv"))
    file.write_text("a,c\n3,4\n1,2\n")
    assert counts(poll(tail)) == (2, 2, 2)
    assert tail.progress.header == "a,c"
    assert kept(tail) == [b"1,2", b"3,4"]


def test_w12_another_url_is_another_file_with_paths_of_its_own(opened: Opener, file: Path, tmp_path: Path) -> None:
    file.write_text("1.jpg\n/abs.jpg\n")
    poll(opened()).close()
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "train.txt"
    other.write_text("1.jpg\n/abs.jpg\n")
    tail = poll(opened(other))
    assert counts(tail) == (2, 3, 2)
    assert kept(tail) == [f"{tmp_path}/data/1.jpg".encode(), b"/abs.jpg", f"{tmp_path}/other/1.jpg".encode()]


def _missing(file: Path) -> None:
    file.unlink(missing_ok=True)


def _folder(file: Path) -> None:
    file.mkdir()


def _pipe(file: Path) -> None:
    os.mkfifo(file)


def _no_folder(file: Path) -> None:
    file.parent.rmdir()


def _not_utf8(file: Path) -> None:
    file.write_bytes(b"/a\n/b \xff\n/c\n")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_missing, "NotFound"),
        (_no_folder, "NotFound"),
        (_folder, "IsADirectory"),
        (_pipe, "ReadError"),
        (_not_utf8, "NotUtf8"),
    ],
    ids=["missing", "no-folder", "folder", "pipe", "not-utf8"],
)
def test_a_file_that_cannot_be_read_is_said_and_read_when_it_is_mended(
    opened: Opener, file: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    spoil(file)
    tail = poll(opened())
    assert tail.problem is not None
    assert tail.problem.reason == reason
    assert str(file) in tail.problem.message
    poll(tail)
    if file.is_dir():
        file.rmdir()
    file.unlink(missing_ok=True)
    file.parent.mkdir(exist_ok=True)
    file.write_text("/a\n/b\n/c\n")
    poll(tail)
    assert tail.problem is None
    assert (tail.progress.lines, tail.progress.samples) == (3, 3)


def test_a_bad_line_is_told_by_its_number_as_an_editor_counts(opened: Opener, file: Path) -> None:
    file.write_bytes(b"/a\n\n/b\n/c \xff\n/d\n")
    tail = poll(opened())
    assert tail.problem is not None
    assert tail.problem.message.endswith("the line with byte 10 is not UTF-8 text (line 4).")


def test_a_file_that_may_not_be_read_is_said_and_read_when_it_may_be(opened: Opener, file: Path) -> None:
    file.write_text(rows(0, 1))
    file.chmod(0)
    with without_passing_modes():
        tail = poll(opened())
        assert tail.problem is not None
        assert tail.problem.reason == "PermissionDenied"
        file.chmod(0o600)
        poll(tail)
    assert tail.problem is None
    assert tail.progress.samples == 1


def test_a_file_that_no_rule_opens_is_not_read_and_said(tmp_path: Path, store: Store, file: Path) -> None:
    file.write_text("secret\n")
    closed = ["it lies in no folder"]
    tail = Tail(tmp_path / "log", store, "u", str(file), "txt", refusal=lambda _: closed[0] if closed else None)
    tail.poll(threading.Event())
    assert tail.problem is not None
    assert tail.problem.reason == "PathNotAllowed"
    assert "it lies in no folder" in tail.problem.message
    assert tail.progress.samples == 0
    closed.clear()
    tail.poll(threading.Event())
    assert (tail.problem, tail.progress.samples) == (None, 1)
    tail.close()


def test_lines_before_the_bad_one_count_and_a_fix_in_place_gives_the_rest(opened: Opener, file: Path) -> None:
    file.write_bytes(b"/a\n/b \xff\n/c\n")
    tail = poll(opened())
    assert counts(tail) == (1, 1, 1)
    file.write_bytes(b"/a\n/b u\n/c\n")
    assert counts(poll(tail)) == (3, 3, 1)
    assert tail.problem is None


def test_stopping_ends_a_long_read_at_a_good_place(opened: Opener, file: Path) -> None:
    file.write_text(rows(0, 100))
    stop = threading.Event()
    stop.set()
    tail = opened()
    tail.poll(stop)
    assert tail.progress.samples == 0
    assert counts(poll(tail)) == (100, 100, 1)


class TailMachine(RuleBasedStateMachine):
    """Random histories of a file against a model that reads the whole file at every look."""

    @initialize(file_format=st.sampled_from(["txt", "csv"]))
    def begin(self, file_format: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tail-"))
        self.path = self.folder / "list"
        self.format = file_format
        # A csv's header may not be long; a sample may.
        self.long_line = 9 if file_format == "txt" else 1000
        self.store = MemoryStore()
        self.seen: Counter[bytes] = Counter()
        self.log: list[bytes] = []
        self.finished = b""
        self.held: int | None = None
        self.tail = self.open()

    def open(self) -> Tail:
        return Tail(
            self.folder / "state", self.store, "u", str(self.path), self.format, long_line=self.long_line, chunk=7
        )

    @rule(data=st.lists(st.sampled_from([b"/a", b"/bb", b" 1", b"\n", b"\n", b"\r\n", b"\xff", b"/long/long/long"])))
    def append(self, data: list[bytes]) -> None:
        with self.path.open("ab") as writer:
            writer.write(b"".join(data))

    @rule(share=st.floats(0, 1))
    def truncate(self, share: float) -> None:
        if self.path.exists():
            os.truncate(self.path, int(self.path.stat().st_size * share))

    @rule(numbers=st.lists(st.integers(0, 6)), in_place=st.booleans(), tail=st.sampled_from([b"", b"/un"]))
    def rewrite(self, numbers: list[int], in_place: bool, tail: bytes) -> None:
        content = b"".join(b"/%d\n" % number for number in numbers) + tail
        other = self.path if in_place else self.folder / "other"
        other.write_bytes(content)
        other.replace(self.path)

    @rule()
    def rotate(self) -> None:
        if self.path.exists():
            self.path.rename(self.folder / "list.1")

    @rule(now=st.integers(1, 5))
    def touch(self, now: int) -> None:
        if self.path.exists():
            os.utime(self.path, ns=(now, now))

    @rule(crash=st.booleans())
    def restart(self, crash: bool) -> None:
        if crash:
            self.tail.log.extend([b"/never committed"])
            self.tail.log.sync()
        self.tail.close()
        self.forget_held()
        self.tail = self.open()

    def forget_held(self) -> None:
        if self.held is not None:
            os.close(self.held)
            self.held = None

    @rule()
    def look(self) -> None:
        if self.held is not None:
            old = os.pread(self.held, 1 << 20, 0)
            moved = not self.path.exists() or not os.path.samestat(os.fstat(self.held), self.path.stat())
            if moved and old.startswith(self.finished):
                self.take(old)
        self.forget_held()
        if self.path.exists():
            lines = self.take(self.path.read_bytes())
            self.held = os.open(self.path, os.O_RDONLY)
        self.tail.poll(threading.Event())
        assert kept(self.tail) == self.log
        assert self.tail.progress.samples == len(self.log)
        if self.path.exists():
            assert self.tail.progress.lines == lines
            finished, _, unfinished = self.path.read_bytes().rpartition(b"\n")
            # A long line is looked at before it ends, and may be refused before it ends.
            assert b"\xff" not in finished or self.tail.problem is not None
            assert self.tail.problem is None or b"\xff" in finished + unfinished
        else:
            assert self.tail.problem is not None

    def take(self, content: bytes) -> int:
        """Add what a generation of the file holds, and return how many samples that is."""
        good = content[: content.rfind(b"\n") + 1]
        if b"\xff" in good:
            good = good[: good.rfind(b"\n", 0, good.index(b"\xff")) + 1]
        lines = [line.strip() if self.format == "txt" else line.rstrip(b"\r") for line in good.split(b"\n")]
        samples = [line for line in lines if line.strip()]
        if self.format == "csv":
            samples = samples[1:]
        else:
            samples = [one if one.startswith(b"/") else b"%s/%s" % (bytes(self.folder), one) for one in samples]
        here: Counter[bytes] = Counter()
        for one in samples:
            here[one] += 1
            if here[one] > self.seen[one]:
                self.seen[one] += 1
                self.log.append(one)
        self.finished = good
        return len(samples)

    def teardown(self) -> None:
        if not hasattr(self, "tail"):
            return
        try:
            self.look()
        finally:
            self.tail.close()
            self.forget_held()
            shutil.rmtree(self.folder)


TestTail = TailMachine.TestCase
TestTail.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
