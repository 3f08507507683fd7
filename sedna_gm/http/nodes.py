"""What only LocalControllers ask for: to be counted as alive, and what somebody wants to know of their host."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from flask import Blueprint, Response, request, stream_with_context

from sedna.api.kinds import by_kind
from sedna_gm.http import guarding, parameters, watching
from sedna_gm.http.addresses import key_at
from sedna_gm.http.answers import answer, dump_json
from sedna_gm.http.callers import hung_up, keep_probing
from sedna_gm.http.exchange import Exchange
from sedna_gm.http.media import JSON
from sedna_gm.http.parts import parts
from sedna_gm.http.uploads import pieces

_NODE = by_kind("Node")
# Told to the node in each answer, so that one place decides. Four may be missed before it counts as silent.
HEARTBEAT_SECONDS = 10
# A reader that takes nothing for this long is as good as gone, and the node shall not wait for it.
_READER_PATIENCE = 60.0


def blueprint() -> Blueprint:
    """`…/nodes/{name}/heartbeat` and `…/nodes/{name}/requests`."""
    views = Blueprint("nodes", __name__)
    base = f"/apis/{_NODE.api_version}/{_NODE.plural}/<name>"
    views.add_url_rule(f"{base}/heartbeat", view_func=_heartbeat, methods=["POST"])
    views.add_url_rule(f"{base}/requests", view_func=_questions)
    views.add_url_rule(f"{base}/requests/<question_id>", view_func=_answer, methods=["POST"])
    return views


def _heartbeat(name: str) -> Response:
    # 404 makes the node introduce itself again, with everything it knows.
    parts().store.get(key_at(_NODE, None, name))
    parts().heartbeats.beat(name)
    return answer({"intervalSeconds": HEARTBEAT_SECONDS})


def _questions(name: str) -> Response:
    settings = parts().settings
    seconds = watching.patience(parameters.number(request.args, "timeoutSeconds"), settings)
    gone = guarding.lasting(hung_up(request.environ))
    leave = guarding.place()
    keep_probing(request.environ)
    lines = _lines(parts().exchange, name, seconds, settings.look_up_seconds, gone)
    response = Response(stream_with_context(lines), mimetype=JSON)
    response.call_on_close(leave)
    return response


def _lines(
    exchange: Exchange, node: str, seconds: float, look_up_seconds: float, gone: Callable[[], bool]
) -> Iterator[bytes]:
    yield b""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not exchange.closed and not gone():
        question = exchange.next(node, min(look_up_seconds, left))
        if question is not None:
            yield dump_json(question.dump()) + b"\n"


def _answer(name: str, question_id: str) -> Response:
    question = parts().exchange.answering(name, question_id)
    told: dict[str, Any] = {"bytes": 0, "complete": True}
    try:
        for piece in pieces(request.environ):
            if not question.answer.write(piece, _READER_PATIENCE):
                # Nobody reads any more. The node learns it by this answer, while it still sends.
                told["complete"] = False
                break
            told["bytes"] += len(piece)
    finally:
        question.answer.finish()
    response = answer(told)
    if not told["complete"]:
        response.headers["Connection"] = "close"
    return response
