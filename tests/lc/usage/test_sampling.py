"""Looks cost little: units are asked for only when the runner says that one has changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from sedna_lc.errors import Never
from sedna_lc.runners.base import UnitSpec, UnitState
from sedna_lc.runners.errors import RunnerUnavailable
from sedna_lc.runners.memory import MemoryHost, MemoryRunner
from sedna_lc.runners.names import worker_unit
from sedna_lc.usage.reading import Host, Kernel, Look, Used
from sedna_lc.usage.sampling import Sampler

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=timezone.utc)


class Seen(Kernel):
    """A kernel with one process for each unit."""

    def __init__(self) -> None:
        super().__init__()
        self.cpu = 0.0
        self.broken = False

    def host(self) -> Host:
        if self.broken:
            raise FileNotFoundError("/proc/stat")
        return Host(self.cpu, 40, 100)

    def worker(self, unit: str, pid: int) -> Look:
        return lambda: Used(self.cpu, 7, 1)


class Counting(MemoryRunner):
    """Counts how often it was asked for all units, and may be away."""

    asked = 0
    away = False

    def observe(self) -> Mapping[str, UnitState]:
        self.asked += 1
        if self.away:
            raise RunnerUnavailable("no bus")
        return super().observe()


class Site:
    def __init__(self, folder: Path) -> None:
        self.host = MemoryHost(lambda: NOW)
        self.runner = Counting(self.host)
        self.kernel = Seen()
        self.seconds = 0.0
        self.keys = [("default", "w"), ("other", "w")]
        self.sampler = Sampler(self.runner, lambda: self.keys, folder, lambda: NOW, lambda: self.seconds, self.kernel)

    def start(self, namespace: str) -> None:
        name = worker_unit(namespace, "w")
        self.runner.start(UnitSpec(name, "a worker", ("true",), "/", {}))

    def look(self, **question: Any) -> dict[str, Any]:
        self.seconds += 10
        self.kernel.cpu += 5
        self.sampler.look()
        return self.sampler.document(question)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_the_answer_tells_of_the_host_and_of_each_worker(site: Site) -> None:
    site.start("default")
    site.start("other")
    site.look()
    told = site.look()
    assert (told["time"], told["node"]["memoryBytes"], told["node"]["memoryTotalBytes"]) == (
        "2026-11-22T14:00:00Z",
        40,
        100,
    )
    assert told["node"]["cpuCount"] >= 1
    assert 0 < told["node"]["diskFreeBytes"] <= told["node"]["diskTotalBytes"]
    assert told["series"] == {"seconds": [-10, 0], "cpu": [None, 0.5], "memory": [40, 40]}
    assert [(one["namespace"], one["name"], one["running"]) for one in told["workers"]] == [
        ("default", "w", True),
        ("other", "w", True),
    ]
    assert told["workers"][0]["since"] == "2026-11-22T14:00:00Z"


def test_a_question_for_one_worker_is_answered_with_that_one(site: Site) -> None:
    site.start("default")
    site.start("other")
    told = site.look(name="w", namespace="other")
    assert [one["namespace"] for one in told["workers"]] == ["other"]
    assert [one["namespace"] for one in site.look(name="w")["workers"]] == ["default"]
    assert site.look(name="nobody")["workers"] == []


def test_units_are_asked_for_only_after_one_has_changed(site: Site) -> None:
    for _ in range(5):
        site.look()
    assert site.runner.asked == 1
    site.start("default")
    site.look()
    asked = site.runner.asked
    assert asked > 1
    site.look()
    assert site.runner.asked == asked
    site.host.finish(worker_unit("default", "w"))
    assert [one["running"] for one in site.look()["workers"]] == [False]


def test_while_the_runner_is_away_what_was_known_is_looked_at(site: Site) -> None:
    site.start("default")
    site.look()
    site.runner.away = True
    site.start("other")
    assert [one["namespace"] for one in site.look()["workers"]] == ["default"]
    site.runner.away = False
    assert [one["namespace"] for one in site.look()["workers"]] == ["default", "other"]


def test_asking_often_does_not_shorten_the_hour(site: Site) -> None:
    site.look()
    for _ in range(1000):
        site.sampler.document({})
    assert len(site.look()["series"]["seconds"]) == 2


def test_a_host_that_says_nothing_is_an_answer_as_well(site: Site) -> None:
    site.kernel.broken = True
    with pytest.raises(Never, match="cannot say how busy"):
        site.sampler.document({})
