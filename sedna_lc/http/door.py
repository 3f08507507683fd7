"""The door's application: the original's one route, answered only after what came in is durable, and a quicker one.

    POST /sedna/workers/<name>/info       a report; handed to `accept`, then {"Status": 200, "Message": "OK"}.
                                          `Authorization: Bearer <token>` proves who sends it
    POST /sedna/workers/<name>/progress   how things stand, by the same token; only the newest counts
    GET  /healthz                         whether the door is open

Everything else gets an answer that says what is wrong. Size and pace are the server's concern (`serving`).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic import ValidationError

from sedna.api.workers import WorkerNews, WorkerReport
from sedna_lc.errors import LcError
from sedna_lc.state.stores import Key

logger = logging.getLogger(__name__)

MOST_BYTES = 1 << 20
MOST_NEWS_BYTES = 64 << 10
"""News come often, and say little."""
_ADDRESS = re.compile(r"/sedna/workers/([^/]+)/(info|progress)/?")

Environ = Mapping[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]
Accept = Callable[[WorkerReport, bool], None]
Hear = Callable[[WorkerNews, bool], None]
Told = TypeVar("Told", WorkerReport, WorkerNews)
OwnerOf = Callable[[str], Key | None]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class Refusal(LcError):
    """An answer other than OK; its text is for whoever sent the request."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def make_application(accept: Accept, owner_of: OwnerOf, hear: Hear | None = None) -> Application:
    """Return the application.

    Args:
        accept: keeps a report durably; it is told whether the worker's token came with it. It raises LookupError for an
            unknown worker, PermissionError for one that has to show its token, ValueError for a report that does not
            fit its worker.
        owner_of: says whose token a text is; None for nobody's.
        hear: passes on how things stand; it is told the same as `accept`, and raises the same. None: nobody listens.
    """

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            status, message = HTTPStatus.OK, _answer(environ, accept, owner_of, hear)
        except Refusal as refusal:
            status, message = refusal.status, str(refusal)
            # As Python writes them: whoever sends a line end must not write a line of the log.
            logger.info("%r %r: %s %s", environ["REQUEST_METHOD"], environ["PATH_INFO"], status.value, message)
        except Exception:
            # Disk full, database locked: the library keeps the report and comes again.
            logger.exception("A report could not be kept.")
            status, message = HTTPStatus.SERVICE_UNAVAILABLE, "the report could not be kept, send it again"
        body = answer_body(status, message)
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        if status == HTTPStatus.UNAUTHORIZED:
            headers.append(("WWW-Authenticate", "Bearer"))
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    return application


def answer_body(status: int, message: str) -> bytes:
    """Return the one shape that every answer has."""
    return json.dumps({"Status": int(status), "Message": message}).encode()


def _answer(environ: Environ, accept: Accept, owner_of: OwnerOf, hear: Hear | None) -> str:
    path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
    if path == "/healthz":
        _allow(method, "GET", "HEAD")
        return "OK"
    found = _ADDRESS.fullmatch(path)
    if found is None or (found[2] == "progress" and hear is None):
        there = "POST /sedna/workers/<name>/info, POST /sedna/workers/<name>/progress and GET /healthz"
        raise Refusal(HTTPStatus.NOT_FOUND, f"there is only {there}")
    _allow(method, "POST")
    name, what = found.groups()
    sender = _sender(environ, owner_of)
    if sender is not None and sender[1] != name:
        raise Refusal(HTTPStatus.FORBIDDEN, f"this is the token of worker {sender[1]}, which reports for itself only")
    if what == "info":
        report = _read(environ, WorkerReport, MOST_BYTES)
        _check_sender(report, name, sender)
        _hand_on(accept, report, sender is not None)
    elif hear is not None:
        news = _read(environ, WorkerNews, MOST_NEWS_BYTES)
        _check_sender(news, name, sender)
        _hand_on(hear, news, sender is not None)
    return "OK"


def _check_sender(told: WorkerReport | WorkerNews, name: str, sender: Key | None) -> None:
    if told.name != name:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"the report is of {told.name!r}, the address of {name!r}")
    if sender is not None and sender[0] != told.namespace:
        whose = f"worker {sender[1]} in namespace {sender[0]}"
        raise Refusal(HTTPStatus.FORBIDDEN, f"this is the token of {whose}, which reports for itself only")


def _hand_on(accept: Callable[[Told, bool], None], told: Told, proven: bool) -> None:
    try:
        accept(told, proven)
    except LookupError as unknown:
        raise Refusal(HTTPStatus.NOT_FOUND, str(unknown)) from unknown
    except PermissionError as unproven:
        raise Refusal(HTTPStatus.UNAUTHORIZED, str(unproven)) from unproven
    except ValueError as wrong:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"the report does not fit its worker: {wrong}") from wrong


def _sender(environ: Environ, owner_of: OwnerOf) -> Key | None:
    """Who sends a request, by its token; None where it shows none. Looked at before the body is."""
    shown = environ.get("HTTP_AUTHORIZATION")
    if shown is None:
        return None
    scheme, _, token = shown.partition(" ")
    owner = owner_of(token.strip()) if scheme.lower() == "bearer" else None
    if owner is None:
        raise Refusal(HTTPStatus.UNAUTHORIZED, "this is not the token of a worker on this node")
    return owner


def _allow(method: str, *allowed: str) -> None:
    if method not in allowed:
        raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"{method} is not possible here, only {', '.join(allowed)}")


def _read(environ: Environ, model: type[Told], most_bytes: int) -> Told:
    data = environ["wsgi.input"].read(most_bytes + 1)
    if len(data) > most_bytes:
        raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a report of this kind has at most {most_bytes} bytes")
    try:
        content = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as problem:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {problem}") from problem
    try:
        return model.model_validate(content)
    except ValidationError as problem:
        told = "; ".join(
            f"{'.'.join(str(step) for step in error['loc']) or 'the report'}: {error['msg']}"
            for error in problem.errors(include_url=False, include_input=False)
        )
        raise Refusal(HTTPStatus.BAD_REQUEST, f"the report is malformed: {told}") from problem


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
