"""What only LocalControllers ask for: to be counted as alive, and what somebody wants to know of their host."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from flask import Blueprint, Response, request

from sedna.api.kinds import by_kind
from sedna_gm.http import guarding, parameters, repeats, streams, watching
from sedna_gm.http.addresses import key_at
from sedna_gm.http.answers import answer, dump_json
from sedna_gm.http.callers import hung_up
from sedna_gm.http.exchange import Exchange
from sedna_gm.http.parts import parts
from sedna_gm.http.streams import Stream
from sedna_gm.http.uploads import pieces
from sedna_gm.settings import HttpSettings

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
    heartbeats = parts().heartbeats
    heartbeats.beat(name)

    def again() -> bool:
        # One that was deleted is forgotten here as well.
        if heartbeats.last(name) is None:
            return False
        heartbeats.beat(name)
        return True

    repeats.offer(again)
    return answer({"intervalSeconds": HEARTBEAT_SECONDS})


def _questions(name: str) -> Response:
    settings = parts().settings
    seconds = watching.patience(parameters.number(request.args, "timeoutSeconds"), settings)
    gone = guarding.lasting(hung_up(request.environ))
    leave = guarding.place()
    return streams.answer(QuestionStream(parts().exchange, name, seconds, settings, gone, leave))


class QuestionStream(Stream):
    """The questions to one node, as JSON lines; an empty line now and then, by which the node knows that we live."""

    def __init__(
        self,
        exchange: Exchange,
        node: str,
        seconds: float,
        settings: HttpSettings,
        gone: Callable[[], bool],
        leave: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """It lasts `seconds`, or until its client is `gone`; `leave` is called at its end."""
        self._exchange = exchange
        self._node = node
        self._settings = settings
        self._gone = gone
        self._leave = leave
        self._unsubscribe: Callable[[], None] = _nothing
        self._monotonic = monotonic
        self._looked = monotonic()
        self._end = self._looked + seconds
        self._next_word = self._looked + settings.bookmark_seconds

    def take(self) -> Iterator[bytes]:
        """See `Stream.take`."""
        self._looked = now = self._monotonic()
        self.over = now >= self._end or self._exchange.closed or self._gone()
        # One that is over takes no question: a LocalController that was just started again listens on another line.
        while not self.over and (question := self._exchange.next(self._node)) is not None:
            yield dump_json(question.dump()) + b"\n"
        if now >= self._next_word:
            self._next_word = now + self._settings.bookmark_seconds
            yield b"\n"

    @property
    def due(self) -> float:
        """See `Stream.due`."""
        return min(self._looked + self._settings.look_up_seconds, self._end, self._next_word)

    def subscribe(self, listener: Callable[[], None]) -> None:
        """See `Stream.subscribe`."""
        self._unsubscribe = self._exchange.subscribe(self._node, listener)

    def close(self) -> None:
        """See `Stream.close`."""
        self._unsubscribe()
        self._leave()


def _nothing() -> None:
    """For a stream that was closed before anybody listened."""


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
