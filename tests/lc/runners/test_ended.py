"""The logs of ended workers: the newest stay, within bounds, and whatever interrupts the keeping of one."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sedna_lc.runners import process_logs
from sedna_lc.runners.ended import Bounds, Ended, EndedLogs, surplus
from sedna_lc.runners.errors import NoSuchUnit
from sedna_lc.runners.process import ProcessRunner
from tests.lc.runners.test_contract import ended, running
from tests.lc.runners.worlds import Bell, ProcessWorld

NAME = "sedna-worker-default-demo-train-1"
BOUNDS = Bounds(per_job=3, total_bytes=64 * 1024)


def unit(folder: Path, name: str = NAME, log: bytes = b"said\n") -> Path:
    """What a unit of the process runner has left."""
    source = folder / "units" / name
    source.mkdir(parents=True)
    (source / "spec.json").write_text('{"environment": {"PASSWORD": "hunter2"}}')
    (source / "state.json").write_text("{}")
    (source / "log").write_bytes(log)
    return source


def names(folder: Path) -> set[str]:
    return {path.name for path in (folder / "ended").iterdir()}


def read(logs: EndedLogs, name: str = NAME) -> bytes:
    one = logs.find(name)
    assert one is not None
    return b"".join(process_logs.read(logs.folder_of(one), None, False, threading.Event(), lambda: True))


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 50)), max_size=30),
    st.integers(1, 5),
    st.integers(1, 200),
)
@example([("a", 2), ("a", 0)], 2, 1)
def test_no_more_than_the_bounds_stay_and_always_the_newest(
    told: list[tuple[str, int]], per_job: int, total: int
) -> None:
    kept = [Ended(str(order), job, order=order, size=size) for order, (job, size) in enumerate(told)]
    gone = surplus(kept, Bounds(per_job, total))
    left = [one for one in kept if one.name not in gone]
    for job in "abc":
        mine = [one.order for one in left if one.job == job]
        assert len(mine) <= per_job
        assert (
            mine == [one.order for one in kept if one.job == job][len([o for o in kept if o.job == job]) - len(mine) :]
        )
    assert sum(one.size for one in left[:-1]) + (left[-1].size if left else 0) <= max(
        total, left[-1].size if left else 0
    )
    assert gone == sorted(gone, key=int)
    if kept:
        assert kept[-1] in left, "the newest of all stays, however large"


def test_the_oldest_logs_of_a_job_go_and_those_of_others_stay(tmp_path: Path) -> None:
    logs = EndedLogs(tmp_path / "ended", BOUNDS)
    logs.keep(Ended("other", "job-b"), unit(tmp_path, "other"))
    for number in range(1, 6):
        logs.keep(Ended(f"train-{number}", "job-a"), unit(tmp_path, f"train-{number}"))
    assert names(tmp_path) == {"other", "train-3", "train-4", "train-5"}
    assert logs.find("train-2") is None


def test_large_logs_push_out_older_ones(tmp_path: Path) -> None:
    logs = EndedLogs(tmp_path / "ended", BOUNDS)
    for number in range(1, 4):
        logs.keep(Ended(f"train-{number}", f"job-{number}"), unit(tmp_path, f"train-{number}", bytes(30 * 1024)))
    assert names(tmp_path) == {"train-3"}, "two would take 80 KiB, with their folders and what is known of them"


def test_a_bound_that_has_become_smaller_counts_from_the_next_start(tmp_path: Path) -> None:
    logs = EndedLogs(tmp_path / "ended", BOUNDS)
    for number in range(1, 4):
        logs.keep(Ended(f"train-{number}", "job"), unit(tmp_path, f"train-{number}"))
    EndedLogs(tmp_path / "ended", Bounds(per_job=1))
    assert names(tmp_path) == {"train-3"}


def test_only_the_log_stays_of_a_unit(tmp_path: Path) -> None:
    """Its description has the environment, and nobody needs that any more."""
    EndedLogs(tmp_path / "ended", BOUNDS).keep(Ended(NAME, "job"), unit(tmp_path))
    assert {path.name for path in (tmp_path / "ended" / NAME).iterdir()} == {"about.json", "log"}
    assert not (tmp_path / "units" / NAME).exists()


def test_the_next_controller_finishes_what_a_power_cut_interrupted(tmp_path: Path) -> None:
    EndedLogs(tmp_path / "ended", BOUNDS).keep(Ended(NAME, "job"), unit(tmp_path))
    # As after the move and before the rest: the description lies beside the log.
    (tmp_path / "ended" / NAME / "spec.json").write_text('{"environment": {"PASSWORD": "hunter2"}}')
    (tmp_path / "ended" / "half").mkdir()
    (tmp_path / "ended" / "half" / "about.json.new").write_text('{"jo')
    logs = EndedLogs(tmp_path / "ended", BOUNDS)
    assert names(tmp_path) == {NAME}
    assert not (tmp_path / "ended" / NAME / "spec.json").exists()
    assert read(logs) == b"said\n"


def test_a_worker_of_the_same_name_that_ends_later_is_the_one_that_is_kept(tmp_path: Path) -> None:
    logs = EndedLogs(tmp_path / "ended", BOUNDS)
    logs.keep(Ended(NAME, "job", "aaaaaaaaaaaa"), unit(tmp_path, log=b"first\n"))
    logs.keep(Ended(NAME, "job", "bbbbbbbbbbbb"), unit(tmp_path, log=b"second\n"))
    assert read(logs) == b"second\n"
    assert logs.find(NAME, "aaaaaaaaaaaa") is None
    assert logs.find(NAME, "bbbbbbbbbbbb") is not None


@pytest.mark.parametrize("trick", ["link", "pipe", "folder"])
def test_what_a_worker_puts_in_the_place_of_its_log_is_not_read(tmp_path: Path, trick: str) -> None:
    """A worker of the process runner is this program's own user, and may have been told by somebody else to do so."""
    (tmp_path / "secret").write_text("hunter2")
    source = unit(tmp_path)
    (source / "log").unlink()
    if trick == "link":
        (source / "log").symlink_to(tmp_path / "secret")
    elif trick == "pipe":
        os.mkfifo(source / "log")
    else:
        (source / "log").mkdir()
    if trick != "folder":
        assert b"".join(process_logs.read(source, None, False, threading.Event(), lambda: True)) == b""
    logs = EndedLogs(tmp_path / "ended", BOUNDS)
    logs.keep(Ended(NAME, "job"), source)
    assert read(logs) == b""
    assert (tmp_path / "secret").read_text() == "hunter2"


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "..", "", ".events", "a\nb"])
def test_no_name_leads_out_of_the_folder(process_world: ProcessWorld, name: str) -> None:
    with pytest.raises(NoSuchUnit):
        process_world.runner.read_log(name, None, False, threading.Event())


