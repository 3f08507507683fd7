"""A node is asked for one document, and its answer read whole. Logs, which have no end, are `logs`' own.

The node's end of the exchange is in `nodes`; both meet in `exchange`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from sedna_gm.errors import Conflict, Forbidden, GMError, NodeFailed, NodeSilent, NotFound, Refused, TooLarge
from sedna_gm.http import guarding
from sedna_gm.http.exchange import Question
from sedna_gm.http.parts import parts

MOST_BYTES = 32 * 1024 * 1024
"""Of an answer: it is held in memory for as long as somebody waits for it."""
_SECONDS = 60.0
"""For the whole of an answer: pictures come over poor lines, and nobody looks at a page for longer."""
# What a node may say of a question, in the words of HTTP; whatever else it says is its own failure.
_SAID: Mapping[int, type[GMError]] = {each.code: each for each in (Forbidden, NotFound, Conflict, TooLarge, Refused)}


def ask_document(node: str, details: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON object that a node answers with; `details` has the `type` of the question.

    Raises NodeSilent when it does not answer in time, NodeFailed when it cannot, and what the node says is wrong with
    the question as the GMError of that status.
    """
    return checked(node, parsed(node, ask_bytes(node, details)))


def checked(node: str, document: dict[str, Any]) -> dict[str, Any]:
    """The same object. Raises what the node says in it is wrong as the GMError of that status, or NodeFailed."""
    error = document.get("error")
    if isinstance(error, dict):
        message = f"Node {node}: {error.get('message') or error.get('reason') or 'it gives no reason.'}"
        code = error.get("code")
        more = {name: value for name, value in error.items() if name not in ("code", "message")}
        raise _SAID.get(code if isinstance(code, int) else 0, NodeFailed)(message, more=more)
    return document


def ask_bytes(node: str, details: Mapping[str, Any]) -> bytes:
    """A node's answer as it comes. Raises NodeSilent, NodeFailed."""
    exchange, settings = parts().exchange, parts().settings
    leave = guarding.place()
    try:
        question = exchange.ask(node, details, settings.answer_seconds)
        try:
            return _read(node, question, settings.look_up_seconds)
        finally:
            exchange.drop(question)
    finally:
        leave()


def _read(node: str, question: Question, look_up_seconds: float) -> bytes:
    ends = time.monotonic() + _SECONDS
    found = bytearray()
    while (piece := question.answer.read(look_up_seconds)) is not None:
        found += piece
        if len(found) > MOST_BYTES:
            raise NodeFailed(f"Node {node} answered with more than {MOST_BYTES} bytes.")
        if time.monotonic() > ends:
            raise NodeSilent(f"Node {node} has not come to the end of its answer within {_SECONDS:g} s.")
    return bytes(found)


def parsed(node: str, body: bytes) -> dict[str, Any]:
    """An answer as an object. Raises NodeFailed."""
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        # An older one answers what it does not know with a sentence, as if it were a log.
        said = body[:200].decode("utf-8", "replace").strip()
        raise NodeFailed(f"Node {node} does not understand the question, or its answer was cut off: {said!r}.")
    return document
