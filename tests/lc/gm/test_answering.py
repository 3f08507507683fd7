"""Logs for whoever asked the GM: streamed, ended when nobody listens, and never in the way."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sedna_lc.errors import Again, GmUnavailable, Never
from sedna_lc.gm.answering import Question, QuestionAnswerer, of_document, of_ended_log, of_log
from sedna_lc.gm.clients import GmClient
from tests.lc.fakes.gm import FakeGm
from tests.lc.gm.conftest import no_pauses

Asked = tuple[str, str, int | None, bool]


@pytest.fixture
def asked() -> list[Asked]:
    return []


@pytest.fixture
def answerer(client: GmClient, asked: list[Asked]) -> QuestionAnswerer:
    def read_log(namespace: str, name: str, tail: int | None, follow: bool, stop: threading.Event) -> Iterator[bytes]:
        asked.append((namespace, name, tail, follow))
        if name == "nobody":
            raise Never("LogNotFound", "There is no worker nobody here.")
        return iter([b"line 1\n", b"line 2\n"])

    def forecast(question: Question) -> dict[str, Any]:
        if question["where"] == "nowhere":
            raise Never("NoSuchPlace", "There is no such place.")
        if question["where"] == "far":
            raise GmUnavailable("It is too far away.")
        return {"where": question["where"], "rain": True}

    def read_ended_log(namespace: str, name: str, round_id: str, tail: int | None) -> Iterator[bytes]:
        asked.append((namespace, f"{name} of {round_id}", tail, False))
        if name == "nobody":
            raise Never("LogNotKept", "Nothing is kept of it.")
        if name == "later":
            raise Again("Busy", "Not now.")
        return iter([b"line 1\n", b"line 2\n"])

    answers = {"log": of_log(read_log), "ended-log": of_ended_log(read_ended_log), "forecast": of_document(forecast)}
    return QuestionAnswerer(client, "edge", answers, no_pauses)


def test_a_log_is_handed_to_whoever_asked(
    gm: FakeGm, answerer: QuestionAnswerer, asked: list[Asked], run: Callable[..., Any]
) -> None:
    run(answerer.run)
    gm.ask({"id": "q1", "type": "log", "namespace": "team", "name": "w", "tailLines": 5, "follow": True})
    gm.ask({"id": "q2", "type": "log", "name": "w"})
    gm.wait_until(lambda: set(gm.answers) == {"q1", "q2"})
    assert gm.answers["q1"] == b"line 1\nline 2\n"
    assert sorted(asked, key=str) == [("default", "w", None, False), ("team", "w", 5, True)]


def test_whether_the_log_of_an_ended_worker_is_there_is_said_before_its_first_line(
    gm: FakeGm, answerer: QuestionAnswerer, asked: list[Asked], run: Callable[..., Any]
) -> None:
    run(answerer.run)
    for name in ("w", "nobody", "later"):
        gm.ask({"id": name, "type": "ended-log", "namespace": "team", "name": name, "roundId": "abc", "tailLines": 2})
    gm.wait_until(lambda: len(gm.answers) == 3)
    assert gm.answers["w"] == b"{}\nline 1\nline 2\n"
    said = json.loads(gm.answers["nobody"])["error"]
    assert (said["code"], said["reason"], said["message"]) == (404, "LogNotKept", "Nothing is kept of it.")
    assert json.loads(gm.answers["later"])["error"]["code"] == 503
    assert ("team", "w of abc", 2, False) in asked


def test_what_cannot_be_answered_is_said(gm: FakeGm, answerer: QuestionAnswerer, run: Callable[..., Any]) -> None:
    run(answerer.run)
    gm.ask({"id": "q1", "type": "log", "namespace": "default", "name": "nobody"})
    gm.ask({"id": "q2", "type": "weather"})
    gm.wait_until(lambda: set(gm.answers) == {"q1", "q2"})
    assert gm.answers["q1"] == b"sedna-lc: There is no worker nobody here.\n"
    told = json.loads(gm.answers["q2"])["error"]
    assert (told["code"], told["reason"]) == (501, "UnknownQuestion")
    assert "'weather'" in told["message"]


def test_a_document_is_one_object_or_says_with_which_status_it_cannot_be_had(
    gm: FakeGm, answerer: QuestionAnswerer, run: Callable[..., Any]
) -> None:
    run(answerer.run)
    for where in ("here", "nowhere", "far"):
        gm.ask({"id": where, "type": "forecast", "where": where})
    gm.wait_until(lambda: len(gm.answers) == 3)
    told = {where: json.loads(text) for where, text in gm.answers.items()}
    assert told["here"] == {"where": "here", "rain": True}
    assert told["nowhere"]["error"] == {"code": 422, "reason": "NoSuchPlace", "message": "There is no such place."}
    assert told["far"]["error"]["code"] == 503


def test_questions_are_heard_again_after_an_outage(
    gm: FakeGm, answerer: QuestionAnswerer, run: Callable[..., Any]
) -> None:
    run(answerer.run)
    gm.wait_until(lambda: gm.watching == 1)
    gm.stop()
    gm.start()
    gm.ask({"id": "q1", "type": "log", "namespace": "default", "name": "w"})
    gm.wait_until(lambda: "q1" in gm.answers)


def test_an_answer_that_nobody_expects_does_not_make_the_node_deaf(
    gm: FakeGm, answerer: QuestionAnswerer, run: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """410 is for watches; a proxy may say it of anything."""
    gm.fail("GET", "/requests", 410)
    run(answerer.run)
    gm.wait_until(lambda: "Questions cannot be heard" in caplog.text)
    gm.ask({"id": "q1", "type": "log", "namespace": "team", "name": "w"})
    gm.wait_until(lambda: "q1" in gm.answers)
