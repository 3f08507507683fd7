"""The door's application: the original's one route, answered only after what came in is durable.

    POST /sedna/workers/<name>/info    a report; handed to `accept`, then {"Status": 200, "Message": "OK"}
    GET  /healthz                      whether the door is open

Everything else gets an answer that says what is wrong. Size and pace are the server's concern (`serving`).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError

from sedna.api.workers import WorkerReport
from sedna_lc.errors import LcError

logger = logging.getLogger(__name__)

MOST_BYTES = 1 << 20
_INFO = re.compile(r"/sedna/workers/([^/]+)/info/?")

Environ = Mapping[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]
Accept = Callable[[WorkerReport], None]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class Refusal(LcError):
    """An answer other than OK; its text is for whoever sent the request."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def make_application(accept: Accept) -> Application:
    """Return the application. `accept` keeps a report durably.

    It raises LookupError for an unknown worker, ValueError for a report that does not fit its worker.
    """

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            status, message = HTTPStatus.OK, _answer(environ, accept)
        except Refusal as refusal:
            status, message = refusal.status, str(refusal)
            logger.info("%s %s: %s %s", environ["REQUEST_METHOD"], environ["PATH_INFO"], status.value, message)
        except Exception:
            # Disk full, database locked: the library keeps the report and comes again.
            logger.exception("A report could not be kept.")
            status, message = HTTPStatus.SERVICE_UNAVAILABLE, "the report could not be kept, send it again"
        body = answer_body(status, message)
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    return application


def answer_body(status: int, message: str) -> bytes:
    """Return the one shape that every answer has."""
    return json.dumps({"Status": int(status), "Message": message}).encode()


def _answer(environ: Environ, accept: Accept) -> str:
    path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
    if path == "/healthz":
        _allow(method, "GET", "HEAD")
        return "OK"
    found = _INFO.fullmatch(path)
    if found is None:
        raise Refusal(HTTPStatus.NOT_FOUND, "there is only POST /sedna/workers/<name>/info and GET /healthz")
    _allow(method, "POST")
    report = _read(environ)
    name = found[1]
    if report.name != name:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"the report is of {report.name!r}, the address of {name!r}")
    try:
        accept(report)
    except LookupError as unknown:
        raise Refusal(HTTPStatus.NOT_FOUND, str(unknown)) from unknown
    except ValueError as wrong:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"the report does not fit its worker: {wrong}") from wrong
    return "OK"


def _allow(method: str, *allowed: str) -> None:
    if method not in allowed:
        raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"{method} is not possible here, only {', '.join(allowed)}")


def _read(environ: Environ) -> WorkerReport:
    data = environ["wsgi.input"].read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a report has at most {MOST_BYTES} bytes")
    try:
        content = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as problem:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {problem}") from problem
    try:
        return WorkerReport.model_validate(content)
    except ValidationError as problem:
        told = "; ".join(
            f"{'.'.join(str(step) for step in error['loc']) or 'the report'}: {error['msg']}"
            for error in problem.errors(include_url=False, include_input=False)
        )
        raise Refusal(HTTPStatus.BAD_REQUEST, f"the report is malformed: {told}") from problem


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
