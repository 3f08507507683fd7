"""Empties the outbox: what happened here is told to the GM, in order per key, as often as it takes.

A letter leaves the outbox when the GM took it, or when it can never be delivered, as `refusals` judges: its resource is
gone or another node's (a log line), or the GM calls it wrong (an error, and the line of `systemctl status`). Everything
else is tried again; a letter that fails holds up its own key only, a GM that is away holds up all.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sedna.common.faults import reached
from sedna_lc.errors import GmConflict, GmNotFound, GmRefused, GmUnavailable, WatchTooOld
from sedna_lc.gm.clients import GmClient
from sedna_lc.gm.pauses import Pauses
from sedna_lc.gm.refusals import Verdict, verdict
from sedna_lc.state.letters import subject_of
from sedna_lc.state.records import Letter
from sedna_lc.state.stores import Store

logger = logging.getLogger(__name__)

# Nobody rings for a letter that another process left; an idle look costs one query.
_IDLE_SECONDS = 30.0
_DROPPED = {
    Verdict.GONE: "%s is gone; what was to be told about it is dropped.",
    Verdict.ANOTHER: "%s is another one now; what was to be told about the old one is dropped.",
    Verdict.ELSEWHERE: "%s is for another node now; what was to be told about it here is dropped.",
}
# As much of a refusal as fits into the line of `systemctl status`.
_TOLD_LENGTH = 200


@dataclass
class _Waiting:
    series: Iterator[float]
    until: float


class OutboxSender:
    """One thread (`run`) sends; `wake` tells it that a letter was posted."""

    def __init__(self, client: GmClient, store: Store, pauses: Pauses, monotonic: Callable[[], float]) -> None:
        self._client = client
        self._store = store
        self._pauses = pauses
        self._monotonic = monotonic
        self._waiting: dict[str, _Waiting] = {}
        self._unsent_since: dict[str, float] = {}
        self._outage: _Waiting | None = None
        self._posted = threading.Event()
        self._tried = threading.Condition()
        self._wrong = 0
        self._last_wrong = ""

    @property
    def trouble(self) -> str:
        """What the GM has called wrong since the start, for a person to look into; "" while there is none."""
        if not self._wrong:
            return ""
        times = "" if self._wrong == 1 else f" and of {self._wrong - 1} more before"
        return f"the GlobalManager refused, and it is lost, what was told of {self._last_wrong}{times}"

    @property
    def oldest_seconds(self) -> float:
        """For how long the letter that has waited longest is unsent, as far as this program knows; 0 without any."""
        unsent = {letter.key for letter in self._store.letters()}
        since = min((since for key, since in list(self._unsent_since.items()) if key in unsent), default=None)
        return 0.0 if since is None else max(0.0, self._monotonic() - since)

    def wake(self) -> None:
        """Look into the outbox now."""
        self._posted.set()

    def run(self, stop: threading.Event) -> None:
        """Send until stopped; whoever stops it also closes the client and calls `wake`."""
        while not stop.is_set():
            self._posted.clear()
            returns = self._client.returns
            try:
                seconds = self.send_all(stop)
            except sqlite3.Error:
                logger.exception("The outbox cannot be read; it is tried again.")
                seconds = _IDLE_SECONDS
            with self._tried:
                self._tried.notify_all()
            if self._outage is not None:
                # News do not make the GM come back earlier; whoever reaches it first ends the wait.
                self._client.rest(seconds, returns)
            else:
                self._posted.wait(seconds)

    def flush(self, seconds: float) -> bool:
        """Wait, for at most so long, until the outbox is empty; False at once when the GM is away."""
        self.wake()
        with self._tried:
            self._tried.wait_for(lambda: self._outage is not None or not self._store.letters(), seconds)
        return not self._store.letters()

    def send_all(self, stop: threading.Event) -> float:
        """Send every letter that is due, and return in how many seconds the next one will be."""
        letters = self._store.letters()
        known = {letter.key for letter in letters}
        self._waiting = {key: waiting for key, waiting in self._waiting.items() if key in known}
        now = self._monotonic()
        self._unsent_since = {key: self._unsent_since.get(key, now) for key in known}
        if not letters:
            # What could not be sent during an outage was withdrawn meanwhile.
            self._outage = None
        for letter in letters:
            if stop.is_set():
                break
            waiting = self._waiting.get(letter.key)
            if waiting is not None and waiting.until > self._monotonic():
                continue
            try:
                self._send(letter)
            except GmUnavailable as problem:
                if not problem.answered:
                    return self._note_outage()
                self._delay(letter, problem)
            self._outage = None
        now = self._monotonic()
        return max(0.0, min([_IDLE_SECONDS, *(one.until - now for one in self._waiting.values())]))

    def _send(self, letter: Letter) -> None:
        try:
            reached("lc.outbox.send.before")
            self._client.patch(letter.path, letter.body)
            reached("lc.outbox.send.after")
        except WatchTooOld as problem:
            # 410 is for lists; to a letter, only somebody on the way can have said it.
            raise GmUnavailable(str(problem), answered=True) from problem
        except (GmRefused, GmUnavailable) as problem:
            if isinstance(problem, GmUnavailable) and not problem.answered:
                raise
            ending = verdict(problem, wanted=self._is_wanted(letter), stands=self._stands(letter, problem))
            if ending is Verdict.AGAIN:
                raise _for_later(problem) from problem
            self._note_dropped(letter, ending, problem.message)
        self._store.settle(letter)
        reached("lc.outbox.settle.after")
        self._waiting.pop(letter.key, None)

    def _note_dropped(self, letter: Letter, ending: Verdict, message: str) -> None:
        if ending is not Verdict.WRONG:
            logger.info(_DROPPED[ending], letter.path)
            return
        logger.error("The GM refuses what was told about %s, it is dropped: %s", letter.path, message)
        self._wrong += 1
        self._last_wrong = f"{letter.path}: {message}"[:_TOLD_LENGTH].rstrip(". ")

    def _is_wanted(self, letter: Letter) -> bool:
        """Tell whether this node is to work on what the letter is about."""
        plural, uid = subject_of(letter)
        return any(one["metadata"].get("uid") == uid for one in self._store.wanted(plural).values())

    def _stands(self, letter: Letter, problem: GmRefused | GmUnavailable) -> bool:
        """Tell whether the resource that the letter is about still exists under its name; asked after a conflict."""
        if not isinstance(problem, GmConflict):
            return True
        _, uid = subject_of(letter)
        try:
            stored = self._client.get(letter.path.removesuffix("/status"))
        except GmNotFound as answer:
            return not answer.ours
        except (GmRefused, WatchTooOld):
            return True
        return uid is None or stored["metadata"]["uid"] == uid

    def _delay(self, letter: Letter, problem: GmUnavailable) -> None:
        waiting = self._waiting.setdefault(letter.key, _Waiting(self._pauses(), 0.0))
        seconds = problem.after_seconds or next(waiting.series)
        waiting.until = self._monotonic() + seconds
        logger.warning("%s could not be told, again in %.1f s: %s", letter.path, seconds, problem.message)

    def _note_outage(self) -> float:
        if self._outage is None:
            self._outage = _Waiting(self._pauses(), 0.0)
        return next(self._outage.series)


def _for_later(problem: GmRefused | GmUnavailable) -> GmUnavailable:
    return problem if isinstance(problem, GmUnavailable) else GmUnavailable(problem.message, answered=True)
