"""The one place where answers are written: resources, warnings, and errors as Status objects."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import Any

import yaml
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from sedna.api.status import failure
from sedna_gm.errors import GMError
from sedna_gm.http.media import JSON, YAML, Form, wanted

logger = logging.getLogger(__name__)

# Some proxies refuse longer headers; Kubernetes cuts at the same lengths.
_WARNING_LENGTH = 256
_WARNINGS_LENGTH = 4096
# Made once: `json.dumps` would make one for each answer.
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
# Reasons of errors that werkzeug finds before any view of ours.
_REASONS = {400: "BadRequest", 404: "NotFound", 405: "MethodNotAllowed", 413: "RequestEntityTooLarge"}


def dump_json(value: Any) -> bytes:
    """Compact JSON in ASCII, which carries every text there is."""
    return _encode(value).encode("ascii")


def answer(value: Any, code: int = 200, warnings: Iterable[str] = ()) -> Response:
    """A resource, list or Status, in the form that the client asked for."""
    if wanted(request.headers.get("Accept", "")) is Form.YAML:
        response = Response(dump_yaml(value), code, mimetype=YAML)
    else:
        response = Response(dump_json(value) + b"\n", code, mimetype=JSON)
    for header in warning_headers(warnings):
        response.headers.add("Warning", header)
    return response


def warning_headers(warnings: Iterable[str]) -> list[str]:
    """`299 - "…"` for each warning; kubectl prints them on stderr."""
    headers: list[str] = []
    for warning in dict.fromkeys(warnings):
        text = "".join(character if character.isprintable() else " " for character in warning)[:_WARNING_LENGTH]
        text = text.replace("\\", "\\\\").replace('"', '\\"')
        # Headers are bytes: UTF-8 in the disguise that WSGI asks for.
        header = f'299 - "{text.encode(errors="replace").decode("latin-1")}"'
        if sum(map(len, headers)) + len(header) > _WARNINGS_LENGTH:
            break
        headers.append(header)
    return headers


class _Dumper(yaml.SafeDumper):
    """YAML that readers of 1.1 and of 1.2 understand alike."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # `0o17` and `1e3` are texts for YAML 1.1 and numbers for 1.2: whatever begins like a number gets quotes.
    style = "'" if text[:1] in "+-.0123456789" and text else None
    if "\n" in text and all(character.isprintable() or character == "\n" for character in text):
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def dump_yaml(value: Any) -> bytes:
    """Block style, keys in their order."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=False, width=120)
    return text.encode("ascii")


def status_of(error: GMError) -> dict[str, Any]:
    """The Status object of an error."""
    return failure(error.code, error.reason, error.message, error.details())


def install_error_handlers(app: Flask) -> None:
    """Every failure of every view ends in one of these."""
    app.register_error_handler(GMError, _ours)
    app.register_error_handler(HTTPException, _werkzeugs)
    app.register_error_handler(Exception, _bug)


def _ours(error: GMError) -> Response:
    # For the audit log. What a body holds may be quoted in other sentences, so that of those only the key goes there.
    # The first sentence: what follows tells the caller how to do better.
    g.reason = error.message.partition(". ")[0] if error.code in (401, 403) else error.reason
    response = _status(error.code, status_of(error))
    response.headers.extend(error.headers)
    if error.code == 503:
        # Clients of Kubernetes wait so many seconds and ask again by themselves.
        response.headers["Retry-After"] = "1"
    return response


def _werkzeugs(error: HTTPException) -> Response:
    code = error.code or 500
    if code < 400:
        # A redirect is not a failure: it is an HTTP answer as it stands.
        return Response(error.get_body(), code, dict(error.get_headers()))
    if code == 404:
        message = f"There is nothing at {request.path}. The API's own list of what there is: /apis."
    elif isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        message = f"{request.method} is not offered at {request.path}; what is: {allowed}."
    else:
        message = error.description or "The request cannot be served."
    response = _status(code, failure(code, _REASONS.get(code, "Unknown"), message))
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def _bug(error: Exception) -> Response:
    logger.error("Serving %s %s failed: this is a bug.", request.method, request.path, exc_info=error)
    return _status(500, failure(500, "InternalError", "The server has made a mistake; its log tells more."))


def _status(code: int, status: dict[str, Any]) -> Response:
    """An error is written even for a client that accepts nothing we have."""
    accept = request.headers.get("Accept", "").lower()
    if "yaml" in accept and "json" not in accept:
        return Response(dump_yaml(status), code, mimetype=YAML)
    return Response(dump_json(status) + b"\n", code, mimetype=JSON)
