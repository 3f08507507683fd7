"""A GlobalManager with the true HTTP conventions and nothing behind them, as an httpx transport.

What a controller would do is scripted by the test: `on_watch` supplies the events of each watch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from sedna.api import kinds, status

Document = dict[str, Any]


class FakeGM:
    """Resources by path, one growing version, and a record of every request."""

    def __init__(self) -> None:
        self.resources: dict[str, Document] = {}
        self.requests: list[httpx.Request] = []
        self.answers: dict[tuple[str, str], httpx.Response] = {}
        self.on_watch: list[list[Document]] = []
        self.version = 0

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._handle)

    def put(self, kind: str, name: str, namespace: str = "default", **content: Any) -> Document:
        found = kinds.by_kind(kind)
        self.version += 1
        resource = {
            "apiVersion": found.api_version,
            "kind": kind,
            "metadata": {
                "name": name,
                "namespace": namespace,
                "uid": f"uid-{name}",
                "resourceVersion": str(self.version),
                "creationTimestamp": "2026-11-22T14:00:00Z",
                **content.pop("metadata", {}),
            },
            **content,
        }
        self.resources[f"{self._folder(found, namespace)}/{name}"] = resource
        return resource

    def sent(self, method: str) -> list[httpx.Request]:
        return [request for request in self.requests if request.method == method]

    def _folder(self, kind: kinds.Kind, namespace: str) -> str:
        base = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
        return f"{base}/namespaces/{namespace}/{kind.plural}" if kind.namespaced else f"{base}/{kind.plural}"

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.path
        scripted = self.answers.get((request.method, path))
        if scripted is not None:
            return scripted
        answer: Callable[[httpx.Request, str], httpx.Response] = getattr(self, f"_{request.method.lower()}")
        return answer(request, path)

    def _get(self, request: httpx.Request, path: str) -> httpx.Response:
        if request.url.params.get("watch"):
            events = self.on_watch.pop(0) if self.on_watch else [_stop_watching()]
            return httpx.Response(200, content=_lines(events))
        if path in self.resources:
            return self._answer(request, [self.resources[path]], self.resources[path])
        if _is_list(path):
            items = [self.resources[key] for key in sorted(self.resources) if self._listed(key, path)]
            metadata = {"resourceVersion": str(self.version)}
            return self._answer(request, items, {"kind": "List", "metadata": metadata, "items": items})
        return _failure(404, "NotFound", f"{path.rsplit('/', 1)[1]} not found")

    def _listed(self, key: str, path: str) -> bool:
        folder, _, _ = key.rpartition("/")
        plural = path.rpartition("/")[2]
        return folder == path or ("/namespaces/" not in path and folder.endswith("/" + plural))

    def _answer(self, request: httpx.Request, items: list[Document], plain: Document) -> httpx.Response:
        if "as=Table" in request.headers["Accept"]:
            answer = table(items, str(self.version))
            if request.url.params.get("includeObject") == "Object":
                for row, item in zip(answer["rows"], items, strict=True):
                    row["object"] = item
            return httpx.Response(200, json=answer)
        return httpx.Response(200, json=plain)

    def _post(self, request: httpx.Request, path: str) -> httpx.Response:
        body = json.loads(request.content)
        key = f"{path}/{body['metadata']['name']}"
        if key in self.resources:
            return _failure(409, "AlreadyExists", f"{key} already exists")
        namespace = path.split("/namespaces/")[1].split("/", maxsplit=1)[0] if "/namespaces/" in path else ""
        extra = {k: v for k, v in body.items() if k not in ("apiVersion", "kind", "metadata")}
        return httpx.Response(
            201,
            json=self.put(body["kind"], body["metadata"]["name"], namespace, metadata=body["metadata"], **extra),
        )

    def _patch(self, request: httpx.Request, path: str) -> httpx.Response:
        assert request.headers["Content-Type"] == "application/merge-patch+json"
        self.resources[path] = merged(self.resources[path], json.loads(request.content))
        return httpx.Response(200, json=self.resources[path])

    def _delete(self, request: httpx.Request, path: str) -> httpx.Response:
        resource = self.resources.get(path)
        if resource is None:
            return _failure(404, "NotFound", f"{path.rsplit('/', 1)[1]} not found")
        if resource["metadata"].get("finalizers"):
            resource["metadata"]["deletionTimestamp"] = "2026-11-22T15:00:00Z"
            return httpx.Response(200, json=resource)
        del self.resources[path]
        return httpx.Response(200, json={"kind": "Status", "status": "Success"})


def table(items: list[Document], version: str = "1", columns: bool = True) -> Document:
    """A Table with a name, a wide-only column, and one from the spec."""
    definitions = [
        {"name": "Name", "type": "string", "priority": 0},
        {"name": "Format", "type": "string", "priority": 0},
        {"name": "URL", "type": "string", "priority": 1},
    ]
    rows = [
        {
            "cells": [i["metadata"]["name"], i.get("spec", {}).get("format"), i.get("spec", {}).get("url")],
            "object": {"metadata": i["metadata"]},
        }
        for i in items
    ]
    return {
        "kind": "Table",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": definitions if columns else [],
        "rows": rows,
    }


def merged(before: Any, patch: Any) -> Any:
    """RFC 7386, as its appendix writes it."""
    if not isinstance(patch, dict):
        return patch
    after = dict(before) if isinstance(before, dict) else {}
    for key, value in patch.items():
        if value is None:
            after.pop(key, None)
        else:
            after[key] = merged(after.get(key), value)
    return after


def _is_list(path: str) -> bool:
    return path.rsplit("/", 1)[1] in {kind.plural for kind in kinds.KINDS}


def _lines(events: list[Document]) -> Iterator[bytes]:
    for event in events:
        if event["type"] == "STOP":
            raise KeyboardInterrupt
        if event["type"] == "BREAK":
            raise httpx.RemoteProtocolError("peer closed connection")
        yield json.dumps(event).encode() + b"\n"


def _stop_watching() -> Document:
    """The person presses Ctrl-C: the only way a watch ends."""
    return {"type": "STOP"}


def _failure(code: int, reason: str, message: str) -> httpx.Response:
    return httpx.Response(code, json=status.failure(code, reason, message))
