"""A GlobalManager as an LC sees it: real HTTP on a loopback port, resources in memory, faults on demand.

`stop` and `start` make it vanish and come back under its address; `forget_history` makes old versions too old;
`fail` makes requests fail once.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

BASE = "/apis/sedna.io/v1alpha1"


class FakeGm:
    """Everything the test and the server share, behind one condition."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.resources: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.version = 100
        self.oldest = 0
        self.requests: list[tuple[str, str, Any]] = []
        self.failures: list[tuple[str, str, int, str | None]] = []
        self.questions: list[dict[str, Any]] = []
        self.answers: dict[str, bytes] = {}
        self.beats = 0
        self.interval_seconds = 10
        self.watching = 0
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self._port = 0
        self.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        handler = type("Handler", (_Handler,), {"gm": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), handler)
        self._server.daemon_threads = False
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        server, self._server = self._server, None
        if server is None or self._thread is None:
            return
        with self.changed:
            self.changed.notify_all()
        server.shutdown()
        server.server_close()
        self._thread.join()

    @property
    def running(self) -> bool:
        return self._server is not None

    def put(self, plural: str, name: str, namespace: str = "default", **content: Any) -> dict[str, Any]:
        """Create or change a resource, as a controller would."""
        path = f"{BASE}/namespaces/{namespace}/{plural}/{name}"
        with self.changed:
            stored = self.resources.get(path, {})
            metadata = {
                "name": name,
                "namespace": namespace,
                "uid": f"uid-{name}",
                "generation": 1,
                **stored.get("metadata", {}),
                **content.pop("metadata", {}),
            }
            kind = {"workers": "Worker", "datasets": "Dataset", "artifacts": "Artifact"}[plural]
            merged = {"apiVersion": "sedna.io/v1alpha1", "kind": kind, **stored, **content, "metadata": metadata}
            return self._store(path, merged, "MODIFIED" if stored else "ADDED")

    def remove(self, plural: str, name: str, namespace: str = "default") -> None:
        """Let a resource vanish."""
        path = f"{BASE}/namespaces/{namespace}/{plural}/{name}"
        with self.changed:
            self._store(path, self.resources[path], "DELETED")
            del self.resources[path]

    def get(self, plural: str, name: str, namespace: str = "default") -> dict[str, Any]:
        with self.changed:
            return self.resources.get(f"{BASE}/namespaces/{namespace}/{plural}/{name}", {})

    def ask(self, question: dict[str, Any]) -> None:
        with self.changed:
            self.questions.append(question)
            self.changed.notify_all()

    def forget_history(self) -> None:
        with self.changed:
            self.version += 10
            self.oldest = self.version

    def fail(self, method: str, part_of_path: str, code: int, times: int = 1, cause: str | None = "Asked") -> None:
        """Refuse the next requests with a Status that has this cause; None: with a page, as a proxy would."""
        with self.changed:
            self.failures += [(method, part_of_path, code, cause)] * times

    def wait_until(self, holds: Callable[[], Any], seconds: float = 20) -> None:
        with self.changed:
            for _ in range(int(seconds * 10)):
                if holds():
                    return
                self.changed.wait(timeout=0.1)
        raise AssertionError("it did not happen in time")

    def heard(self, method: str, part_of_path: str) -> list[Any]:
        """The bodies of all requests that were answered well, in order."""
        return [body for verb, path, body in self.requests if verb == method and part_of_path in path]

    def _store(self, path: str, resource: dict[str, Any], event: str) -> dict[str, Any]:
        self.version += 1
        resource["metadata"]["resourceVersion"] = str(self.version)
        self.resources[path] = resource
        self.events.append({"version": self.version, "path": path, "type": event, "object": json.dumps(resource)})
        self.changed.notify_all()
        return resource


