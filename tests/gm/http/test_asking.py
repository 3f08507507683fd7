"""A node's answer to a question that somebody asked the GlobalManager: a document, or why there is none."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sedna_gm.errors import Conflict, GMError, NodeFailed, NodeSilent, NotFound
from sedna_gm.http import asking
from tests.gm.http.doors import BASE, Door, node

REQUESTS = f"{BASE}/nodes/edge/requests"
Answers = Callable[[bytes], None]


@pytest.fixture
def edge(door: Door) -> Iterator[Answers]:
    """Has the node give that answer to the next question."""
    threads: list[threading.Thread] = []
    door.post(f"{BASE}/nodes", node())

    def answers(body: bytes) -> None:
        def work() -> None:
            response = door.client.get(f"{REQUESTS}?watch=1&timeoutSeconds=20", buffered=False)
            question = json.loads(next(line for line in response.iter_encoded() if line.strip()))
            response.close()
            door.client.post(f"{REQUESTS}/{question['id']}", data=body, content_type="application/json")

        threads.append(threading.Thread(target=work))
        threads[-1].start()

    yield answers
    for thread in threads:
        thread.join(30)


def ask(door: Door) -> dict[str, Any]:
    with door.client.application.test_request_context("/"):
        return asking.ask_document("edge", {"type": "weather"})


def test_a_document_comes_as_it_is(door: Door, edge: Answers) -> None:
    edge(b'{"rain": true}')
    assert ask(door) == {"rain": True}


@pytest.mark.parametrize(
    ("code", "error"), [(404, NotFound), (409, Conflict), (503, NodeFailed), (None, NodeFailed), (200, NodeFailed)]
)
def test_what_a_node_says_is_wrong_is_said_with_the_nodes_name(
    door: Door, edge: Answers, code: int | None, error: type[GMError]
) -> None:
    edge(json.dumps({"error": {"code": code, "reason": "NoSuchPlace", "message": "There is no such place."}}).encode())
    with pytest.raises(error, match=r"^Node edge: There is no such place\.$"):
        ask(door)


@pytest.mark.parametrize(
    "body", [b"sedna-lc: this version answers questions about logs only.\n", b"[1]", b'{"cut', b""]
)
def test_a_node_that_does_not_understand_or_breaks_off_has_failed(door: Door, edge: Answers, body: bytes) -> None:
    edge(body)
    with pytest.raises(NodeFailed, match="does not understand the question, or its answer was cut off"):
        ask(door)


def test_an_endless_answer_is_not_held_in_memory(door: Door, edge: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MOST_BYTES", 1000)
    edge(b"x" * 100_000)
    with pytest.raises(NodeFailed, match="more than 1000 bytes"):
        ask(door)


@pytest.mark.parametrize("answer_seconds", [0.2])
def test_a_silent_node_is_said(door: Door) -> None:
    with pytest.raises(NodeSilent, match="Node edge did not answer"):
        ask(door)
