"""The server around the door: bounded in size, number and time of requests, stopped within a moment.

The only module that imports waitress. Requests are read completely before one of its threads sees them, so slow
senders hold a buffer and never a thread.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from waitress import create_server, wasyncore
from waitress.channel import HTTPChannel
from waitress.task import ErrorTask

from sedna_lc.http.door import MOST_BYTES, Application, answer_body

logger = logging.getLogger(__name__)

# A report is one packet on loopback; whoever needs longer than this to send it is not well.
REQUEST_SECONDS = 15
_MOST_CONNECTIONS = 200
_THREADS = 4


class _ErrorInOurWords(ErrorTask):  # type: ignore[misc]
    """Answers what waitress refuses by itself (a body too large, broken headers) in the shape of the others."""

    def execute(self) -> None:
        error = self.request.error
        body = answer_body(error.code, f"{error.reason}: {error.body}")
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "application/json"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _ImpatientChannel(HTTPChannel):  # type: ignore[misc]
    """Closes on a request that comes in drops: waitress itself only notices silence."""

    error_task_class = _ErrorInOurWords
    request_seconds: int = REQUEST_SECONDS
    _begun: float | None = None

    def received(self, data: bytes) -> Any:
        result = super().received(data)
        if self.request is None:
            self._begun = None
        elif self._begun is None:
            self._begun = time.monotonic()
        elif time.monotonic() - self._begun > self.request_seconds:
            self.will_close = True
        return result


class DoorServer:
    """Listens from the moment it is made; serves between `start` and `close`."""

    def __init__(self, application: Application, host: str, port: int, request_seconds: int = REQUEST_SECONDS) -> None:
        """Raises OSError when the address is taken or not this host's."""
        self._connections: dict[int, Any] = {}
        # News wake the loop; only whoever is silent has to be looked for, and each look costs an idle host something.
        self._look_seconds = max(1, request_seconds // 3)
        self._server = create_server(
            application,
            map=self._connections,
            host=host,
            port=port,
            threads=_THREADS,
            max_request_body_size=MOST_BYTES,
            max_request_header_size=16_384,
            connection_limit=_MOST_CONNECTIONS,
            channel_timeout=request_seconds,
            cleanup_interval=self._look_seconds,
            ident="sedna-lc",
        )
        self._server.channel_class = type("Channel", (_ImpatientChannel,), {"request_seconds": request_seconds})
        self.port = int(self._server.effective_port)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="door", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self, seconds: float = 1.0) -> None:
        """Answer what has been received, for at most so long, and let go of everything."""
        self._stopping.set()
        if self._thread.is_alive():
            self._server.pull_trigger()
            self._thread.join()
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=seconds)
        for connection in list(self._connections.values()):
            connection.close()
        self._server.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            # One round at a time: the loop of waitress ends only with its last connection.
            wasyncore.loop(timeout=self._look_seconds, map=self._connections, use_poll=True, count=1)
