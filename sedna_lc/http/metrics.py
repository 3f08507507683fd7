"""`GET /metrics` beside the door's own route, and alone behind an address of its own for a scraper elsewhere.

`beside` wraps the door's application and counts its answers to reports; `alone` serves nothing but the page, and asks
for the token that a file holds. Both read only.
"""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from pathlib import Path

from sedna_lc.http.door import Application, Environ, StartResponse, answer_body

logger = logging.getLogger(__name__)

PATH = "/metrics"
_REPORT = re.compile(r"/sedna/workers/[^/]+/info/?")
_JSON = "application/json"

Page = Callable[[], tuple[str, bytes]]
"""Content type and content."""


def beside(application: Application, page: Page, answered: Callable[[int], None]) -> Application:
    """Return the application with `/metrics` added; `answered` hears the code of each answer to a report."""

    def with_metrics(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == PATH:
            return _serve(environ, start_response, page)

        def counted(status: str, headers: list[tuple[str, str]]) -> object:
            if _REPORT.fullmatch(environ["PATH_INFO"]):
                answered(int(status.partition(" ")[0]))
            return start_response(status, headers)

        return application(environ, counted)

    return with_metrics


def alone(page: Page, token_file: Path | None) -> Application:
    """Return an application that has only `/metrics`, for who shows the token in the file, if there is one."""

    def only_metrics(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH:
            return _refuse(start_response, HTTPStatus.NOT_FOUND, f"there is only GET {PATH}")
        if token_file is not None:
            try:
                token = token_file.read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as problem:
                logger.warning("metrics.tokenFile: %s cannot be read: %s", token_file, problem)
                token = ""
            if not token:
                return _refuse(start_response, HTTPStatus.SERVICE_UNAVAILABLE, "the token file holds no token")
            if not _shows(environ, token):
                return _refuse(start_response, HTTPStatus.UNAUTHORIZED, "this is not the token of the scraper")
        return _serve(environ, start_response, page)

    return only_metrics


def _shows(environ: Environ, token: str) -> bool:
    scheme, _, shown = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(shown.strip().encode("latin-1"), token.encode())


def _serve(environ: Environ, start_response: StartResponse, page: Page) -> Iterable[bytes]:
    method = environ["REQUEST_METHOD"]
    if method not in ("GET", "HEAD"):
        return _refuse(start_response, HTTPStatus.METHOD_NOT_ALLOWED, f"{method} is not possible here, only GET, HEAD")
    try:
        content_type, content = page()
    except Exception:
        logger.exception("The metrics cannot be told.")
        return _refuse(start_response, HTTPStatus.SERVICE_UNAVAILABLE, "the metrics cannot be told; see the log")
    start_response("200 OK", [("Content-Type", content_type), ("Content-Length", str(len(content)))])
    return [content]


def _refuse(start_response: StartResponse, status: HTTPStatus, message: str) -> Iterable[bytes]:
    body = answer_body(status, message)
    headers = [("Content-Type", _JSON), ("Content-Length", str(len(body)))]
    if status == HTTPStatus.UNAUTHORIZED:
        headers.append(("WWW-Authenticate", "Bearer"))
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]
