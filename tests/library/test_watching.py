"""A watched path is noticed whatever is done to it, and reading it is not a change."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sedna.common.publishing import write_atomically
from sedna.common.watching import FileWatcher

DEADLINE = 20.0


class Calls:
    """Counts callbacks and waits for one that saw what the test is waiting for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._changed = threading.Condition()

    def __call__(self) -> None:
        with self._changed:
            self.count += 1
            self._changed.notify_all()

    def wait(self, reached: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(reached, DEADLINE), f"no callback saw it; {self.count} calls"

    def wait_more_than(self, count: int) -> None:
        self.wait(lambda: self.count > count)


@pytest.fixture
def watcher() -> Iterator[FileWatcher]:
    watcher = FileWatcher(quiet_seconds=0.01)
    yield watcher
    watcher.close()


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def watched(watcher: FileWatcher, path: Path) -> Calls:
    calls = Calls(path)
    watcher.watch(path, calls)
    return calls


def test_with_entries_whatever_comes_into_a_folder_or_goes_counts(watcher: FileWatcher, tmp_path: Path) -> None:
    folder = tmp_path / "not" / "yet"
    calls = Calls(folder)
    watcher.watch(folder, calls, entries=True)
    folder.mkdir(parents=True)
    calls.wait_more_than(0)
    # One call for each change that is waited for: there are no others to be mistaken for it.
    first, second = folder / "a", folder / "b"
    for number, change in enumerate((first.mkdir, lambda: first.rename(second), second.rmdir)):
        change()
        calls.wait_more_than(number + 1)


CHANGES: dict[str, Callable[[Path], object]] = {
    "append": lambda path: append(path, "more\n"),
    "truncate": lambda path: os.truncate(path, 0),
    "replace": lambda path: write_atomically(path, b"new"),
    "delete": lambda path: path.unlink(),
    "move_away": lambda path: path.rename(path.with_name("elsewhere")),
    "chmod": lambda path: path.chmod(0o600),
    "folder_moved": lambda path: path.parent.rename(path.parent.with_name("moved")),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_every_kind_of_change_is_noticed(
    watcher: FileWatcher, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    path = tmp_path / "data" / "samples.txt"
    path.parent.mkdir()
    path.write_text("one\n")
    calls = watched(watcher, path)
    change(path)
    calls.wait_more_than(0)


def test_the_first_change_after_a_quiet_time_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "samples.txt"
    # Whoever waited for silence would wait for an hour.
    watcher = FileWatcher(quiet_seconds=3600)
    try:
        calls = watched(watcher, path)
        append(path, "one\n")
        calls.wait_more_than(0)
    finally:
        watcher.close()


def test_a_file_whose_folders_do_not_exist_yet_is_noticed(watcher: FileWatcher, tmp_path: Path) -> None:
    path = tmp_path / "not" / "yet" / "there" / "samples.txt"
    calls = watched(watcher, path)
    path.parent.mkdir(parents=True)
    path.write_text("one\n")
    calls.wait(path.exists)
    before = calls.count
    append(path, "two\n")
    calls.wait_more_than(before)


def test_a_folder_deleted_and_made_again_is_still_watched(watcher: FileWatcher, tmp_path: Path) -> None:
    path = tmp_path / "data" / "samples.txt"
    path.parent.mkdir()
    path.write_text("one\n")
    calls = watched(watcher, path)
    path.unlink()
    path.parent.rmdir()
    calls.wait_more_than(0)
    before = calls.count
    path.parent.mkdir()
    path.write_text("again\n")
    calls.wait_more_than(before)


def test_a_folder_exchanged_in_an_instant_is_still_watched(watcher: FileWatcher, tmp_path: Path) -> None:
    path = tmp_path / "data" / "samples.txt"
    path.parent.mkdir()
    path.write_text("one\n")
    calls = watched(watcher, path)
    for number in range(10):
        # Faster than the watcher looks, and the new folder often has the old one's inode number.
        path.unlink()
        path.parent.rmdir()
        path.parent.mkdir()
        path.write_text(f"{number}\n")
        before = calls.count
        append(path, "more\n")
        calls.wait_more_than(before)
        before = calls.count
        append(path, "and more\n")
        calls.wait_more_than(before)


def test_a_first_call_comes_when_asked_for(watcher: FileWatcher, tmp_path: Path) -> None:
    path = tmp_path / "samples.txt"
    path.write_text("one\n")
    calls = Calls(path)
    watcher.watch(path, calls, at_once=True)
    calls.wait_more_than(0)


def test_what_a_link_points_to_is_watched_too(watcher: FileWatcher, tmp_path: Path) -> None:
    real = tmp_path / "real" / "samples.txt"
    real.parent.mkdir()
    real.write_text("one\n")
    link = tmp_path / "linked" / "samples.txt"
    link.parent.mkdir()
    link.symlink_to(real)
    calls = watched(watcher, link)
    append(real, "two\n")
    calls.wait_more_than(0)


def test_a_link_to_itself_does_not_end_the_watch(watcher: FileWatcher, tmp_path: Path) -> None:
    link = tmp_path / "samples.txt"
    link.symlink_to(link)
    calls = watched(watcher, link)
    write_atomically(link, b"now a file")
    calls.wait_more_than(0)


def test_reading_the_file_in_the_callback_does_not_call_again(watcher: FileWatcher, tmp_path: Path) -> None:
    path = tmp_path / "samples.txt"
    path.write_text("one\n")
    texts: list[str] = []
    watcher.watch(path, lambda: texts.append(path.read_text()))
    other = watched(watcher, tmp_path / "other")
    write_atomically(path, b"two\n")
    # Events keep their order: once the later change of another file has arrived twice over, a call
    # caused by the reading would have arrived as well.
    for _ in range(2):
        before = other.count
        write_atomically(tmp_path / "other", b"x")
        other.wait_more_than(before)
    assert texts == ["two\n"]


def test_the_poll_notices_what_the_kernel_does_not_tell(tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    path = outer / "inner" / "data" / "samples.txt"
    path.parent.mkdir(parents=True)
    path.write_text("one\n")
    watcher = FileWatcher(quiet_seconds=0.01, poll_seconds=0.05)
    try:
        calls = watched(watcher, path)
        # No event reaches a watch when a folder further up is exchanged.
        outer.rename(tmp_path / "old")
        calls.wait_more_than(0)
        path.parent.mkdir(parents=True)
        path.write_text("other\n")
        calls.wait(path.exists)
        before = calls.count
        append(path, "more\n")
        calls.wait_more_than(before)
    finally:
        watcher.close()


def test_a_folder_that_may_not_be_entered_ends_no_watch() -> None:
    code = """
import os, tempfile, threading
from pathlib import Path
from sedna.common.watching import FileWatcher
if os.geteuid() == 0:  # root may enter everything
    os.setgid(65534)
    os.setuid(65534)
with tempfile.TemporaryDirectory() as top:
    closed = Path(top) / "closed"
    (closed / "data").mkdir(parents=True)
    closed.chmod(0)
    called = threading.Event()
    watcher = FileWatcher(quiet_seconds=0.01, poll_seconds=0.05)
    watcher.watch(closed / "data" / "samples.txt", called.set)
    closed.chmod(0o755)
    (closed / "data" / "samples.txt").write_text("one")
    print(called.wait(20))
    watcher.close()
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stdout == "True\n", ran.stderr


def test_a_failing_callback_ends_no_watch(
    watcher: FileWatcher, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "samples.txt"
    calls = Calls(path)

    def fail() -> None:
        calls()
        raise ValueError("a bug of the caller")

    watcher.watch(path, fail)
    path.write_text("one\n")
    calls.wait_more_than(0)
    before = calls.count
    path.write_text("two\n")
    calls.wait_more_than(before)
    assert "a bug of the caller" in caplog.text


def test_a_closed_handle_is_not_called_and_a_closed_watcher_leaves_no_thread(tmp_path: Path) -> None:
    threads = set(threading.enumerate())
    watcher = FileWatcher(quiet_seconds=0.01)
    path = tmp_path / "samples.txt"
    closed, kept = Calls(path), Calls(path)
    handle = watcher.watch(path, closed)
    watcher.watch(path, kept)
    handle.close()
    handle.close()
    path.write_text("one\n")
    kept.wait_more_than(0)
    watcher.close()
    watcher.close()
    assert closed.count == 0
    assert set(threading.enumerate()) <= threads
    with pytest.raises(RuntimeError, match="closed"):
        watcher.watch(path, kept)
