"""A daemon that dies under `sedna up`: started again, later each time, until there is no point in it."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

import pytest

from sedna.cli.errors import CommandError
from sedna.cli.up.restarting import DEATHS, LOOK_SECONDS, WELL_SECONDS, Life, keep_running


class Time(threading.Event):
    """A stop event that is told at a given time, and the clock that waiting for it moves."""

    def __init__(self, end: float) -> None:
        super().__init__()
        self.now, self.until = 0.0, end

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return self.now >= self.until


class Mortal:
    """A daemon that lives for so many seconds each time."""

    title, end, log = "GlobalManager", "by signal SIGKILL", Path("gm.log")

    def __init__(self, time: Time, lives: list[float]) -> None:
        self._time, self._lives = time, lives
        self.begun: list[float] = []
        self.begin()

    def begin(self) -> None:
        self.begun.append(self._time.now)
        self._death = self._time.now + (self._lives.pop(0) if self._lives else float("inf"))

    @property
    def ended(self) -> bool:
        return self._time.now >= self._death

    def obituary(self) -> str:
        return "the GlobalManager ended. The end of its log"


def kept(lives: list[float], end: float) -> tuple[list[float], list[str]]:
    time, said = Time(end), []
    child = Mortal(time, lives)
    keep_running([child], time, said.append, lambda: time.now)  # type: ignore[list-item]
    return child.begun, said


def test_each_death_in_a_row_waits_longer() -> None:
    begun, said = kept([LOOK_SECONDS] * (DEATHS - 1), end=100)
    assert [later - earlier - LOOK_SECONDS for earlier, later in itertools.pairwise(begun)] == [1, 2, 4, 8]
    assert [line.split(" again in ")[1].split(".")[0] for line in said] == ["1 s", "2 s", "4 s", "8 s"]


def test_one_that_ran_well_starts_from_the_beginning() -> None:
    _, said = kept([1, 1, WELL_SECONDS, 1, 1], end=1000)
    assert [line.split(" again in ")[1].split(".")[0] for line in said] == ["1 s", "2 s", "1 s", "2 s", "4 s"]


def test_one_that_dies_over_and_over_is_given_up_with_the_end_of_its_log() -> None:
    with pytest.raises(CommandError, match="The end of its log\nIt ended 5 times in a row") as raised:
        kept([1] * DEATHS, end=1000)
    assert raised.value.exit_code == 1


def test_stopping_while_one_is_down_starts_it_no_more() -> None:
    begun, said = kept([1, 1, 1], end=2.0)
    assert (len(begun), len(said)) == (1, 1)


def test_no_delay_is_longer_than_half_a_minute() -> None:
    assert Life(0.0, deaths=40).died(1.0).again == 31.0
