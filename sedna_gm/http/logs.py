"""A worker's log, asked of its node while the caller waits and handed on piece by piece.

The node's end of the exchange is in `nodes`; both meet in `exchange`. A worker that is gone is looked for in the
records of rounds (`ended`), and its node may have kept what it printed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

from flask import Blueprint, Response, request, stream_with_context

from sedna.api.kinds import by_kind
from sedna_gm.errors import NodeFailed, NodeSilent, NotFound
from sedna_gm.http import guarding, parameters
from sedna_gm.http.addresses import key_at
from sedna_gm.http.asking import checked, parsed
from sedna_gm.http.callers import hung_up
from sedna_gm.http.ended import EndedWorker, find_ended
from sedna_gm.http.exchange import Question
from sedna_gm.http.parts import parts

_WORKER = by_kind("Worker")
# Of the line in which a node says whether it has the log of a worker that is gone.
_HEAD_BYTES = 64 * 1024


def blueprint() -> Blueprint:
    """`…/workers/{name}/log`, and the same as `…/pods/{name}/log` for `kubectl logs`."""
    views = Blueprint("logs", __name__)
    for prefix in (f"/apis/{_WORKER.api_version}", "/api/v1"):
        plural = "pods" if prefix == "/api/v1" else _WORKER.plural
        rule = f"{prefix}/namespaces/<namespace>/{plural}/<name>/log"
        views.add_url_rule(rule, f"log of {plural}", _log)
    return views


def _log(namespace: str, name: str) -> Response:
    try:
        worker = parts().store.get(key_at(_WORKER, namespace, name))
    except NotFound:
        ended = find_ended(parts().store, namespace, name)
        tail = parameters.number(request.args, "tailLines")
        # Nothing more will come, so that to follow it is to read it.
        kept = {"type": "ended-log", "namespace": namespace, "name": name, "roundId": ended.round_id, "tailLines": tail}
        return _asked(ended.node, kept, ended)
    details = {
        "type": "log",
        "namespace": namespace,
        "name": name,
        "tailLines": parameters.number(request.args, "tailLines"),
        "follow": parameters.flag(request.args, "follow"),
    }
    return _asked(worker["spec"]["nodeName"], details)


def _asked(node: str, details: dict[str, Any], ended: EndedWorker | None = None) -> Response:
    exchange, settings = parts().exchange, parts().settings
    gone = guarding.lasting(hung_up(request.environ))
    with ExitStack() as undo:
        leave = guarding.place()
        undo.callback(leave)
        question = exchange.ask(node, details, settings.answer_seconds)
        undo.callback(exchange.drop, question)
        begun = b"" if ended is None else _after_the_head(ended, question, settings.answer_seconds)
        undo.pop_all()
    pieces = _pieces(question, settings.look_up_seconds, gone, begun)
    response = Response(stream_with_context(pieces), mimetype="text/plain")
    response.call_on_close(lambda: exchange.drop(question))
    response.call_on_close(leave)
    return response


def _after_the_head(worker: EndedWorker, question: Question, patience: float) -> bytes:
    """What came of the log together with the answer's first line, which says whether there is one.

    Raises NotFound when the node has nothing of this worker, NodeSilent, NodeFailed.
    """
    found = bytearray()
    ends = time.monotonic() + patience
    while b"\n" not in found and len(found) < _HEAD_BYTES:
        left = ends - time.monotonic()
        if left <= 0:
            raise NodeSilent(f"Node {worker.node} has not begun its answer within {patience:g} s.")
        piece = question.answer.read(left)
        if piece is None:
            break
        found += piece
    head, _, begun = bytes(found).partition(b"\n")
    whose = f"Worker {worker.name} is gone, with round {worker.round} of job {worker.job}"
    try:
        checked(worker.node, parsed(worker.node, head))
    except NotFound as problem:
        raise NotFound(f"{whose}. {problem.message}", kind=_WORKER.name, name=worker.name) from problem
    except NodeFailed as problem:
        raise NodeFailed(f"{whose}, and its log cannot be had. {problem.message}") from problem
    return begun


def _pieces(question: Question, look_up_seconds: float, gone: Callable[[], bool], begun: bytes) -> Iterator[bytes]:
    yield begun
    look_at = time.monotonic() + look_up_seconds
    while (piece := question.answer.read(look_up_seconds)) is not None:
        if piece:
            yield piece
        # A log that never pauses has to ask as well.
        if time.monotonic() >= look_at or not piece:
            if gone():
                return
            look_at = time.monotonic() + look_up_seconds
