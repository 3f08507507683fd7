"""The demo follows the job by what its API says: labels in time, tells each step once, and stops at a failure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as some
from showing.following import LEFT_TO_YOU, Followed, JobFailedError, follow, go_on, submit, wanted

from sedna.cli.client import GlobalManager
from sedna.cli.errors import Unreachable


def step(number: int, stage: str, phase: str, message: str = "") -> dict[str, Any]:
    when = f"2026-11-22T10:0{number}:00Z"
    return {"round": number, "stage": stage, "type": phase, "message": message, "lastTransitionTime": when}


class FakeServer:
    """A GlobalManager whose job goes through the given statuses, one per question."""

    def __init__(self, statuses: list[dict[str, Any]]) -> None:
        self._statuses: Iterator[dict[str, Any]] = iter(statuses)
        self._last: dict[str, Any] = {}
        self.posted: list[str] = []

    def client(self) -> GlobalManager:
        return GlobalManager("http://gm", transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.posted.append(request.url.path)
            return httpx.Response(201, json={})
        if request.url.path.endswith("/log"):
            return httpx.Response(200, text=f"log of {request.url.path.split('/')[-2]}\n")
        self._last = next(self._statuses, self._last)
        if self._last.get("away"):
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(200, json={"status": self._last})


class Person:
    """Labels whatever is asked for and remembers how it was asked."""

    def __init__(self) -> None:
        self.labelled = 0

    def __call__(self, most: int) -> int:
        self.labelled += most
        return self.labelled


def run(
    statuses: list[dict[str, Any]],
    rounds: int = 1,
    person: Person | None = None,
    away_seconds: float = 60.0,
    per_round: int = 8,
    yourself: int | None = None,
) -> tuple[dict[int, str], list[str]]:
    said: list[str] = []
    server = FakeServer(statuses)
    client = server.client()
    try:
        deployed = follow(
            client,
            person or Person(),
            rounds=rounds,
            per_round=per_round,
            limit_seconds=60,
            say=said.append,
            look_seconds=0.001,
            away_seconds=away_seconds,
            yourself=yourself,
        )
    finally:
        client.close()
    return deployed, said


DEPLOYED = {
    "round": 1,
    "conditions": [step(1, "Train", "Completed"), step(1, "Deploy", "Completed")],
    "deployedModel": {"url": "/out/train/1/model.pb", "round": 1},
}


def test_it_returns_the_deployed_models_by_round() -> None:
    second = {
        "round": 2,
        "conditions": [*DEPLOYED["conditions"], step(2, "Deploy", "Completed")],
        "deployedModel": {"url": "/out/train/2/model.pb", "round": 2},
    }
    deployed, _ = run([{}, DEPLOYED, second], rounds=2)
    assert deployed == {1: "/out/train/1/model.pb", 2: "/out/train/2/model.pb"}


def test_each_step_is_told_once() -> None:
    running = {"round": 1, "conditions": [step(1, "Train", "Running", "training on 96 samples")]}
    _, said = run([running, running, running, DEPLOYED])
    assert sum("training on 96 samples" in line for line in said) == 1


def test_a_model_counts_as_deployed_when_the_stage_says_so_not_when_it_is_about_to_be() -> None:
    about_to_be = {**DEPLOYED, "conditions": [step(1, "Deploy", "Running")], "marker": 1}
    person = Person()
    deployed, _ = run([about_to_be, about_to_be, DEPLOYED], person=person)
    assert deployed
    assert person.labelled > 2


def test_a_failed_stage_ends_it_with_the_reason_and_the_log() -> None:
    failed = {"round": 1, "conditions": [step(1, "Train", "Failed", "ValueError: no samples")]}
    with pytest.raises(JobFailedError, match=r"(?s)in round 1, stage Train: ValueError: no samples.*log of .*-train-1"):
        run([failed])


def test_a_camera_that_ends_again_and_again_is_a_failure_with_its_log() -> None:
    def serving(phase: str) -> dict[str, Any]:
        return {"round": 0, "serving": {"phase": phase, "message": "The model was refused.\n  File ..."}}

    once = [serving("Starting"), serving("Running"), serving("Starting"), serving("Running")]
    assert run([*once, DEPLOYED])[1][0] == "camera   Starting         The model was refused."

    with pytest.raises(JobFailedError, match=r"(?s)has ended 2 times: The model was refused.*log of .*-inference"):
        run([*once, serving("Starting")])


def test_labels_are_given_for_this_round_and_the_next_but_not_beyond_the_last() -> None:
    waiting, training = {"round": 0}, {"round": 1, "conditions": [step(1, "Train", "Running")]}
    person = Person()
    run([waiting] * 10 + [training] * 20 + [DEPLOYED], person=person)
    assert person.labelled == 8

    second = {
        "round": 2,
        "conditions": [*DEPLOYED["conditions"], step(2, "Deploy", "Completed")],
        "deployedModel": {"url": "/2", "round": 2},
    }
    person = Person()
    run([waiting] * 10 + [training] * 20 + [DEPLOYED] * 5 + [second], rounds=2, person=person)
    assert person.labelled == 16


WAITING = {"stage": "Train", "phase": "Waiting"}


def test_the_last_samples_of_a_person_s_round_are_left_to_them_and_asked_for_once() -> None:
    person = Person()
    _, said = run([WAITING] * 30 + [DEPLOYED], person=person, per_round=30, yourself=1)
    assert person.labelled == 30 - LEFT_TO_YOU
    asked = [line for line in said if "they are yours" in line]
    assert asked == ["labels   10 more begin round 1; they are yours: label hard examples at http://gm/"]


def test_a_round_that_was_not_good_enough_is_made_up_for_without_the_person() -> None:
    ended = [step(1, "Deploy", "Completed", "mAP_delta is 0")]
    refused = {"round": 1, **WAITING, "conditions": ended, "samples": {"used": 30}}
    later = {
        "round": 2,
        "conditions": [*ended, step(2, "Deploy", "Completed")],
        "deployedModel": {"url": "/2", "round": 2},
    }
    person = Person()
    assert run([{}] * 30 + [refused] * 30 + [later], person=person, per_round=30, yourself=2)[0] == {2: "/2"}
    assert person.labelled == 60


def test_who_stays_is_left_the_last_samples_of_each_further_round_and_no_failure_ends_it() -> None:
    failed = {"round": 2, **WAITING, "samples": {"used": 60}, "conditions": [step(2, "Train", "Failed", "no memory")]}
    server, person, said = FakeServer([failed]), Person(), []
    person.labelled = 60

    def say(text: str) -> None:
        said.append(text)
        if "they are yours" in text:
            # As Ctrl-C does.
            raise KeyboardInterrupt

    client = server.client()
    with pytest.raises(KeyboardInterrupt):
        go_on(client, person, Followed(), yourself=3, per_round=30, say=say, look_seconds=0.001)
    client.close()
    assert said[0] == "round 2  Train  Failed    no memory"
    assert said[-1].startswith("labels   10 more begin round 3; they are yours")
    assert person.labelled == 60 + 30 - LEFT_TO_YOU


counts = some.integers(0, 500)


@given(some.integers(0, 9), some.integers(1, 9), some.integers(1, 200), counts)
def test_where_a_person_labels_the_stand_in_alone_never_begins_a_round(
    round_: int, yourself: int, per_round: int, used: int
) -> None:
    status = {"round": round_, "samples": {"used": used}}
    if round_ + 1 >= yourself:
        assert wanted(status, 9, per_round, yourself) in (used, used + per_round - LEFT_TO_YOU)
    else:
        assert wanted(status, 9, per_round, yourself) == (round_ + 1) * per_round


def test_a_globalmanager_that_is_away_for_a_moment_is_waited_for() -> None:
    away: dict[str, Any] = {"away": True}
    deployed, said = run([{}, away, away, DEPLOYED])
    assert deployed == {1: "/out/train/1/model.pb"}
    assert sum(line.startswith("waits    cannot reach the GlobalManager") for line in said) == 1


def test_a_globalmanager_that_stays_away_ends_the_demo() -> None:
    with pytest.raises(Unreachable):
        run([{"away": True}], away_seconds=0.0)


def test_one_round_that_is_not_good_enough_is_no_failure_two_are() -> None:
    refused = {"round": 1, "conditions": [step(1, "Deploy", "Completed", "mAP_delta is 0.01")]}
    later = {
        "round": 2,
        "conditions": [*refused["conditions"], step(2, "Deploy", "Completed")],
        "deployedModel": {"url": "/2", "round": 2},
    }
    assert run([refused, later])[0] == {2: "/2"}

    both = {"round": 2, "conditions": [*refused["conditions"], step(2, "Deploy", "Completed")]}
    with pytest.raises(JobFailedError, match="not good enough"):
        run([refused, both])


def test_manifests_are_posted_to_their_kinds() -> None:
    server = FakeServer([])
    client = server.client()
    submit(client, [{"kind": "Dataset"}, {"kind": "IncrementalLearningJob"}])
    client.close()
    assert server.posted == [
        "/apis/sedna.io/v1alpha1/namespaces/default/datasets",
        "/apis/sedna.io/v1alpha1/namespaces/default/incrementallearningjobs",
    ]
