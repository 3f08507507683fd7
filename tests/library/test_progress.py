"""Whoever trains may say how far it is, in any words and at any pace: nothing waits for it and nothing fails by it."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.api import workers
from sedna.api.workers import WorkerNews
from sedna.common.credentials import WORKER_TOKEN
from sedna.core import progress
from sedna.core.progress import report_progress
from sedna.service.client import LCClient, RefusedError, RetryError
from sedna.service.news import NewsSender
from tests.library.conftest import Told
from tests.library.test_reporting import DEADLINE, Door, door

__all__ = ("door",)


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Post:
    """Takes what a sender delivers; `problem` is raised instead."""

    def __init__(self) -> None:
        self.taken: list[Mapping[str, Any]] = []
        self.problem: Exception | None = None
        self.attempts = 0
        self._changed = threading.Condition()

    def __call__(self, news: Mapping[str, Any], _seconds: float) -> None:
        with self._changed:
            self.attempts += 1
            self._changed.notify_all()
            if self.problem is not None:
                raise self.problem
            self.taken.append(dict(news))

    def wait(self, attempts: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.attempts >= attempts, DEADLINE)


def test_what_is_said_is_told(told: Told) -> None:
    report_progress(done=3, total=20, metrics={"loss": 0.25, "accuracy": 1})
    assert told.last("progress") == {
        "done": 3.0,
        "total": 20.0,
        "unit": "epoch",
        "metrics": {"loss": 0.25, "accuracy": 1.0},
    }


def test_outside_of_sedna_nothing_happens() -> None:
    report_progress(done=3, total=20)


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, "high", None, [1, 2], object()], ids=lambda value: type(value).__name__
)
def test_a_metric_that_is_no_number_is_left_out(told: Told, value: Any) -> None:
    report_progress(1, metrics={"odd": value, "loss": 0.5})
    assert told.last("progress")["metrics"] == {"loss": 0.5}


@pytest.mark.parametrize("done", [math.nan, -1, "three", None, [1]], ids=repr)
def test_what_is_no_progress_is_not_told(told: Told, done: Any) -> None:
    report_progress(1)
    report_progress(done)
    assert told.last("progress")["done"] == 1


class Hostile(Mapping[Any, Any]):
    """Metrics that fail however they are looked at."""

    def __getitem__(self, key: Any) -> Any:
        raise RuntimeError("not for you")

    def __iter__(self) -> Any:
        raise RuntimeError("not for you")

    def __len__(self) -> int:
        return 1


def test_user_code_never_fails_for_being_watched(told: Told) -> None:
    report_progress(1, metrics=Hostile())
    report_progress(1, unit=object())  # type: ignore[arg-type]
    assert told.last("progress")["done"] == 1


ODD = st.one_of(st.floats(), st.integers(), st.text(), st.none(), st.booleans(), st.lists(st.integers(), max_size=2))


@given(ODD, ODD, ODD, st.dictionaries(ODD.filter(lambda key: not isinstance(key, list)), ODD, max_size=40))
def test_whatever_is_said_the_door_understands_it(done: Any, total: Any, unit: Any, metrics: Any) -> None:
    news = progress._news(done, total, unit, metrics)
    if news is not None:
        WorkerNews.model_validate({"name": "w", "namespace": "n", "progress": news})


def test_the_bounds_of_the_library_are_those_of_the_door() -> None:
    assert (progress._MOST_METRICS, progress._LONGEST_NAME) == (workers.MOST_METRICS, workers.LONGEST_NAME)


def test_only_the_newest_is_sent_and_no_more_often_than_once_a_second() -> None:
    clock, post = Clock(), Post()
    sender = NewsSender(post, monotonic=clock)
    sender.tell("progress", {"done": 0})
    post.wait(1)
    for done in range(1, 100):
        sender.tell("progress", {"done": done})
    sender.tell("inference", {"count": 1})
    assert post.attempts == 1
    sender.close()
    assert post.taken == [{"progress": {"done": 0}}, {"progress": {"done": 99}, "inference": {"count": 1}}]


@pytest.mark.parametrize(
    ("problem", "seconds"),
    [(RetryError("connection refused"), 10), (RefusedError("an older one", 404), 300), (RuntimeError("a bug"), 300)],
    ids=["away", "older", "bug"],
)
def test_a_localcontroller_that_takes_no_news_is_left_in_peace(problem: Exception, seconds: float) -> None:
    clock, post = Clock(), Post()
    sender = NewsSender(post, monotonic=clock)
    post.problem = problem
    sender.tell("progress", {"done": 0})
    post.wait(1)
    clock.seconds = seconds - 1
    sender.tell("progress", {"done": 1})
    sender.tell("progress", {"done": 2})
    assert post.attempts == 1
    post.problem = None
    clock.seconds = seconds
    sender.tell("progress", {"done": 3})
    post.wait(2)
    sender.close()
    assert post.taken == [{"progress": {"done": 3}}]


def test_the_last_word_is_told_at_the_end_and_one_that_nobody_takes_is_not_waited_for() -> None:
    clock, post = Clock(), Post()
    sender = NewsSender(post, monotonic=clock)
    sender.tell("progress", {"done": 1})
    post.wait(1)
    sender.tell("progress", {"done": 2})
    sender.close()
    assert post.taken[-1] == {"progress": {"done": 2}}
    sender.tell("progress", {"done": 3})
    assert post.attempts == 2
    refused = NewsSender(post, monotonic=clock)
    post.problem = RefusedError("no", 404)
    refused.tell("progress", {"done": 1})
    post.wait(3)
    refused.close()


def test_news_go_to_an_address_of_their_own_with_the_workers_token(
    door: Door, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / WORKER_TOKEN).write_text("secret")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    LCClient.tell(door.url, "train-1", {"progress": {"done": 1}}, 5)
    assert door.paths == ["/sedna/workers/train-1/progress"]
    assert door.taken == [{"progress": {"done": 1}}]
    assert door.shown == ["Bearer secret"]


SCRIPT = """
import os
from sedna.core.progress import report_progress
report_progress(1, total=2, metrics={"loss": 0.5})
child = os.fork()
if child == 0:
    # As a loader of data does; it must not wait for a thread that it does not have.
    report_progress(2)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
report_progress(2, total=2, metrics={"loss": 0.25})
print("done")
"""


@pytest.mark.parametrize("status", [200, 404, 0], ids=["hears", "is older", "hangs up"])
def test_a_training_ends_as_it_would_whatever_its_localcontroller_says(door: Door, status: int) -> None:
    door.answer = lambda: status
    environment = {**os.environ, "WORKER_NAME": "train-1", "LC_SERVER": door.url, "NAMESPACE": "team"}
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")
    if status == 200:
        assert door.taken[-1]["progress"]["metrics"] == {"loss": 0.25}
        assert (door.taken[-1]["name"], door.taken[-1]["namespace"]) == ("train-1", "team")


def test_a_worker_whose_localcontroller_is_dead_ends_as_it_would() -> None:
    environment = {**os.environ, "WORKER_NAME": "train-1", "LC_SERVER": "http://127.0.0.1:9"}
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")
