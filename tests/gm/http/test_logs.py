"""A worker's log travels from its node to the one who asks, while both wait."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sedna_gm.errors import NodeSilent, NotFound
from sedna_gm.http.exchange import Exchange, Pipe
from sedna_gm.http.nodes import QuestionStream
from sedna_gm.http.uploads import pieces
from sedna_gm.settings import HttpSettings
from tests.gm.http.doors import BASE, Door, next_question, node, worker

REQUESTS = f"{BASE}/nodes/edge/requests"
LOG = f"{BASE}/namespaces/default/workers/w/log"


def question_stream(exchange: Exchange, gone: Callable[[], bool] = lambda: False) -> QuestionStream:
    """The questions to the node `edge`, whose time stands still."""
    return QuestionStream(exchange, "edge", 30, HttpSettings(), gone, lambda: None, lambda: 0.0)


@pytest.fixture
def node_thread(door: Door) -> Iterator[list[dict[str, Any]]]:
    """A node that answers the first question with two lines; gives the questions it heard."""
    told: list[dict[str, Any]] = []

    def answer() -> None:
        response = door.client.get(f"{REQUESTS}?watch=1&timeoutSeconds=20", buffered=False)
        lines = (line for line in response.iter_encoded() if line.strip())
        told.append(json.loads(next(lines)))
        response.close()
        door.client.post(f"{REQUESTS}/{told[0]['id']}", data=b"one\ntwo\n", content_type="text/plain")

    door.post(f"{BASE}/nodes", node())
    door.post(f"{BASE}/namespaces/default/workers", worker())
    thread = threading.Thread(target=answer)
    thread.start()
    yield told
    thread.join(30)


@pytest.mark.parametrize("address", [LOG, "/api/v1/namespaces/default/pods/w/log"], ids=["ours", "kubectl's"])
def test_a_log_is_asked_of_its_node_and_handed_on(door: Door, node_thread: list[dict[str, Any]], address: str) -> None:
    response = door.client.get(f"{address}?tailLines=5&follow=true&container=train-worker")
    assert (response.status_code, response.mimetype, response.data) == (200, "text/plain", b"one\ntwo\n")
    (question,) = node_thread
    del question["id"]
    expected = {"type": "log", "namespace": "default", "name": "w", "tailLines": 5, "follow": True}
    assert question == expected


@pytest.mark.parametrize("answer_seconds", [0.2])
def test_a_node_that_says_nothing_is_504(door: Door) -> None:
    door.post(f"{BASE}/namespaces/default/workers", worker())
    silent = door.get(LOG, 504)
    assert "Node edge did not answer" in silent["message"]


def test_a_log_of_nobody_is_404(door: Door) -> None:
    door.get(LOG, 404)
    door.get("/api/v1/namespaces/default/pods/w/log", 404)
    assert door.get(f"{LOG}?tailLines=x", 404)["details"]["kind"] == "Worker"


def test_an_answer_that_nobody_waits_for_is_404(door: Door) -> None:
    door.post(f"{REQUESTS}/nonsense", expect=404, data=b"log", content_type="text/plain")


def test_questions_end_when_their_time_is_up(door: Door) -> None:
    response = door.client.get(f"{REQUESTS}?watch=1&timeoutSeconds=1", buffered=False)
    assert b"".join(response.iter_encoded()).strip() == b""


def test_a_question_waits_for_a_node_that_is_just_coming_back() -> None:
    exchange = Exchange()
    asked: list[Any] = []
    asker = threading.Thread(target=lambda: asked.append(exchange.ask("edge", {"type": "log"}, 30)))
    asker.start()
    question = next_question(exchange)
    assert exchange.answering("edge", question.id) is question
    asker.join(30)
    assert asked == [question]
    with pytest.raises(NotFound):
        exchange.answering("edge", question.id)


def test_a_question_is_not_told_to_a_node_that_has_gone_but_to_the_one_that_comes_after_it() -> None:
    exchange = Exchange()
    broken = question_stream(exchange, lambda: True)
    asker = threading.Thread(target=exchange.ask, args=("edge", {"type": "log"}, 30))
    called = threading.Event()
    broken.subscribe(called.set)
    asker.start()
    assert called.wait(30)
    assert list(broken.take()) == []
    assert broken.over
    told = [json.loads(line) for line in question_stream(exchange).take()]
    exchange.answering("edge", told[0]["id"])
    asker.join(30)


def test_a_question_calls_the_streams_of_its_node_and_no_others() -> None:
    exchange = Exchange()
    calls: list[str] = []
    for node_name in ("edge", "other"):
        exchange.subscribe(node_name, lambda name=node_name: calls.append(name))  # type: ignore[misc]
    with pytest.raises(NodeSilent):
        exchange.ask("edge", {}, 0)
    assert calls == ["edge"]


def test_a_silent_stream_of_questions_says_now_and_then_that_it_lives() -> None:
    now = [0.0]
    settings = HttpSettings(bookmark_seconds=60)
    stream = QuestionStream(Exchange(), "edge", 600, settings, lambda: False, lambda: None, lambda: now[0])
    said = []
    for moment in (0.0, 59.0, 60.0, 61.0, 121.0):
        now[0] = moment
        said.append(b"".join(stream.take()))
    assert said == [b"", b"", b"\n", b"", b"\n"]


def test_a_node_answers_only_its_own_questions() -> None:
    exchange = Exchange()
    asker = threading.Thread(target=exchange.ask, args=("edge", {}, 30))
    asker.start()
    question = next_question(exchange)
    with pytest.raises(NotFound):
        exchange.answering("other", question.id)
    assert exchange.answering("edge", question.id) is question
    asker.join(30)


def test_stopping_ends_every_wait() -> None:
    exchange = Exchange()
    refusals: list[type[BaseException]] = []

    def ask() -> None:
        try:
            exchange.ask("edge", {}, 30)
        except NodeSilent as silent:
            refusals.append(type(silent))

    asker = threading.Thread(target=ask)
    asker.start()
    next_question(exchange)
    exchange.close()
    asker.join(30)
    assert refusals == [NodeSilent]
    stream = question_stream(exchange)
    assert list(stream.take()) == []
    assert stream.over


def test_a_question_that_nobody_took_is_forgotten() -> None:
    exchange = Exchange()
    with pytest.raises(NodeSilent):
        exchange.ask("edge", {}, 0)
    assert exchange.next("edge") is None
    assert exchange._unheard == {}
    assert exchange._unanswered == {}


def test_a_pipe_keeps_order_and_ends() -> None:
    pipe = Pipe()
    assert pipe.read(0) == b""
    assert pipe.write(b"a", 0)
    assert pipe.write(b"b", 0)
    pipe.finish()
    assert [pipe.read(0), pipe.read(0), pipe.read(0)] == [b"a", b"b", None]


def test_a_pipe_holds_back_a_writer_that_is_too_fast() -> None:
    pipe = Pipe()
    written = 0
    while pipe.write(b"x", 0):
        written += 1
    assert written == 64
    pipe.read(0)
    assert pipe.write(b"x", 0)
    pipe.abandon()
    assert not pipe.write(b"x", 30)
    assert pipe.read(30) is None


class Chunked:
    """A body as gunicorn shows it."""

    def __init__(self, *parts: bytes) -> None:
        self.reader = type("Reader", (), {"parser": iter(parts)})()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"wsgi.input": Chunked(b"a", b"", b"bc")}, [b"a", b"bc"]),
        ({"wsgi.input": io.BytesIO(b"abc"), "wsgi.input_terminated": True}, [b"abc"]),
        ({"wsgi.input": io.BytesIO(b"abcdef"), "CONTENT_LENGTH": "3"}, [b"abc"]),
        ({"wsgi.input": io.BytesIO(b"abcdef")}, []),
    ],
    ids=["gunicorn", "terminated", "announced", "none"],
)
def test_an_upload_is_read_as_it_comes(environ: Any, expected: list[bytes]) -> None:
    assert list(pieces(environ)) == expected


def test_an_upload_that_is_larger_than_any_manifest_is_taken(door: Door) -> None:
    question_ids: list[str] = []

    def answer() -> None:
        question = next_question(door.parts.exchange)
        question_ids.append(question.id)
        door.client.post(f"{REQUESTS}/{question.id}", data=b"x" * 5_000_000, content_type="text/plain")

    door.post(f"{BASE}/namespaces/default/workers", worker())
    thread = threading.Thread(target=answer)
    thread.start()
    assert len(door.client.get(LOG).data) == 5_000_000
    thread.join(30)
