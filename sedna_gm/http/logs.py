"""A worker's log, asked of its node while the caller waits and handed on piece by piece.

The node's end of the exchange is in `nodes`; both meet in `exchange`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from flask import Blueprint, Response, request, stream_with_context

from sedna.api.kinds import by_kind
from sedna_gm.errors import GMError
from sedna_gm.http import guarding, parameters
from sedna_gm.http.addresses import key_at
from sedna_gm.http.callers import hung_up, keep_probing
from sedna_gm.http.exchange import Question
from sedna_gm.http.parts import parts

_WORKER = by_kind("Worker")


def blueprint() -> Blueprint:
    """`…/workers/{name}/log`, and the same as `…/pods/{name}/log` for `kubectl logs`."""
    views = Blueprint("logs", __name__)
    for prefix in (f"/apis/{_WORKER.api_version}", "/api/v1"):
        plural = "pods" if prefix == "/api/v1" else _WORKER.plural
        rule = f"{prefix}/namespaces/<namespace>/{plural}/<name>/log"
        views.add_url_rule(rule, f"log of {plural}", _log)
    return views


def _log(namespace: str, name: str) -> Response:
    worker = parts().store.get(key_at(_WORKER, namespace, name))
    details = {
        "type": "log",
        "namespace": namespace,
        "name": name,
        "tailLines": parameters.number(request.args, "tailLines"),
        "follow": parameters.flag(request.args, "follow"),
    }
    exchange, settings = parts().exchange, parts().settings
    gone = guarding.lasting(hung_up(request.environ))
    leave = guarding.place()
    try:
        question = exchange.ask(worker["spec"]["nodeName"], details, settings.answer_seconds)
    except GMError:
        leave()
        raise
    keep_probing(request.environ)
    pieces = _pieces(question, settings.look_up_seconds, gone)
    response = Response(stream_with_context(pieces), mimetype="text/plain")
    response.call_on_close(lambda: exchange.drop(question))
    response.call_on_close(leave)
    return response


def _pieces(question: Question, look_up_seconds: float, gone: Callable[[], bool]) -> Iterator[bytes]:
    yield b""
    look_at = time.monotonic() + look_up_seconds
    while (piece := question.answer.read(look_up_seconds)) is not None:
        if piece:
            yield piece
        # A log that never pauses has to ask as well.
        if time.monotonic() >= look_at or not piece:
            if gone():
                return
            look_at = time.monotonic() + look_up_seconds
