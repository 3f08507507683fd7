"""News reach the GM as patches of two fields: the newest, at a pace, after any outage, and never over a letter."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from sedna.api.workers import WorkerNews, WorkerStatus
from sedna_lc.gm.clients import GmClient
from sedna_lc.news.listening import NewsListener
from sedna_lc.news.telling import NewsTeller
from sedna_lc.state.letters import status_letter
from tests.lc.fakes.gm import FakeGm
from tests.lc.gm.conftest import no_pauses

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=timezone.utc)
WHOSE = {"name": "w", "namespace": "default"}


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def teller(gm: FakeGm, client: GmClient, clock: Clock, run: Callable[..., Any]) -> NewsTeller:
    made = NewsTeller(client, lambda: NOW, no_pauses, clock)
    gm.put("workers", "w")
    stop = run(made.run)
    # The fixture `run` sets it and closes the client; the teller waits for neither.
    threading.Thread(target=lambda: (stop.wait(), made.close())).start()
    return made


def progress(done: float, total: float | None = 10, **metrics: float) -> WorkerNews:
    told = {"done": done, "unit": "epoch", "metrics": metrics}
    if total is not None:
        told["total"] = total
    return WorkerNews.model_validate({**WHOSE, "progress": told})


def inference(count: int) -> WorkerNews:
    told = {"count": count, "hard": 1, "hardShare": 0.25, "perSecond": 2.0, "since": "2026-11-22T13:00:00Z"}
    return WorkerNews.model_validate({**WHOSE, "inference": told})


def status(gm: FakeGm) -> dict[str, Any]:
    found: dict[str, Any] = gm.get("workers", "w").get("status", {})
    return found


def test_the_gm_hears_how_far_a_training_is_with_its_curve_and_its_end(
    gm: FakeGm, teller: NewsTeller, clock: Clock
) -> None:
    teller.take("uid-w", progress(1, loss=3.0))
    gm.wait_until(lambda: "progress" in status(gm))
    clock.seconds += 10
    teller.take("uid-w", progress(2, loss=2.0))
    gm.wait_until(lambda: status(gm)["progress"]["done"] == 2)
    assert status(gm)["progress"] == {
        "done": 2.0,
        "total": 10.0,
        "unit": "epoch",
        "metrics": {"loss": 2.0},
        "curve": [[1.0, {"loss": 3.0}], [2.0, {"loss": 2.0}]],
        "expectedEnd": "2026-11-22T14:01:20Z",
        "time": "2026-11-22T14:00:00Z",
    }


def test_of_many_news_the_newest_goes_and_no_more_often_than_it_may(
    gm: FakeGm, teller: NewsTeller, clock: Clock
) -> None:
    teller.take("uid-w", progress(0, loss=9.0))
    gm.wait_until(lambda: "progress" in status(gm))
    for done in range(1, 9):
        teller.take("uid-w", progress(done, loss=9.0 - done))
    clock.seconds += 1.9
    teller.take("uid-w", progress(9, loss=0.5))
    teller.take("uid-w", progress(10, loss=0.1))
    assert len(gm.heard("PATCH", "workers/w/status")) == 1
    clock.seconds += 0.2
    # Only so that it looks at the clock.
    teller.take("uid-w", progress(10, loss=0.1))
    gm.wait_until(lambda: status(gm)["progress"]["done"] == 10)
    assert [body["status"]["progress"]["done"] for body in gm.heard("PATCH", "workers/w/status")] == [0, 10]
    # What was not told lies on the curve all the same.
    assert len(status(gm)["progress"]["curve"]) == 11


def test_what_a_worker_said_last_does_not_wait_once_it_has_ended(gm: FakeGm, teller: NewsTeller) -> None:
    teller.take("uid-w", progress(2, loss=3.0))
    gm.wait_until(lambda: "progress" in status(gm))
    teller.take("uid-w", progress(10, loss=0.1))
    other = Listener()
    listener = NewsListener(teller, other)
    ended = {**gm.get("workers", "w"), "status": {"phase": "Succeeded"}}
    listener.changed({**ended, "metadata": {**ended["metadata"], "uid": "uid-before"}})
    listener.changed({**ended, "status": {"phase": "Running"}})
    assert len(gm.heard("PATCH", "workers/w/status")) == 1
    listener.changed(ended)
    gm.wait_until(lambda: status(gm)["progress"]["done"] == 10)
    assert other.heard == ["changed w"] * 3


def test_inferences_are_told_beside_progress_and_at_their_own_pace(
    gm: FakeGm, teller: NewsTeller, clock: Clock
) -> None:
    teller.take("uid-w", inference(5))
    gm.wait_until(lambda: "inference" in status(gm))
    clock.seconds += 30
    teller.take("uid-w", inference(6))
    teller.take("uid-w", progress(1))
    gm.wait_until(lambda: "progress" in status(gm))
    assert status(gm)["inference"]["count"] == 5
    clock.seconds += 31
    teller.take("uid-w", inference(7))
    gm.wait_until(lambda: status(gm)["inference"]["count"] == 7)


def test_late_news_leave_the_end_of_a_worker_as_it_is(gm: FakeGm, client: GmClient, teller: NewsTeller) -> None:
    ended = WorkerStatus.model_validate({"phase": "Succeeded", "exitCode": 0})
    letter = status_letter("workers", ("default", "w"), "uid-w", ended)
    client.patch(letter.path, letter.body)
    teller.take("uid-w", progress(10, loss=0.1))
    gm.wait_until(lambda: "progress" in status(gm))
    assert (status(gm)["phase"], status(gm)["exitCode"]) == ("Succeeded", 0)


def test_a_letter_leaves_the_news_as_they_are(gm: FakeGm, client: GmClient, teller: NewsTeller) -> None:
    teller.take("uid-w", progress(10, loss=0.1))
    gm.wait_until(lambda: "progress" in status(gm))
    letter = status_letter("workers", ("default", "w"), "uid-w", WorkerStatus.model_validate({"phase": "Succeeded"}))
    client.patch(letter.path, letter.body)
    assert status(gm)["phase"] == "Succeeded"
    assert status(gm)["progress"]["done"] == 10


def test_a_metric_that_is_told_no_longer_goes(gm: FakeGm, teller: NewsTeller, clock: Clock) -> None:
    teller.take("uid-w", progress(1, warming=1.0))
    gm.wait_until(lambda: "progress" in status(gm))
    clock.seconds += 10
    teller.take("uid-w", progress(2, loss=2.0))
    gm.wait_until(lambda: status(gm)["progress"]["metrics"] == {"loss": 2.0})


def test_after_an_outage_the_newest_is_told_once(gm: FakeGm, teller: NewsTeller) -> None:
    gm.stop()
    teller.take("uid-w", progress(1, loss=3.0))
    teller.take("uid-w", progress(2, loss=2.0))
    gm.start()
    gm.wait_until(lambda: status(gm).get("progress", {}).get("done") == 2)
    assert len(gm.heard("PATCH", "workers/w/status")) == 1


@pytest.mark.parametrize("code", [403, 404, 409, 422])
def test_a_gm_that_does_not_take_news_is_left_in_peace_for_a_while(
    gm: FakeGm, teller: NewsTeller, clock: Clock, code: int
) -> None:
    gm.fail("PATCH", "workers/w/status", code)
    teller.take("uid-w", progress(1))
    gm.wait_until(lambda: not gm.failures)
    clock.seconds += 60
    teller.take("uid-w", progress(2))
    if code == 403:
        # That may be the hour, or a credential about to be renewed: it is tried again.
        gm.wait_until(lambda: "progress" in status(gm))
        return
    gm.put("workers", "other")
    teller.take("uid-other", progress(1).model_copy(update={"name": "other"}))
    gm.wait_until(lambda: "status" in gm.get("workers", "other"))
    assert status(gm) == {}
    clock.seconds += 600
    teller.take("uid-w", progress(3))
    gm.wait_until(lambda: status(gm).get("progress", {}).get("done") == 3)


def test_news_of_a_worker_that_was_made_again_are_not_the_old_ones(
    gm: FakeGm, teller: NewsTeller, clock: Clock
) -> None:
    teller.take("uid-of-the-old-one", progress(7, loss=0.7))
    clock.seconds += 10
    teller.take("uid-w", progress(1, loss=3.0))
    gm.wait_until(lambda: "progress" in status(gm))
    assert status(gm)["progress"]["curve"] == [[1.0, {"loss": 3.0}]]


class Listener:
    """Remembers that it was told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def listed(self, resources: Any) -> None:
        self.heard.append(f"listed {len(list(resources))}")

    def changed(self, resource: Any) -> None:
        self.heard.append(f"changed {resource['metadata']['name']}")

    def gone(self, resource: Any) -> None:
        self.heard.append(f"gone {resource['metadata']['name']}")


