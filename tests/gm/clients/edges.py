"""A node that answers one question with what the test says, as a LocalController would."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from tests.gm.clients.servers import DEADLINE, Server


@contextmanager
def answering_node(server: Server, name: str) -> Iterator[Callable[[str], None]]:
    """Gives `say(text)`, which sends a piece of the answer; the empty text ends it."""
    pieces: queue.Queue[str] = queue.Queue()
    failures: list[BaseException] = []

    def body() -> Iterator[bytes]:
        while piece := pieces.get(timeout=DEADLINE):
            yield piece.encode()

    def answer() -> None:
        path = f"/apis/sedna.io/v1alpha1/nodes/{name}/requests"
        try:
            with httpx.Client(base_url=server.url, timeout=DEADLINE, trust_env=False) as client:
                with client.stream("GET", path, params={"watch": "1", "timeoutSeconds": "60"}) as questions:
                    question = json.loads(next(questions.iter_lines()))
                done = client.post(f"{path}/{question['id']}", content=body(), headers={"Content-Type": "text/plain"})
                assert done.status_code == 200, done.text
        except BaseException as error:  # the test's thread tells it
            failures.append(error)
            raise

    thread = threading.Thread(target=answer)
    thread.start()
    yield pieces.put
    pieces.put("")
    thread.join(DEADLINE)
    assert not failures
