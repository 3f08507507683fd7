"""HTTP to the GlobalManager: requests that end, and streams that can be cut at any moment.

Everything that can go wrong leaves here as one of `sedna_lc.errors`, sorted by what to do next.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sedna.api.meta import INITIAL_EVENTS_END
from sedna.common.requesting import httpx
from sedna_lc.errors import GmConflict, GmNotFound, GmRefused, GmUnavailable, WatchTooOld
from sedna_lc.gm.identifying import Identity, Nobody
from sedna_lc.gm.trusting import explained

logger = logging.getLogger(__name__)

MERGE_PATCH = "application/merge-patch+json"
# The GM sends a bookmark every minute; a connection that is silent for twice that is dead, whatever TCP says.
IDLE_SECONDS = 120.0
# Longer than from one heartbeat to the next, so that each finds a connection and no handshake is needed; shorter than
# the GM keeps one open (`http.headerSeconds`), so that none is used in the moment in which it is closed.
KEPT_SECONDS = 12.0
_TIMEOUT_SECONDS = 15.0
_LEAST_REST_SECONDS = 0.5
# A file comes without pauses; a line that is silent for so long is dead.
_DOWNLOAD_IDLE_SECONDS = 30.0
# Not the letter's or the request's fault: a proxy, a quota, a token that is about to be renewed.
_PASSING = frozenset({401, 403, 408, 425, 429})
# Refusals that the GM words only for a caller it knows. Everything else, a 429 above all, it may say to anybody.
_SAID_TO_THE_KNOWN = frozenset({400, 403, 404, 409, 410, 422})

Parameters = Mapping[str, str]

STORE_HEADER = "Sedna-Store"
_WATCH = {"watch": "1", "allowWatchBookmarks": "true"}


@dataclass(frozen=True)
class Listed:
    """What there is when a watch begins: the resources and the version from which a watch goes on."""

    items: list[dict[str, Any]]
    version: str
    store: str = ""
    """Which store of the GM it is from; empty where the GM does not say."""


@dataclass(frozen=True)
class Event:
    """One line of a watch: ADDED, MODIFIED, DELETED or BOOKMARK."""

    type: str
    resource: dict[str, Any]


class GmClient:
    """Safe for use by many threads. `close` ends every request that is under way.

    Args:
        address: the GM's URL.
        transport: how requests travel; a test may give a function.
        identity: as whom they are sent.
        trust: what judges the GM's certificate, where its URL is https.
    """

    def __init__(
        self,
        address: str,
        transport: httpx.BaseTransport | None = None,
        identity: Identity | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self.address = address.rstrip("/")
        self._identity = identity or Nobody()
        self._http = httpx.Client(
            base_url=self.address,
            transport=transport,
            verify=trust if trust is not None else True,
            timeout=_TIMEOUT_SECONDS,
            headers={"Accept": "application/json", "User-Agent": "sedna-lc"},
            # The GM is named in the configuration; a proxy of the shell must not come between.
            trust_env=False,
            limits=httpx.Limits(keepalive_expiry=KEPT_SECONDS),
        )
        self._lock = threading.Condition()
        self._streams: set[httpx.Response] = set()
        self._closed = False
        self._reachable: bool | None = None
        self.heard_at: float | None = None
        """When the GM last answered, in seconds since 1970."""
        # How often the GM has come back: whoever waits for it learns it from whoever reached it first.
        self._returns = 0

    @property
    def reachable(self) -> bool | None:
        """Whether the GM answered when it was last asked; None before the first answer."""
        return self._reachable

    def get(self, path: str) -> dict[str, Any]:
        """Read one resource."""
        return self._request("GET", path)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create something."""
        return self._request("POST", path, json=body)

    def put(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Replace something."""
        return self._request("PUT", path, json=body)

    def join(self, token: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Introduce a key of this node by a join token, whatever else this client shows."""
        return self._request("POST", "/join", as_whom=_Bearer(token), json=body)

    def ask_as(self, token: str | None, path: str) -> dict[str, Any]:
        """Read one resource by a certain token, or by none."""
        return self._request("GET", path, as_whom=_Bearer(token))

    def is_known_by(self, token: str, path: str) -> bool:
        """Whether the GM knows whose token this is. Raises GmUnavailable when its answer does not tell."""
        asking = _Bearer(token)
        try:
            self._request("GET", path, as_whom=asking)
        except (GmRefused, GmUnavailable, WatchTooOld) as problem:
            if asking.is_known:
                return True
            if isinstance(problem, GmUnavailable) and problem.code == httpx.codes.UNAUTHORIZED:
                return False
            if isinstance(problem, GmUnavailable):
                raise
            raise GmUnavailable(f"{self.address} does not tell whether it knows this node: {problem}") from problem
        return asking.is_known

    def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change something by a merge-patch."""
        content = json.dumps(body).encode()
        return self._request("PATCH", path, content=content, headers={"Content-Type": MERGE_PATCH})

    def upload(self, path: str, pieces: Iterable[bytes], begin: int, size: int, total: int) -> None:
        """Put `size` bytes of a file of `total` bytes, from byte `begin` on."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        if size < total:
            # No bytes at all: they have all come before, and are to be published.
            span = f"{begin}-{begin + size - 1}" if size else "*"
            headers["Content-Range"] = f"bytes {span}/{total}"
        # The answer to the last piece comes when the whole file has been verified.
        timeout = httpx.Timeout(_TIMEOUT_SECONDS, read=IDLE_SECONDS)
        self._request("PUT", path, content=pieces, headers=headers, timeout=timeout)

    def download(self, path: str, begin: int) -> Iterator[bytes]:
        """Yield the bytes of a file from byte `begin` on, as they come."""
        headers = {"Range": f"bytes={begin}-", "Accept": "application/octet-stream"} if begin else {}
        request = self._http.build_request("GET", path, headers=headers, timeout=_DOWNLOAD_IDLE_SECONDS)
        with self._open(request) as response:
            # A server that does not know ranges sends all of it again.
            skip = begin if response.status_code == httpx.codes.OK else 0
            pieces = response.iter_bytes()
            while True:
                try:
                    piece = next(pieces, None)
                except (httpx.HTTPError, httpx.StreamError) as problem:
                    raise self._broken(problem) from problem
                if piece is None:
                    return
                if len(piece) > skip:
                    yield piece[skip:]
                skip = max(0, skip - len(piece))

    def stream_out(self, path: str, pieces: Iterator[bytes]) -> None:
        """Post a body that is made while it is sent; may take for ever."""
        timeout = httpx.Timeout(_TIMEOUT_SECONDS, read=IDLE_SECONDS)
        self._request("POST", path, content=pieces, headers={"Content-Type": "text/plain"}, timeout=timeout)

    def list_and_watch(self, path: str, parameters: Parameters) -> Iterator[Listed | Event]:
        """Yield all resources of a kind, and then what changes, until the GM ends the stream; see `watch`."""
        query = {**parameters, **_WATCH, "sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        with self._stream(path, query, IDLE_SECONDS) as (store, lines):
            items: list[dict[str, Any]] = []
            events = map(self._event, lines)
            for event in events:
                metadata = event.resource.get("metadata") or {}
                if event.type == "ADDED":
                    items.append(event.resource)
                elif INITIAL_EVENTS_END in (metadata.get("annotations") or {}):
                    yield Listed(items, str(metadata.get("resourceVersion") or ""), store)
                    break
            else:
                raise GmUnavailable(f"{self.address} ended a watch before it had told what there is.")
            yield from events

    def watch(self, path: str, parameters: Parameters, since: str, store: str = "") -> Iterator[Event]:
        """Yield what changes from a version on, until the GM ends the stream.

        Raises WatchTooOld when the GM does not remember that version, or has another store than the one that it was
        a version of; GmUnavailable when the line breaks or is silent for too long.
        """
        query = {**parameters, **_WATCH, "resourceVersion": since}
        with self._stream(path, query, IDLE_SECONDS) as (found, lines):
            if store and found and found != store:
                raise WatchTooOld(f"the GlobalManager has another store now, {found}")
            yield from map(self._event, lines)

    def lines(self, path: str, parameters: Parameters, idle_seconds: float) -> Iterator[dict[str, Any]]:
        """Yield the JSON objects of a stream, one a line."""
        with self._stream(path, parameters, idle_seconds) as (_, lines):
            yield from lines

    def _event(self, line: dict[str, Any]) -> Event:
        kind, thing = line.get("type"), line.get("object")
        if not isinstance(kind, str) or not isinstance(thing, dict):
            raise GmUnavailable(f"{self.address} sent something that is no watch event.")
        if kind == "ERROR":
            if thing.get("code") == httpx.codes.GONE:
                raise WatchTooOld(str(thing.get("message")))
            raise GmUnavailable(str(thing.get("message") or "The watch ended with an error."))
        return Event(kind, thing)

    @property
    def returns(self) -> int:
        """How often the GM has come back so far; look at it before an attempt, for `rest`."""
        with self._lock:
            return self._returns

    def come_back(self) -> None:
        """Tell all who rest that another attempt is worth it."""
        with self._lock:
            self._returns += 1
            self._lock.notify_all()

    def rest(self, seconds: float, returns: int) -> None:
        """Wait before another attempt: so long, or until the GM has come back since `returns`, or until `close`."""
        least = min(seconds, _LEAST_REST_SECONDS)
        with self._lock:
            # One that comes and goes with every other request must not have them all ask without a pause.
            self._lock.wait_for(lambda: self._closed, timeout=least)
            self._lock.wait_for(lambda: self._closed or self._returns != returns, timeout=seconds - least)

    def close(self) -> None:
        """End all streams at once and let go of all connections."""
        with self._lock:
            self._closed = True
            self._lock.notify_all()
            for response in self._streams:
                _cut(response)
        self._http.close()

    @contextlib.contextmanager
    def _stream(
        self, path: str, parameters: Parameters, idle_seconds: float
    ) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
        """The store that a stream is of, if the GM says so, and its lines as they come."""
        timeout = httpx.Timeout(_TIMEOUT_SECONDS, read=idle_seconds)
        request = self._http.build_request("GET", path, params=parameters, timeout=timeout)
        with self._open(request) as response:
            yield response.headers.get(STORE_HEADER, ""), self._objects(response)

    def _objects(self, response: httpx.Response) -> Iterator[dict[str, Any]]:
        lines = response.iter_lines()
        while True:
            try:
                line = next(lines, None)
                if line is None:
                    return
                content = json.loads(line) if line.strip() else None
            except (httpx.HTTPError, httpx.StreamError, ValueError) as problem:
                raise self._broken(problem) from problem
            if isinstance(content, dict):
                yield content

    @contextlib.contextmanager
    def _open(self, request: httpx.Request) -> Iterator[httpx.Response]:
        response = self._send(request, stream=True)
        with self._lock:
            self._streams.add(response)
            if self._closed:
                _cut(response)
        try:
            yield response
        finally:
            with self._lock:
                self._streams.discard(response)
            response.close()

    def _request(self, method: str, path: str, as_whom: Identity | None = None, **options: Any) -> dict[str, Any]:
        request = self._http.build_request(method, path, **options)
        return self._read(self._send(request, stream=False, as_whom=as_whom))

    def _read(self, response: httpx.Response) -> dict[str, Any]:
        try:
            answer = response.json()
        except ValueError as problem:
            raise self._unavailable(problem) from problem
        self._note_reachable()
        return answer if isinstance(answer, dict) else {}

    def _send(self, request: httpx.Request, *, stream: bool, as_whom: Identity | None = None) -> httpx.Response:
        identity = as_whom or self._identity
        token = identity.bearer()
        try:
            response = self._show(request, token, stream=stream)
            if response.status_code == httpx.codes.UNAUTHORIZED:
                other = identity.refused(token)
                # A body that is made while it is sent cannot be sent twice; its sender tries again.
                if other is not None and isinstance(request.stream, httpx.ByteStream):
                    response.close()
                    token, response = other, self._show(request, other, stream=stream)
                    if response.status_code == httpx.codes.UNAUTHORIZED:
                        identity.refused(token)
            if response.is_success:
                if _is_a_page(response):
                    response.close()
                    raise self._unavailable(ValueError("a web page came in place of an answer"))
                if token is not None:
                    identity.accepted(token)
                if stream:
                    self._note_reachable()
                # Anything else has to be read first.
                return response
            message = _message_of(response)
            if token is not None and _is_for_the_known(response):
                identity.accepted(token)
        except (httpx.HTTPError, httpx.StreamError, RuntimeError) as problem:
            # RuntimeError: the client was closed by another thread, which is how stopping looks from here.
            if isinstance(problem, RuntimeError) and not self._closed and not isinstance(problem, httpx.StreamError):
                raise
            raise self._unavailable(problem) from problem
        self._note_reachable()
        raise _refusal(response, message)

    def _show(self, request: httpx.Request, token: str | None, *, stream: bool) -> httpx.Response:
        if token is not None:
            request.headers["Authorization"] = f"Bearer {token}"
        return self._http.send(request, stream=stream)

    def _unavailable(self, problem: Exception) -> GmUnavailable:
        text = explained(str(problem)) or type(problem).__name__
        with self._lock:
            first, self._reachable = self._reachable is not False, False
        if first and not self._closed:
            logger.warning("The GlobalManager at %s does not answer (%s); work here goes on.", self.address, text)
        return GmUnavailable(f"The GlobalManager at {self.address} does not answer: {text}.")

    def _broken(self, problem: Exception) -> GmUnavailable:
        """A line that breaks says nothing of the GM, which has answered on it; the next attempt tells.

        Were it taken for away, that attempt would be its return, and end each wait before another one.
        """
        text = explained(str(problem)) or type(problem).__name__
        return GmUnavailable(f"The line to the GlobalManager at {self.address} broke: {text}.")

    def _note_reachable(self) -> None:
        with self._lock:
            first, self._reachable = self._reachable is not True, True
            self.heard_at = time.time()
            if first:
                self._returns += 1
                self._lock.notify_all()
        if first:
            logger.info("The GlobalManager at %s answers.", self.address)


class _Bearer(Nobody):
    """Whoever has a certain token."""

    def __init__(self, token: str | None) -> None:
        self._token = token
        self.is_known = False

    def bearer(self) -> str | None:
        """Return it."""
        return self._token

    def accepted(self, token: str) -> None:  # noqa: ARG002 - it has only one
        """Remember it."""
        self.is_known = True


def _cut(response: httpx.Response) -> None:
    """Wake the thread that reads this stream: closing alone leaves it waiting for the peer."""
    stream = response.extensions.get("network_stream")
    connection = stream.get_extra_info("socket") if stream is not None else None
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def _is_a_page(response: httpx.Response) -> bool:
    """Whether this is for a person to look at: a proxy's words in the GM's place."""
    return str(response.headers.get("Content-Type", "")).startswith("text/html")


def _is_for_the_known(response: httpx.Response) -> bool:
    """Whether a refusal, which has been read, is one of our GM, and one that it has only for those it knows."""
    return response.status_code in _SAID_TO_THE_KNOWN and bool(_status_of(response))


def _status_of(response: httpx.Response) -> dict[str, Any]:
    """Return the Status object of a refusal, which has been read; {} where it is none, and so not our GM's word."""
    try:
        answer = response.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) and answer.get("kind") == "Status" else {}


def _message_of(response: httpx.Response) -> str:
    response.read()
    response.close()
    try:
        message = response.json().get("message")
    except (ValueError, AttributeError):
        message = None
    # A proxy's page of HTML says nothing that belongs into a log.
    return str(message)[:1000] if message else f"HTTP {response.status_code} without a reason"


def _causes_of(status: Mapping[str, Any]) -> frozenset[str]:
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    return frozenset(str(one.get("reason")) for one in causes or () if isinstance(one, dict))


def _refusal(response: httpx.Response, message: str) -> Exception:
    code, status = response.status_code, _status_of(response)
    if code == httpx.codes.GONE:
        return WatchTooOld(message)
    if code == httpx.codes.NOT_FOUND:
        return GmNotFound(code, message, ours=bool(status))
    if code == httpx.codes.CONFLICT:
        return GmConflict(code, message, ours=bool(status))
    if code in _PASSING or not httpx.codes.is_client_error(code):
        return GmUnavailable(message, _retry_after(response), answered=True, code=code, causes=_causes_of(status))
    return GmRefused(code, message, ours=bool(status))


def _retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else None