def test_a_curve_goes_on_after_this_program_was_started_again(gm: FakeGm, teller: NewsTeller) -> None:
    told = {"done": 2, "metrics": {"loss": 2.0, "old": 1.0}, "curve": [[1, {"loss": 3.0}], [2, {"loss": 2.0}]]}
    resource = gm.put("workers", "w", status={"progress": told})
    other = Listener()
    listener = NewsListener(teller, other)
    listener.listed([resource])
    teller.take("uid-w", progress(3, loss=1.0))
    gm.wait_until(lambda: status(gm)["progress"]["done"] == 3)
    assert status(gm)["progress"]["curve"] == [[1, {"loss": 3.0}], [2, {"loss": 2.0}], [3, {"loss": 1.0}]]
    assert status(gm)["progress"]["metrics"] == {"loss": 1.0}
    listener.gone(resource)
    listener.changed(resource)
    assert other.heard == ["listed 1", "gone w", "changed w"]


def test_nothing_is_kept_of_workers_that_are_gone(gm: FakeGm, teller: NewsTeller) -> None:
    resource = gm.get("workers", "w")
    listener = NewsListener(teller, Listener())
    teller.take("uid-w", progress(1))
    listener.gone({**resource, "metadata": {**resource["metadata"], "uid": "uid-before"}})
    assert teller._workers
    listener.gone(resource)
    assert not teller._workers
    teller.take("uid-w", progress(1))
    listener.listed([])
    assert not teller._workers
