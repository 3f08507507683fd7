"""One HTTP request with a deadline, and the LocalController's door for reports.

`sedna.service.reporting` sends through here; scripts may call `http_request` themselves. Every failure is
an exception that says what happened: nothing is logged and swallowed.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sedna.common.turns import short_turns
from sedna.service.tokens import own_token

if TYPE_CHECKING:
    import httpx

__all__ = ("LCClient", "RefusedError", "RequestError", "RetryError", "http_request")

DEFAULT_TIMEOUT_SECONDS = 30.0
# Answers that say "not now": the same request may succeed later.
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
# True of the body as it came over the wire, no longer of the decoded one.
_WIRE_HEADERS = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class RequestError(Exception):
    """A request that brought no usable answer."""


class RetryError(RequestError):
    """The other side could not be reached, or said "not now", until the deadline; try again later."""


class RefusedError(RequestError):
    """The other side answered and will not accept this request however often it is sent."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def backoff(first: float = 0.5, longest: float = 30.0) -> Iterator[float]:
    """Seconds to wait before each next try: doubling, each between half and the whole of its step.

    The jitter keeps the workers of a node from knocking at the same moment after an outage.
    """
    for attempt in itertools.count():
        step = min(longest, first * 2 ** min(attempt, 16))
        yield random.uniform(step / 2, step)  # noqa: S311 - spreads load, guards nothing


def http_request(
    url: str,
    method: str | None = None,
    timeout: float | None = None,
    binary: bool = True,
    no_decode: bool = False,
    *,
    tries: int = 5,
    **kwargs: Any,
) -> Any:
    """Send one request, GET unless `method` says otherwise, and return the answer of a 2xx.

    `timeout`: seconds for the whole call with its retries, 30 by default. The answer is parsed JSON; text
    with `binary=False`; the `httpx.Response` with `no_decode=True`. Other keywords go to httpx (`json`,
    `data`, `files`, `params`, `headers`). Up to `tries` attempts when the other side cannot be reached or
    says "not now".

    Raises RetryError when no attempt brought an answer in time, RefusedError (with `status`) on any other
    answer than 2xx, ValueError when the answer is not JSON.
    """
    deadline = time.monotonic() + (timeout or DEFAULT_TIMEOUT_SECONDS)
    verb = (method or "GET").upper()
    problem: Exception | None = None
    pauses: Iterable[float] = itertools.chain([0.0], itertools.islice(backoff(), tries - 1))
    for pause in pauses:
        if time.monotonic() + pause >= deadline:
            break
        time.sleep(pause)
        try:
            response = _once(verb, url, deadline, kwargs)
        except RetryError as failed:
            problem = failed
            continue
        if no_decode:
            return response
        return response.json() if binary else response.text
    raise RetryError(f"{verb} {url} brought no answer: {problem or 'the time is over'}") from problem


def _once(verb: str, url: str, deadline: float, kwargs: Mapping[str, Any]) -> httpx.Response:
    # httpx costs a tenth of a second to import, which a worker without reports need not pay; and the script of one
    # with reports goes on meanwhile.
    with short_turns():
        from sedna.common.requesting import httpx

    left = max(0.001, deadline - time.monotonic())
    try:
        # Not the environment's proxy for the own host: reports go over loopback.
        with (
            httpx.Client(timeout=left, trust_env=not _is_loopback(url), follow_redirects=True) as client,
            client.stream(verb, url, **kwargs) as streamed,
        ):
            parts = []
            for part in streamed.iter_bytes():
                parts.append(part)
                # httpx limits the wait for each part; a peer that sends byte by byte would outlast it.
                if time.monotonic() > deadline:
                    raise RetryError(f"{verb} {url} was not answered in time")
    except (httpx.TransportError, httpx.TooManyRedirects) as problem:
        raise RetryError(f"{verb} {url}: {type(problem).__name__} {problem}".rstrip()) from problem
    headers = [(name, value) for name, value in streamed.headers.items() if name not in _WIRE_HEADERS]
    response = httpx.Response(streamed.status_code, headers=headers, content=b"".join(parts), request=streamed.request)
    if response.is_success:
        return response
    text = f"{verb} {url} was answered {response.status_code}: {response.text[:500]}"
    if response.status_code in _AGAIN:
        raise RetryError(text)
    raise RefusedError(text, response.status_code)


def _is_loopback(url: str) -> bool:
    import httpx

    host = httpx.URL(url).host
    return host in {"localhost", "::1"} or host.startswith("127.")


class LCClient:
    """The LocalController's door for workers."""

    @classmethod
    def send(cls, lc_server: str, worker_name: str, message: Mapping[str, Any], timeout: float | None = None) -> Any:
        """Hand one report over and return the reply's JSON; one attempt, at most `timeout` seconds.

        It goes with this worker's token, where the LocalController handed one over. Raises as `http_request` does.
        Reports of a worker go through `sedna.service.reporting`, which keeps trying; this is the single attempt.
        """
        return _post(lc_server, worker_name, "info", message, timeout)

    @classmethod
    def tell(cls, lc_server: str, worker_name: str, news: Mapping[str, Any], timeout: float | None = None) -> Any:
        """Say how things stand, and return the reply's JSON; the rest as for `send`.

        Raises RefusedError where the LocalController is an older one. `sedna.service.news` calls it.
        """
        return _post(lc_server, worker_name, "progress", news, timeout)


def _post(lc_server: str, worker_name: str, what: str, message: Mapping[str, Any], timeout: float | None) -> Any:
    url = f"{lc_server.rstrip('/')}/sedna/workers/{quote(worker_name, safe='')}/{what}"
    try:
        token = own_token()
    except OSError as problem:
        raise RetryError(f"this worker's token cannot be read: {problem}") from problem
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return http_request(url, method="POST", timeout=timeout, tries=1, json=dict(message), headers=headers)
