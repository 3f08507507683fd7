"""How things stand, told now and then: the newest only, in the background, and nobody waits for it or misses it.

`sedna.core.progress` and `sedna.core.metering` hand in what there is; one thread posts it to the LocalController, at
most once a second. What a report must do (arrive, in order, survive) news need not: what cannot be told now is
forgotten, and a LocalController that does not take news, because it is an older one or has gone, is left in peace for
a while. Nothing here raises, and nothing is logged above debug: a training does not depend on being watched.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from sedna.common.config import BaseConfig
from sedna.service.client import LCClient, RefusedError, RequestError

logger = logging.getLogger(__name__)

MOST_OFTEN_SECONDS = 1.0
# The LocalController answers on loopback in milliseconds or is not well.
_ATTEMPT_SECONDS = 5.0
# At exit the process waits for the last word, such as the last epoch; no longer than this.
_FLUSH_SECONDS = 1.0
# While the LocalController is away: it restarts within seconds, and news are only worth something while they are new.
_AWAY_SECONDS = 10.0
# It said no: it is an older one, which has no such address, or does not know this worker.
_REFUSED_SECONDS = 300.0

Deliver = Callable[[Mapping[str, Any], float], object]
"""Posts news within the given seconds; raises RefusedError for "no", RequestError for "not now"."""


class NewsSender:
    """Takes news without waiting, and delivers the newest of each kind on a thread of its own."""

    def __init__(
        self,
        deliver: Deliver,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        most_often: float = MOST_OFTEN_SECONDS,
        away: float = _AWAY_SECONDS,
        refused: float = _REFUSED_SECONDS,
        flush: float = _FLUSH_SECONDS,
    ) -> None:
        self._deliver = deliver
        self._monotonic = monotonic
        self._most_often, self._away, self._refused, self._flush = most_often, away, refused, flush
        self._changed = threading.Condition()
        self._waiting: dict[str, Mapping[str, Any]] = {}
        self._not_before = monotonic()
        self._resting = False
        self._closing = False
        self._sending = False
        self._thread: threading.Thread | None = None

    def tell(self, kind: str, news: Mapping[str, Any]) -> None:
        """Take the newest of a kind (`progress`, `inference`); what was there of that kind is forgotten."""
        with self._changed:
            if self._closing:
                return
            self._waiting[kind] = news
            if self._thread is None:
                # Not before there is something to tell: most scripts of today never do.
                self._thread = threading.Thread(target=self._run, name="sedna-news", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def close(self) -> None:
        """Tell what is left, if that takes no time. Called at exit."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            if self._thread is not None and not self._resting:
                self._changed.wait_for(lambda: not (self._waiting or self._sending), self._flush)
            self._waiting = {}

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                while not self._closing and (left := self._not_before - self._monotonic()) > 0:
                    self._changed.wait(left)
                if not self._waiting or (self._closing and self._resting):
                    return
                news, self._waiting = self._waiting, {}
                self._sending = True
            pause = self._send(news)
            with self._changed:
                self._resting = pause > self._most_often
                self._not_before = self._monotonic() + pause
                self._sending = False
                self._changed.notify_all()

    def _send(self, news: Mapping[str, Any]) -> float:
        """Post once; return for how many seconds nothing is posted then."""
        try:
            self._deliver(news, self._flush if self._closing else _ATTEMPT_SECONDS)
        except RefusedError as problem:
            logger.debug("The LocalController does not take news: %s", problem)
            return self._refused
        except RequestError as problem:
            logger.debug("News could not be told: %s", problem)
            return self._away
        except Exception:
            logger.debug("News could not be told.", exc_info=True)
            return self._refused
        return self._most_often


_made: list[NewsSender] = []
_lock = threading.Lock()


def _begin_anew() -> None:
    """In a forked child, such as a loader of data: the thread stayed behind, and a lock may be held for ever."""
    global _lock
    _lock = threading.Lock()
    _made.clear()


os.register_at_fork(after_in_child=_begin_anew)


def news_of_this_worker() -> NewsSender | None:
    """The one sender of this process, or None when it does not run under Sedna. Made at the first call."""
    if not BaseConfig.worker_name or not BaseConfig.lc_server:
        return None
    with _lock:
        if not _made:
            sender = NewsSender(_post)
            atexit.register(sender.close)
            _made.append(sender)
        return _made[0]


def _post(news: Mapping[str, Any], seconds: float) -> object:
    whose = {"name": BaseConfig.worker_name, "namespace": BaseConfig.namespace or "default"}
    return LCClient.tell(BaseConfig.lc_server, BaseConfig.worker_name, {**whose, **news}, timeout=seconds)
