"""Logs for whoever asked the GM: streamed, ended when nobody listens, and never in the way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sedna_lc.errors import Never
from sedna_lc.gm.answering import QuestionAnswerer
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

    return QuestionAnswerer(client, "edge", read_log, no_pauses)


def test_a_log_is_handed_to_whoever_asked(
    gm: FakeGm, answerer: QuestionAnswerer, asked: list[Asked], run: Callable[..., Any]
) -> None:
    run(answerer.run)
    gm.ask({"id": "q1", "type": "log", "namespace": "team", "name": "w", "tailLines": 5, "follow": True})
    gm.ask({"id": "q2", "type": "log", "name": "w"})
    gm.wait_until(lambda: set(gm.answers) == {"q1", "q2"})
    assert gm.answers["q1"] == b"line 1\nline 2\n"
    assert sorted(asked, key=str) == [("default", "w", None, False), ("team", "w", 5, True)]


def test_what_cannot_be_answered_is_said(gm: FakeGm, answerer: QuestionAnswerer, run: Callable[..., Any]) -> None:
    run(answerer.run)
    gm.ask({"id": "q1", "type": "log", "namespace": "default", "name": "nobody"})
    gm.ask({"id": "q2", "type": "weather"})
    gm.wait_until(lambda: set(gm.answers) == {"q1", "q2"})
    assert gm.answers["q1"] == b"sedna-lc: There is no worker nobody here.\n"
    assert b"logs only" in gm.answers["q2"]


def test_questions_are_heard_again_after_an_outage(
    gm: FakeGm, answerer: QuestionAnswerer, run: Callable[..., Any]
) -> None:
    run(answerer.run)
    gm.wait_until(lambda: gm.watching == 1)
    gm.stop()
    gm.start()
    gm.ask({"id": "q1", "type": "log", "namespace": "default", "name": "w"})
    gm.wait_until(lambda: "q1" in gm.answers)