class _Handler(BaseHTTPRequestHandler):
    gm: FakeGm
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def setup(self) -> None:
        # An idle kept-alive connection must not hold up the end of the server.
        self.timeout = 0.5
        super().setup()

    def do_GET(self) -> None:
        self._handle("GET")

    def do_POST(self) -> None:
        self._handle("POST")

    def do_PATCH(self) -> None:
        self._handle("PATCH")

    def _handle(self, method: str) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        body = self._body()
        gm = self.gm
        with gm.changed:
            for failure in gm.failures:
                if failure[0] == method and failure[1] in url.path:
                    gm.failures.remove(failure)
                    gm.changed.notify_all()
                    self._fail(failure[2], "as the test asked", failure[3])
                    return
        if method == "GET" and query.get("watch"):
            self._watch(url.path, query)
            return
        with gm.changed:
            answer = getattr(self, f"_{method.lower()}")(url.path, query, body)
            if answer is not None:
                gm.requests.append((method, url.path, body))
            gm.changed.notify_all()
        if answer is not None:
            self._answer(200, answer)

    def _get(self, path: str, query: dict[str, str], body: Any) -> dict[str, Any] | None:
        if path in self.gm.resources:
            return self.gm.resources[path]
        return self._fail(404, f"{path} not found")

    def _post(self, path: str, query: dict[str, str], body: Any) -> dict[str, Any] | None:
        gm = self.gm
        if path == f"{BASE}/nodes":
            key = f"{path}/{body['metadata']['name']}"
            if key in gm.resources:
                return self._fail(409, "it exists already")
            return gm._store(key, body, "ADDED")
        if path.endswith("/heartbeat"):
            if path.removesuffix("/heartbeat") not in gm.resources:
                return self._fail(404, "no such node")
            gm.beats += 1
            return {"intervalSeconds": gm.interval_seconds}
        gm.answers[path.rpartition("/")[2]] = body
        return {}

    def _patch(self, path: str, query: dict[str, str], body: Any) -> dict[str, Any] | None:
        key = path.removesuffix("/status")
        stored = self.gm.resources.get(key)
        if stored is None:
            return self._fail(404, f"{key} not found")
        uid = body.get("metadata", {}).get("uid")
        if uid and uid != stored["metadata"].get("uid"):
            return self._fail(409, "another uid")
        merged = merge(stored, body)
        if merged["metadata"].get("deletionTimestamp") and not merged["metadata"].get("finalizers"):
            self.gm._store(key, merged, "DELETED")
            del self.gm.resources[key]
            return merged
        return self.gm._store(key, merged, "MODIFIED")

    def _watch(self, path: str, query: dict[str, str]) -> None:
        gm = self.gm
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        plural = path.rpartition("/")[2]
        since = int(query.get("resourceVersion") or 0)
        present: list[dict[str, Any]] = []
        with gm.changed:
            if query.get("sendInitialEvents") == "true":
                found = [one for key, one in gm.resources.items() if _belongs(key, one, plural, query)]
                since = gm.version
                metadata = {"resourceVersion": str(since), "annotations": {"k8s.io/initial-events-end": "true"}}
                present = [{"type": "ADDED", "object": json.loads(json.dumps(one))} for one in found]
                present.append({"type": "BOOKMARK", "object": {"metadata": metadata}})
                gm.requests.append(("GET", path, None))
            gm.watching += 1
            gm.changed.notify_all()
        try:
            for line in present:
                self._line(line)
            while gm.running:
                with gm.changed:
                    if plural == "requests":
                        lines, gm.questions = gm.questions, []
                    elif since < gm.oldest:
                        self._line({"type": "ERROR", "object": {"code": 410, "message": "too old"}})
                        return
                    else:
                        events = [one for one in gm.events if one["version"] > since]
                        since = max([since, *(one["version"] for one in events)])
                        lines = [
                            {"type": one["type"], "object": json.loads(one["object"])}
                            for one in events
                            if _belongs(one["path"], json.loads(one["object"]), plural, query)
                        ]
                    if not lines:
                        gm.changed.wait(timeout=0.1)
                for line in lines:
                    self._line(line)
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            pass
        finally:
            self.close_connection = True
            with gm.changed:
                gm.watching -= 1

    def _line(self, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _body(self) -> Any:
        if self.headers.get("Transfer-Encoding") == "chunked":
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            data = b"".join(pieces)
        else:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return json.loads(data) if "json" in self.headers.get("Content-Type", "") else data

    def _answer(self, code: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _fail(self, code: int, message: str, cause: str | None = "") -> None:
        details = {"causes": [{"reason": cause, "message": message, "field": ""}]}
        status = {"kind": "Status", "code": code, "message": message, "details": details}
        self._answer(code, status if cause is not None else {"message": message})


def _belongs(path: str, resource: dict[str, Any], plural: str, query: dict[str, str]) -> bool:
    _, _, node = query.get("fieldSelector", "").partition("=")
    return f"/{plural}/" in path and (not node or resource.get("spec", {}).get("nodeName") in (node, None))


def merge(before: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    after = dict(before) if isinstance(before, dict) else {}
    for name, value in patch.items():
        if value is None:
            after.pop(name, None)
        else:
            after[name] = merge(after.get(name), value)
    return after
