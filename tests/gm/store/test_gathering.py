"""Writers that share a transaction: each is served as if it were alone, and none before the disk has its write."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_gm.errors import StoreUnavailable
from sedna_gm.store.gathering import MOST_TOGETHER, Gathering, Job

Rows = list[str]
Perform = Callable[[Sequence[Job[Rows]]], None]


class Disk:
    """Performs jobs on a list of words; `commits` tells how many were done together."""

    def __init__(self) -> None:
        self.rows: Rows = []
        self.commits: list[int] = []
        self.trouble: BaseException | None = None

    def perform(self, jobs: Sequence[Job[Rows]]) -> None:
        if self.trouble is not None:
            raise self.trouble
        results = [job.run(self.rows) for job in jobs]
        self.commits.append(len(jobs))
        for job, result in zip(jobs, results, strict=True):
            job.succeed(result)


def together(disk: Disk, works: Sequence[Callable[[Rows], Any]]) -> list[Any]:
    """All of them, each by a thread of its own, none before all have come; what came of each, in their order."""
    everybody = threading.Barrier(len(works))
    gathering: Gathering[Rows] = Gathering(threading.RLock(), disk.perform, lambda: everybody.wait(30) and None)
    outcomes: list[Any] = [None] * len(works)

    def write(number: int) -> None:
        try:
            outcomes[number] = gathering.do(works[number])
        except StoreUnavailable as error:
            outcomes[number] = error

    threads = [threading.Thread(target=write, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


def says(word: str) -> Callable[[Rows], str]:
    def work(rows: Rows) -> str:
        rows.append(word)
        return word

    return work


@given(st.integers(1, 12))
def test_who_comes_at_the_same_time_shares_one_commit_and_hears_its_own_result(count: int) -> None:
    disk = Disk()
    words = [f"w{number}" for number in range(count)]
    assert together(disk, [says(word) for word in words]) == words
    assert sorted(disk.rows) == sorted(words)
    assert disk.commits == [count]


def test_a_crowd_is_served_in_several_turns_so_that_readers_need_not_wait_for_all_of_it() -> None:
    disk = Disk()
    together(disk, [says("w")] * (MOST_TOGETHER + 3))
    assert disk.commits == [MOST_TOGETHER, 3]


def test_of_a_commit_that_fails_everybody_hears_an_error_of_their_own() -> None:
    disk = Disk()
    disk.trouble = StoreUnavailable()
    disk.trouble.__cause__ = OSError("the disk is full")
    outcomes = together(disk, [says("w")] * 3)
    assert len({id(outcome) for outcome in outcomes}) == 3
    assert [type(outcome.__cause__) for outcome in outcomes] == [OSError] * 3


def test_a_bug_while_others_writes_are_done_leaves_nobody_waiting() -> None:
    disk = Disk()
    disk.trouble = SystemExit()
    gathering: Gathering[Rows] = Gathering(threading.RLock(), disk.perform, lambda: None)
    with pytest.raises(SystemExit):
        gathering.do(says("w"))
    disk.trouble = None
    assert gathering.do(says("later")) == "later"
    assert disk.rows == ["later"]


def test_a_write_within_a_write_is_refused_and_spoils_nothing() -> None:
    """It would end the transaction of the write around it: an error would be told of what was written."""
    disk = Disk()
    gathering: Gathering[Rows] = Gathering(threading.RLock(), disk.perform, lambda: None)
    with pytest.raises(RuntimeError, match="within a write"):
        gathering.do(lambda _: gathering.do(says("inner")))
    assert disk.rows == []
    assert gathering.do(says("later")) == "later"


def test_what_a_writer_wanted_who_was_ended_while_it_waited_is_not_done_later() -> None:
    disk = Disk()
    ends: list[type[BaseException]] = [SystemExit]

    def pause() -> None:
        if ends:
            raise ends.pop()

    gathering: Gathering[Rows] = Gathering(threading.RLock(), disk.perform, pause)
    with pytest.raises(SystemExit):
        gathering.do(says("ended"))
    gathering.do(says("next"))
    assert disk.rows == ["next"]


def test_work_that_another_does_still_knows_whose_it_is() -> None:
    """A patch asks which request it is part of."""
    request: ContextVar[str] = ContextVar("request", default="nobody's")
    everybody = threading.Barrier(2)
    disk = Disk()
    gathering: Gathering[Rows] = Gathering(threading.RLock(), disk.perform, lambda: everybody.wait(30) and None)
    heard: dict[str, str] = {}

    def write(name: str) -> None:
        request.set(name)
        heard[name] = gathering.do(lambda _: request.get())

    threads = [threading.Thread(target=write, args=(name,)) for name in ("one's", "other's")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert heard == {"one's": "one's", "other's": "other's"}
    assert disk.commits == [2]
