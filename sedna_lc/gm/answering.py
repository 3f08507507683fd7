"""Answers what somebody asked the GM about this node: the log of a worker, streamed while it grows, or a document.

The GM cannot dial in, so the LC holds a stream of questions open and posts each answer on a connection of its own. What
there is to ask is a table that `sedna_lc.daemon.wiring` makes: a type of question, and who answers it.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sedna_lc.errors import Again, GmRefused, LcError, Never
from sedna_lc.gm.clients import GmClient
from sedna_lc.gm.pauses import Pauses
from sedna_lc.state.letters import API

logger = logging.getLogger(__name__)

# The GM says an empty line every minute while nobody asks; a line that is silent for longer is dead, whatever TCP says.
_IDLE_SECONDS = 120.0
# Whoever follows a silent log and hangs up is noticed at the next line only; the oldest one makes room.
_MOST_ANSWERS = 32

Question = Mapping[str, Any]
"""What is asked: `type`, and what else that type needs."""
Answer = Callable[[Question, threading.Event], Iterator[bytes]]
"""(question, stop) → the answer in pieces."""
ReadLog = Callable[[str, str, int | None, bool, threading.Event], Iterator[bytes]]
"""(namespace, worker, how many last lines, follow, stop) → the log in pieces; raises LcError."""
ReadEndedLog = Callable[[str, str, str, int | None], Iterator[bytes]]
"""(namespace, worker, the id of its round, how many last lines) → the log in pieces; raises LcError."""


def of_log(read_log: ReadLog) -> Answer:
    """Answer with a worker's log, as text; why there is none is its last line."""

    def answer(question: Question, stop: threading.Event) -> Iterator[bytes]:
        tail = question.get("tailLines")
        try:
            yield from read_log(
                str(question.get("namespace") or "default"),
                str(question["name"]),
                tail if isinstance(tail, int) else None,
                bool(question.get("follow")),
                stop,
            )
        except LcError as problem:
            yield f"sedna-lc: {problem}\n".encode()

    return answer


def of_ended_log(read_log: ReadEndedLog) -> Answer:
    """Answer with the log of a worker that the GM does not have any more.

    The first line is a JSON object, `{}` or an error as `of_document` has it (404: nothing is kept of that worker); the
    log follows it. Whoever asks has to know before the first line of the log which of both it will be.
    """

    def answer(question: Question, _stop: threading.Event) -> Iterator[bytes]:
        tail = question.get("tailLines")
        try:
            pieces = read_log(
                str(question.get("namespace") or "default"),
                str(question["name"]),
                str(question.get("roundId") or ""),
                tail if isinstance(tail, int) else None,
            )
        except LcError as problem:
            code = 404 if isinstance(problem, Never) else 503
            yield json.dumps(_error(problem, code)).encode() + b"\n"
            return
        yield b"{}\n"
        yield from pieces

    return answer


def of_document(answer_to: Callable[[Question], Mapping[str, Any]]) -> Answer:
    """Answer with one JSON object; an LcError becomes `{"error": {"code", "reason", "message"}}`, an HTTP status in it.

    A Never says by its `code` which status it is, where it has one (404, 409, 413, 422); else it is 422. Its `details`,
    where it has any, are further members of the error.
    """

    def answer(question: Question, _stop: threading.Event) -> Iterator[bytes]:
        try:
            yield json.dumps(answer_to(question)).encode()
        except LcError as problem:
            code = getattr(problem, "code", 0) or (422 if isinstance(problem, Never) else 503)
            yield json.dumps(_error(problem, code)).encode()

    return answer


def _error(problem: LcError, code: int) -> dict[str, Any]:
    reason = getattr(problem, "reason", "") or type(problem).__name__
    details = getattr(problem, "details", {})
    return {"error": {**details, "code": code, "reason": reason, "message": str(problem)}}


def _unknown(question: Question, _stop: threading.Event) -> Iterator[bytes]:
    told = f"This version of sedna-lc does not answer questions of the type {str(question.get('type'))[:40]!r}."
    yield json.dumps({"error": {"code": 501, "reason": "UnknownQuestion", "message": told}}).encode()


class QuestionAnswerer:
    """One thread (`run`) listens; each answer has a thread of its own."""

    def __init__(self, client: GmClient, node: str, answers: Mapping[str, Answer], pauses: Pauses) -> None:
        self._client = client
        self._path = f"{API}/nodes/{node}/requests"
        self._by_type = answers
        self._pauses = pauses
        self._lock = threading.Lock()
        self._answers: deque[tuple[threading.Thread, threading.Event]] = deque()

    def run(self, stop: threading.Event) -> None:
        """Listen and answer until stopped."""
        series = self._pauses()
        parameters = {"watch": "1"}
        while not stop.is_set():
            returns = self._client.returns
            try:
                for question in self._client.lines(self._path, parameters, _IDLE_SECONDS):
                    self._begin(question)
                # A stream that has ended in order is opened anew, though never in a tight loop.
                series = self._pauses()
            except Again as problem:
                logger.debug("Questions cannot be heard: %s", problem)
            except GmRefused as problem:
                # Not registered yet, or a GM without this address.
                logger.debug("Questions are not handed out: %s", problem.message)
            except Exception:
                # No thread for an answer, or an answer that only a proxy gives: the node must not grow deaf for ever.
                logger.exception("Questions cannot be heard; it is tried again.")
            self._client.rest(next(series), returns)
        with self._lock:
            for _, stop_one in self._answers:
                stop_one.set()

    def _begin(self, question: dict[str, Any]) -> None:
        stop = threading.Event()
        thread = threading.Thread(target=self._answer, args=(question, stop), name="answer", daemon=True)
        with self._lock:
            self._answers = deque(one for one in self._answers if one[0].is_alive())
            if len(self._answers) >= _MOST_ANSWERS:
                _, oldest = self._answers.popleft()
                oldest.set()
            self._answers.append((thread, stop))
            thread.start()

    def _answer(self, question: dict[str, Any], stop: threading.Event) -> None:
        try:
            path = f"{self._path}/{question['id']}"
            answer = self._by_type.get(str(question.get("type")), _unknown)
            self._client.stream_out(path, answer(question, stop))
        except (LcError, KeyError) as problem:
            # Whoever asked has gone; there is nobody to tell.
            logger.debug("An answer did not arrive: %s", problem)
        except Exception:
            logger.exception("A question could not be answered.")
        finally:
            stop.set()
