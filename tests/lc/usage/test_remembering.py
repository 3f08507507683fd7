"""An hour of looks, and no more of it, however many workers come and go."""

from __future__ import annotations

from sedna_lc.usage.reading import Host, Used
from sedna_lc.usage.remembering import REMEMBERED, History, Who


def host(cpu: float, memory: int = 5) -> Host:
    return Host(cpu, memory, 100)


def who(name: str = "w", pid: int = 1) -> Who:
    return Who("default", name, f"unit-{name}", "2026-11-22T14:00:00Z", pid)


def test_cores_in_use_are_what_was_used_between_two_looks() -> None:
    history = History()
    history.note(10, host(100), {})
    history.note(20, host(115, 7), {who(): Used(1.0, 50, 3)})
    history.note(30, host(117), {who(): Used(6.0, 60, 4)})
    assert history.series(35) == {"seconds": [-25, -15, -5], "cpu": [None, 1.5, 0.2], "memory": [5, 7, 5]}
    (found,) = history.workers()
    assert found["series"] == {"cpu": [None, None, 0.5], "memory": [None, 50, 60]}
    assert (found["running"], found["cpuSeconds"], found["memoryBytes"], found["tasks"]) == (True, 6.0, 60, 4)


def test_a_worker_that_has_ended_stays_for_an_hour_and_uses_nothing() -> None:
    history = History()
    history.note(0, host(0), {who(): Used(1.0, 50, 3)})
    history.note(10, host(1), {})
    (found,) = history.workers()
    assert (found["running"], found["cpuSeconds"], found["memoryBytes"], found["tasks"]) == (False, 1.0, None, None)
    for number in range(2, REMEMBERED + 1):
        history.note(number * 10, host(number), {})
    assert history.workers() == []


def test_a_unit_that_was_started_again_is_another_and_its_counters_begin_anew() -> None:
    history = History()
    history.note(0, host(0), {who(pid=1): Used(90.0, 50, 3)})
    history.note(10, host(1), {who(pid=2): Used(1.0, 50, 3)})
    assert [one["running"] for one in history.workers()] == [False, True]
    # A counter that went back, as after a jump of the virtual machine's, is no use below zero.
    history.note(20, host(0.5), {who(pid=2): Used(0.5, 50, 3)})
    assert history.series(20)["cpu"] == [None, 0.1, None]


def test_what_is_remembered_does_not_grow() -> None:
    history = History()
    for number in range(2 * REMEMBERED):
        history.note(number * 10, host(number), {who(f"w{number}"): Used(1.0, 1, 1)})
    assert len(history.series(0)["seconds"]) == REMEMBERED
    assert len(history.workers()) <= 200
