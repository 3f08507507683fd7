"""Questions to nodes and their answers, both over connections that the node has opened.

A view asks (`ask`) and reads the answer's pieces; the node's LocalController holds a stream of questions (`subscribe`,
`next`) and posts each answer, whose view feeds the pieces in (`answering`). Nothing is stored: who asks waits.
"""

from __future__ import annotations

import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sedna_gm.errors import NodeSilent, NotFound

# Pieces that may wait for a slow reader before the node is made to wait too.
_PIECES = 64


class Pipe:
    """Bytes from one thread to another, in pieces, a few at a time. Either side may end it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._pieces: deque[bytes] = deque()
        self._opened = False
        self._finished = False
        self._abandoned = False

    def open(self) -> None:
        """The writer is there."""
        with self._changed:
            self._opened = True
            self._changed.notify_all()

    def wait_opened(self, timeout: float) -> bool:
        """Whether the writer came in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._opened or self._abandoned, timeout) and self._opened

    def write(self, piece: bytes, patience: float) -> bool:
        """Hands a piece on; False when the reader has gone, or reads nothing for `patience` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._abandoned or len(self._pieces) < _PIECES, patience)
            if self._abandoned or len(self._pieces) >= _PIECES:
                return False
            self._pieces.append(piece)
            self._changed.notify_all()
            return True

    def finish(self) -> None:
        """The writer has said everything."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def read(self, timeout: float) -> bytes | None:
        """The next piece; empty when none came in time; None when there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._pieces or self._finished or self._abandoned, timeout)
            if self._abandoned:
                return None
            if self._pieces:
                piece = self._pieces.popleft()
                self._changed.notify_all()
                return piece
            return None if self._finished else b""

    def abandon(self) -> None:
        """The reader has gone."""
        with self._changed:
            self._abandoned = True
            self._changed.notify_all()


@dataclass(frozen=True)
class Question:
    """What a node is asked. `details` goes to it as it is, with the id."""

    node: str
    details: Mapping[str, Any]
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    answer: Pipe = field(default_factory=Pipe, compare=False)

    def dump(self) -> dict[str, Any]:
        """The question as the node reads it."""
        return {"id": self.id, **self.details}


class Exchange:
    """Open questions of all nodes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._unheard: dict[str, deque[Question]] = {}
        self._unanswered: dict[str, Question] = {}
        self._listeners: dict[str, list[Callable[[], None]]] = {}
        self._closed = False

    def ask(self, node: str, details: Mapping[str, Any], patience: float) -> Question:
        """Puts a question and waits until the node begins to answer. Raises NodeSilent. Call `drop` in the end."""
        question = Question(node, details)
        with self._lock:
            if self._closed:
                raise NodeSilent("This server is stopping; ask again in a moment.")
            self._unheard.setdefault(node, deque()).append(question)
            self._unanswered[question.id] = question
        self._call(node)
        if not question.answer.wait_opened(patience):
            self.drop(question)
            raise NodeSilent(
                f"Node {node} did not answer within {patience:g} s: is its sedna-lc running, and does it reach us?"
            )
        return question

    def next(self, node: str) -> Question | None:
        """The next question to a node, None when there is none."""
        with self._lock:
            waiting = self._unheard.get(node)
            return waiting.popleft() if waiting else None

    def subscribe(self, node: str, listener: Callable[[], None]) -> Callable[[], None]:
        """Calls `listener` when there may be a question to a node, and at the end; the answer unsubscribes it.

        It must return at once; it is called right now, too, where something is there.
        """
        with self._lock:
            self._listeners.setdefault(node, []).append(listener)
            is_due = self._closed or bool(self._unheard.get(node))
        if is_due:
            listener()

        def unsubscribe() -> None:
            with self._lock:
                listeners = self._listeners.get(node, [])
                if listener in listeners:
                    listeners.remove(listener)
                if not listeners:
                    self._listeners.pop(node, None)

        return unsubscribe

    def _call(self, *nodes: str) -> None:
        with self._lock:
            listeners = [listener for node in nodes for listener in self._listeners.get(node, ())]
        for listener in listeners:
            listener()

    def answering(self, node: str, question_id: str) -> Question:
        """The question that the node begins to answer. Raises NotFound when nobody waits for it any more."""
        with self._lock:
            question = self._unanswered.get(question_id)
            if question is not None and question.node == node:
                del self._unanswered[question_id]
        if question is None or question.node != node:
            raise NotFound(f"Nobody waits for an answer to question {question_id[:40]} to node {node}.")
        question.answer.open()
        return question

    def drop(self, question: Question) -> None:
        """The asker has what it wanted, or has gone."""
        question.answer.abandon()
        with self._lock:
            self._unanswered.pop(question.id, None)
            waiting = self._unheard.get(question.node)
            if waiting is not None and question in waiting:
                waiting.remove(question)
            if not waiting:
                self._unheard.pop(question.node, None)

    @property
    def closed(self) -> bool:
        """True once this process is about to end."""
        return self._closed

    def close(self) -> None:
        """Ends every wait."""
        with self._lock:
            self._closed = True
            questions, nodes = list(self._unanswered.values()), list(self._listeners)
        for question in questions:
            question.answer.abandon()
        self._call(*nodes)
