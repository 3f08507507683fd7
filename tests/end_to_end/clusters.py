"""What runs somewhere, asked over its GlobalManager's API: the part of a test that is the same on every machine.

Tests wait for a condition with a deadline; when it passes, the failure shows the resource, its workers and the ends
of their logs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from sedna.api import kinds, yaml12
from sedna.cli.client import GlobalManager, path_of
from sedna.cli.errors import Refused, Unreachable

Document = dict[str, Any]
# Generous, for two busy cores: a deadline only decides how long a failure takes.
DEADLINE = 90.0


class Cluster:
    """A GlobalManager and all that it knows. `deadline` is in seconds; slow machines get a longer one."""

    def __init__(self, server: str, deadline: float = DEADLINE) -> None:
        self.gm = GlobalManager(server)
        self._deadline = deadline
        self._stop = threading.Event()

    def create(self, text: str) -> None:
        """Submit manifests as curl does."""
        for document in yaml12.load_documents(text):
            kind = kinds.by_kind(document["kind"])
            self.gm.ask("POST", path_of(kind, "default"), body=document)

    def get(self, kind: str, name: str) -> Document:
        return self.gm.ask("GET", path_of(kinds.by_kind(kind), "default", name))

    def list(self, kind: str, **params: str) -> list[Document]:
        items: list[Document] = self.gm.ask("GET", path_of(kinds.by_kind(kind), "default"), params=params)["items"]
        return items

    def rounds(self, job: str) -> list[Document]:
        path = path_of(kinds.by_kind("IncrementalLearningJob"), "default", job, "rounds")
        items: list[Document] = self.gm.ask("GET", path)["items"]
        return items

    def events(self, name: str) -> list[str]:
        """What was told about a resource, as sentences."""
        return [str(e["message"]) for e in self.list("Event", fieldSelector=f"involvedObject.name={name}")]

    def until(
        self, kind: str, name: str, holds: Callable[[Document], object], what: str, seconds: float | None = None
    ) -> Document:
        """Watch one resource until a condition holds; fail with everything known when it does not in time."""
        seconds = seconds or self._deadline
        deadline = time.monotonic() + seconds
        last: Document = {}
        while time.monotonic() < deadline:
            try:
                for last in self._versions(kind, name):
                    if holds(last):
                        return last
            except (Refused, Unreachable):
                # Not there yet, or a daemon is just being restarted by the test.
                self._stop.wait(0.1)
        raise AssertionError(f"not in {seconds:.0f} s: {what}\n{self._explained(kind, name, last)}")

    def _versions(self, kind: str, name: str) -> Iterator[Document]:
        row = kinds.by_kind(kind)
        one = self.gm.ask("GET", path_of(row, "default", name))
        yield {"status": {}, **one}
        params = {
            "watch": "1", "timeoutSeconds": "2", "fieldSelector": f"metadata.name={name}",
            "resourceVersion": one["metadata"]["resourceVersion"],
        }  # fmt: skip
        for event in self.gm.follow(path_of(row, "default"), params=params):
            if event["type"] in ("ADDED", "MODIFIED"):
                yield {"status": {}, **event["object"]}

    def until_gone(self, kind: str, name: str, seconds: float | None = None) -> None:
        seconds = seconds or self._deadline
        deadline = time.monotonic() + seconds
        while self.gm.find(path_of(kinds.by_kind(kind), "default", name)) is not None:
            assert time.monotonic() < deadline, f"{kind} {name} is still there"
            self._stop.wait(0.1)

    def until_seen(self, holds: Callable[[], object], what: str, seconds: float | None = None) -> None:
        """Wait for what nobody announces, such as files of a worker."""
        seconds = seconds or self._deadline
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"not in {seconds:.0f} s: {what}\n{self._explained('Worker', '', {})}"
            self._stop.wait(0.1)

    def _explained(self, kind: str, name: str, last: Document) -> str:
        parts = [f"{kind} {name}:", yaml.safe_dump(last.get("status", {}), sort_keys=False)]
        try:
            for worker in self.list("Worker"):
                parts.append(f"worker {worker['metadata']['name']}: {yaml.safe_dump(worker.get('status', {}))}")
                parts.append(self.log_of(worker["metadata"]["name"]))
        except (Refused, Unreachable) as error:
            parts.append(str(error))
        return "\n".join(parts)

    def log_of(self, worker: str) -> str:
        """The end of a worker's log."""
        path = path_of(kinds.by_kind("Worker"), "default", worker, "log")
        return b"".join(self.gm.read(path, params={"tailLines": "20"})).decode(errors="replace")
