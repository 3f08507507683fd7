"""Answers what somebody asked the GM about this node: the log of a worker, streamed while it grows.

The GM cannot dial in, so the LC holds a stream of questions open and posts each answer on a connection of its own.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from sedna_lc.errors import Again, GmRefused, LcError
from sedna_lc.gm.clients import GmClient
from sedna_lc.gm.pauses import Pauses
from sedna_lc.state.letters import API

logger = logging.getLogger(__name__)

# The stream of questions is silent while nobody asks, so it is opened anew this often: a dead line shows then.
_STREAM_SECONDS = 60
_IDLE_SECONDS = _STREAM_SECONDS + 30.0
# Whoever follows a silent log and hangs up is noticed at the next line only; the oldest one makes room.
_MOST_ANSWERS = 32

ReadLog = Callable[[str, str, int | None, bool, threading.Event], Iterator[bytes]]
"""(namespace, worker, how many last lines, follow, stop) → the log in pieces; raises LcError."""


class QuestionAnswerer:
    """One thread (`run`) listens; each answer has a thread of its own."""

    def __init__(self, client: GmClient, node: str, read_log: ReadLog, pauses: Pauses) -> None:
        self._client = client
        self._path = f"{API}/nodes/{node}/requests"
        self._read_log = read_log
        self._pauses = pauses
        self._lock = threading.Lock()
        self._answers: deque[tuple[threading.Thread, threading.Event]] = deque()

    def run(self, stop: threading.Event) -> None:
        """Listen and answer until stopped."""
        series = self._pauses()
        parameters = {"watch": "1", "timeoutSeconds": str(_STREAM_SECONDS)}
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
            self._client.rest(next(series), returns)
        with self._lock:
            for _, stop_one in self._answers:
                stop_one.set()

    def _begin(self, question: dict[str, Any]) -> None:
        stop = threading.Event()
        thread = threading.Thread(target=self._answer, args=(question, stop), name="log-answer", daemon=True)
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
            self._client.stream_out(path, self._pieces(question, stop))
        except (LcError, KeyError) as problem:
            # Whoever asked has gone; there is nobody to tell.
            logger.debug("An answer did not arrive: %s", problem)
        except Exception:
            logger.exception("A question could not be answered.")
        finally:
            stop.set()

    def _pieces(self, question: dict[str, Any], stop: threading.Event) -> Iterator[bytes]:
        if question.get("type") != "log":
            yield b"sedna-lc: this version answers questions about logs only.\n"
            return
        tail = question.get("tailLines")
        try:
            yield from self._read_log(
                str(question.get("namespace") or "default"),
                str(question["name"]),
                tail if isinstance(tail, int) else None,
                bool(question.get("follow")),
                stop,
            )
        except LcError as problem:
            yield f"sedna-lc: {problem}\n".encode()
