"""How busy a node is, is asked of the node; who may not see a worker does not see it there either."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.gm.http.doors import BASE, Door, next_question, node, worker
from tests.gm.http.test_guarding import Guarded, guarded

__all__ = ("guarded",)

USAGE = {"time": "2026-11-22T14:00:00Z", "node": {"cpuCount": 2}, "workers": [], "series": {"seconds": []}}
Answers = Callable[[Any], list[dict[str, Any]]]


@pytest.fixture
def answers(door: Door) -> Iterator[Answers]:
    """Let the node `edge` answer its next question with an object; gives the list of what it was asked."""
    threads: list[threading.Thread] = []

    def prepare(answer: Any) -> list[dict[str, Any]]:
        heard: list[dict[str, Any]] = []

        def run() -> None:
            question = next_question(door.parts.exchange)
            heard.append(dict(question.details))
            path = f"{BASE}/nodes/edge/requests/{question.id}"
            door.client.post(path, data=json.dumps(answer).encode(), content_type="text/plain")

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return heard

    yield prepare
    for thread in threads:
        thread.join(30)


def test_a_nodes_use_is_what_the_node_says(door: Door, answers: Answers) -> None:
    door.post(f"{BASE}/nodes", node())
    mine = {"namespace": "default", "name": "w", "cpuSeconds": 3.5}
    heard = answers({**USAGE, "workers": [mine]})
    found = door.get(f"{BASE}/nodes/edge/usage")
    assert (found["kind"], found["node"], found["workers"]) == ("NodeUsage", {"cpuCount": 2}, [mine])
    assert heard == [{"type": "usage"}]


def test_a_workers_use_is_asked_of_the_node_that_runs_it(door: Door, answers: Answers) -> None:
    door.post(f"{BASE}/namespaces/default/workers", worker())
    heard = answers(USAGE)
    assert door.get(f"{BASE}/namespaces/default/workers/w/usage")["kind"] == "WorkerUsage"
    assert heard == [{"type": "usage", "namespace": "default", "name": "w"}]


@pytest.mark.parametrize("answer_seconds", [0.2])
def test_the_use_of_nobody_is_404_and_that_of_a_silent_node_504(door: Door) -> None:
    door.get(f"{BASE}/nodes/edge/usage", 404)
    door.get(f"{BASE}/namespaces/default/workers/w/usage", 404)
    door.post(f"{BASE}/nodes", node())
    assert "edge" in door.get(f"{BASE}/nodes/edge/usage", 504)["message"]


def test_who_sees_a_node_sees_of_its_workers_those_of_their_own_namespaces(guarded: Guarded) -> None:
    viewer = guarded.by(guarded.person("ann", "viewer", "shop"))
    guarded.post(f"{BASE}/nodes", node(), **guarded.admin)
    key = guarded.by(guarded.key("edge"))
    workers = [{"namespace": namespace, "name": "w"} for namespace in ("shop", "default")]

    def answer() -> None:
        for _ in range(2):
            question = next_question(guarded.parts.exchange)
            path = f"{BASE}/nodes/edge/requests/{question.id}"
            told = json.dumps({**USAGE, "workers": workers})
            guarded.client.post(path, data=told, content_type="text/plain", **key)

    thread = threading.Thread(target=answer)
    thread.start()
    seen = [guarded.get(f"{BASE}/nodes/edge/usage", **who)["workers"] for who in (viewer, guarded.admin)]
    thread.join(30)
    assert seen == [workers[:1], workers]
    guarded.get(f"{BASE}/namespaces/default/workers/w/usage", 403, **viewer)
    guarded.get(f"{BASE}/nodes/edge/usage", 403, **key)