def test_a_worker_whose_log_cannot_be_kept_is_forgotten_all_the_same(process_world: ProcessWorld) -> None:
    """Else a full disk would stand in the way of every worker after it."""
    bell = Bell(process_world.runner)
    process_world.runner.start(process_world.spec(NAME))
    bell.wait_for(NAME, running)
    process_world.finish(NAME, 0)
    bell.wait_for(NAME, ended)
    shutil.rmtree(process_world.folder / "state/ended")
    (process_world.folder / "state/ended").write_text("in the way")
    process_world.runner.forget(NAME)
    assert NAME not in process_world.runner.observe()
    (process_world.folder / "state/ended").unlink()


def test_who_reads_a_log_that_goes_reads_it_to_its_end(tmp_path: Path) -> None:
    runner = ProcessRunner(tmp_path, kept=Bounds(per_job=1))
    logs = runner._ended
    logs.keep(Ended("one", "job"), unit(tmp_path, "one", b"x" * 200_000))
    pieces = runner.read_log("one", None, False, threading.Event())
    begun = next(pieces)
    logs.keep(Ended("two", "job"), unit(tmp_path, "two"))
    assert len(begun + b"".join(pieces)) == 200_000
    with pytest.raises(NoSuchUnit, match="each job's last 1 workers"):
        runner.read_log("one", None, False, threading.Event())
    runner.close()
