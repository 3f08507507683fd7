"""The smallest manifest of each kind, and a client of the door that expects what it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from flask.testing import FlaskClient

from sedna_gm.http.exchange import Exchange, Question
from sedna_gm.http.parts import Parts

BASE = "/apis/sedna.io/v1alpha1"
MODELS = f"{BASE}/namespaces/default/models"


class StandingClock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 14, 0, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def model(name: str = "m", **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "sedna.io/v1alpha1",
        "kind": "Model",
        "metadata": {"name": name, **more.pop("metadata", {})},
        "spec": {"url": "/models/m", "format": "pb", **more.pop("spec", {})},
        **more,
    }


def dataset(name: str = "d", node: str = "edge", **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "sedna.io/v1alpha1",
        "kind": "Dataset",
        "metadata": {"name": name, **more.pop("metadata", {})},
        "spec": {"url": "/data/d.txt", "format": "txt", "nodeName": node},
        **more,
    }


def worker(name: str = "w", node: str = "edge") -> dict[str, Any]:
    spec = {
        "nodeName": node,
        "role": "train",
        "job": {"kind": "IncrementalLearningJob", "name": "j", "uid": "u"},
        "round": 1,
        "template": {"containers": [{"name": "train-worker", "image": "i:t"}]},
    }
    return {"apiVersion": "sedna.io/v1alpha1", "kind": "Worker", "metadata": {"name": name}, "spec": spec}


def node(name: str = "edge") -> dict[str, Any]:
    return {
        "apiVersion": "sedna.io/v1alpha1",
        "kind": "Node",
        "metadata": {"name": name},
        "status": {"runner": "process"},
    }


def next_question(exchange: Exchange, node: str = "edge") -> Question:
    """The next question to a node, as soon as there is one. Fails after half a minute."""
    called = threading.Event()
    unsubscribe = exchange.subscribe(node, called.set)
    assert called.wait(30)
    unsubscribe()
    question = exchange.next(node)
    assert question is not None
    return question


class Door:
    """A client that speaks JSON and expects what it is told to expect."""

    def __init__(self, client: FlaskClient, parts: Parts) -> None:
        self.client = client
        self.parts = parts

    def ask(self, method: str, path: str, body: Any = None, expect: int = 200, **options: Any) -> Any:
        if body is not None and "data" not in options:
            options["data"] = json.dumps(body)
            options.setdefault("content_type", "application/json")
        response = self.client.open(path, method=method, **options)
        assert response.status_code == expect, response.get_data(as_text=True)
        if response.is_json:
            answer = response.get_json()
            if expect >= 400:
                assert answer["kind"] == "Status"
                assert answer["status"] == "Failure"
                assert answer["code"] == expect
            return answer
        return response

    def get(self, path: str, expect: int = 200, **options: Any) -> Any:
        return self.ask("GET", path, expect=expect, **options)

    def post(self, path: str, body: Any = None, expect: int = 201, **options: Any) -> Any:
        return self.ask("POST", path, body, expect, **options)

    def put(self, path: str, body: Any = None, expect: int = 200, **options: Any) -> Any:
        return self.ask("PUT", path, body, expect, **options)

    def patch(self, path: str, body: Any, expect: int = 200, **options: Any) -> Any:
        media = "application/json-patch+json" if isinstance(body, list) else "application/merge-patch+json"
        return self.ask("PATCH", path, body, expect, **{"content_type": media, **options})

    def delete(self, path: str, body: Any = None, expect: int = 200, **options: Any) -> Any:
        return self.ask("DELETE", path, body, expect, **options)

    def warnings(self, method: str, path: str, body: Any, **options: Any) -> list[str]:
        response = self.client.open(path, method=method, json=body, **options)
        assert response.status_code < 300, response.get_data(as_text=True)
        return response.headers.getlist("Warning")

    def watch(self, path: str, **options: Any) -> Iterator[dict[str, Any]]:
        """Events as they come; the stream is asked for at once."""
        response = self.client.get(path, buffered=False, **options)
        assert response.status_code == 200, response.get_data(as_text=True)
        stream = response.iter_encoded()
        assert next(iter(stream)) == b""

        def events() -> Iterator[dict[str, Any]]:
            try:
                for line in stream:
                    yield json.loads(line)
            finally:
                response.close()

        return events()
