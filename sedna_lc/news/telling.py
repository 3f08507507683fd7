"""Tells the GM how things stand with workers: the newest only, at a pace, and never in the way of letters.

The door hands in what libraries say (`take`); one thread (`run`) patches the two fields of a worker's status that are
this module's alone. A patch names no other field, so it cannot undo what a letter of the outbox has said, whichever of
the two comes first. What the GM does not take is not tried for its own sake: the next news bring it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sedna.api.times import format_time
from sedna.api.workers import Inference, Progress, WorkerInference, WorkerNews, WorkerProgress
from sedna_lc.errors import GmRefused, GmUnavailable, WatchTooOld
from sedna_lc.gm.clients import GmClient
from sedna_lc.gm.pauses import Pauses
from sedna_lc.news import curves, pacing
from sedna_lc.state.letters import resource_path
from sedna_lc.state.stores import Key, Wire, key_of

logger = logging.getLogger(__name__)

# A GM from before there were such fields; it may be a newer one by then.
_SECONDS_AFTER_REFUSAL = 600.0
# Beyond what Python's datetime can say, and what anybody waits for.
_MOST_SECONDS_LEFT = 366 * 86400.0


@dataclass
class _Worker:
    """What is known of one worker since this LC began."""

    uid: str
    began: float
    curve: list[curves.Point] = field(default_factory=list)
    steps: list[pacing.Step] = field(default_factory=list)
    progress: WorkerProgress | None = None
    inference: WorkerInference | None = None
    # Names that the GM may have, and that a merge-patch has to take away.
    names: set[str] = field(default_factory=set)
    due: dict[str, float] = field(default_factory=dict)
    """When what is new may be told, by the field of the status."""
    next: dict[str, float] = field(default_factory=dict)
    """Not before then, by the same."""


class NewsTeller:
    """Safe for use by many threads. `clock` gives times for people, `monotonic` seconds to wait by."""

    def __init__(
        self,
        client: GmClient,
        clock: Callable[[], datetime],
        pauses: Pauses,
        monotonic: Callable[[], float],
    ) -> None:
        self._client = client
        self._clock = clock
        self._pauses = pauses
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._workers: dict[Key, _Worker] = {}
        self._closed = False

    def take(self, uid: str, news: WorkerNews) -> None:
        """Tell the GM of this soon. `uid` is the worker's."""
        key = news.namespace, news.name
        with self._changed:
            worker = self._known(key, uid)
            if news.progress is not None:
                self._take_progress(worker, news.progress)
            if news.inference is not None:
                self._take_inference(worker, news.inference)
            self._changed.notify_all()

    def seen(self, resource: Wire) -> None:
        """Remember what the GM knows of a worker from before this LC began: its curve goes on."""
        told = (resource.get("status") or {}).get("progress")
        if not isinstance(told, dict):
            return
        with self._changed:
            worker = self._known(key_of(resource), str(resource["metadata"].get("uid")))
            worker.names |= set(told.get("metrics") or ())
            before = [(float(done), dict(values)) for done, values in told.get("curve") or ()]
            worker.curve = curves.joined(before, worker.curve)

    def hurry(self, key: Key, uid: str) -> None:
        """Tell at once what a worker that has ended said last: its pace is for what goes on."""
        with self._changed:
            worker = self._workers.get(key)
            if worker is not None and worker.uid == uid and worker.due:
                worker.due = dict.fromkeys(worker.due, self._monotonic())
                self._changed.notify_all()

    def keep_only(self, keys: Iterable[Key]) -> None:
        """Forget all other workers: they are gone."""
        wanted = set(keys)
        with self._changed:
            self._workers = {key: worker for key, worker in self._workers.items() if key in wanted}

    def forget(self, key: Key, uid: str) -> None:
        """Forget a worker that is gone."""
        with self._changed:
            if key in self._workers and self._workers[key].uid == uid:
                del self._workers[key]

    def close(self) -> None:
        """Tell nothing any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def run(self, stop: threading.Event) -> None:
        """Tell until stopped; whoever stops it also closes the client and calls `close`."""
        series = self._pauses()
        while not stop.is_set():
            found = self._next()
            if found is None:
                return
            returns = self._client.returns
            try:
                self._tell(*found)
                series = self._pauses()
            except GmUnavailable as problem:
                logger.debug("News cannot be told: %s", problem)
                self._client.rest(problem.after_seconds or next(series), returns)
            except Exception:
                # A bug must not end the thread: `stuck` would have this program restarted for what nobody needs.
                logger.exception("News could not be told.")
                stop.wait(next(series))

    def _known(self, key: Key, uid: str) -> _Worker:
        worker = self._workers.get(key)
        if worker is None or worker.uid != uid:
            worker = self._workers[key] = _Worker(uid, self._monotonic())
        return worker

    def _take_progress(self, worker: _Worker, told: Progress) -> None:
        now = self._monotonic()
        if worker.steps and told.done < worker.steps[-1].done:
            worker.began = now
        worker.steps = pacing.remembered(worker.steps, pacing.Step(now, told.done))
        worker.curve = curves.extended(worker.curve, told.done, told.metrics)
        left = pacing.seconds_left(worker.steps, told.total, now)
        clock = self._clock()
        end = None if left is None or left > _MOST_SECONDS_LEFT else format_time(clock + timedelta(seconds=left))
        worker.progress = WorkerProgress(
            **{name: getattr(told, name) for name in Progress.model_fields},
            curve=worker.curve,
            expected_end=end,
            time=format_time(clock),
        )
        worker.due["progress"] = max(now, worker.next.get("progress", now))

    def _take_inference(self, worker: _Worker, told: Inference) -> None:
        now = self._monotonic()
        fields = {name: getattr(told, name) for name in Inference.model_fields}
        worker.inference = WorkerInference(**fields, time=format_time(self._clock()))
        worker.due["inference"] = max(now, worker.next.get("inference", now))

    def _next(self) -> tuple[Key, _Worker, dict[str, Any]] | None:
        """Wait for what is due, and return whose it is and the patch; None after `close`."""
        with self._changed:
            while not self._closed:
                now = self._monotonic()
                due = [(at, key) for key, worker in self._workers.items() for at in worker.due.values()]
                at, key = min(due, default=(None, None))
                if at is not None and key is not None and at <= now:
                    return key, self._workers[key], self._patch(self._workers[key], now)
                self._changed.wait(None if at is None else at - now)
        return None

    def _patch(self, worker: _Worker, now: float) -> dict[str, Any]:
        """What is due of a worker, which is then told; the next comes after a pause."""
        status: dict[str, Any] = {}
        for name in [name for name, at in worker.due.items() if at <= now]:
            del worker.due[name]
            if name == "progress" and worker.progress is not None:
                status[name] = _progress(worker.progress, worker.names)
                worker.names |= worker.progress.metrics.keys()
                worker.next[name] = now + pacing.pause(now - worker.began)
            elif worker.inference is not None:
                told = worker.inference.model_dump(mode="json", by_alias=True)
                status[name] = told
                worker.next[name] = now + pacing.INFERENCE_SECONDS
        return {"metadata": {"uid": worker.uid}, "status": status}

    def _tell(self, key: Key, worker: _Worker, patch: dict[str, Any]) -> None:
        try:
            self._client.patch(f"{resource_path('workers', key)}/status", patch)
        except GmUnavailable:
            # Not lost yet: what is newest then goes when the GM is back.
            self._again(worker, patch["status"], 0.0)
            raise
        except (GmRefused, WatchTooOld) as problem:
            logger.debug("The GM does not take news of %s: %s", "/".join(key), problem)
            self._again(worker, (), _SECONDS_AFTER_REFUSAL)

    def _again(self, worker: _Worker, names: Iterable[str], pause: float) -> None:
        now = self._monotonic()
        with self._changed:
            for name in names:
                worker.due.setdefault(name, now)
            if pause:
                worker.next = dict.fromkeys(("progress", "inference"), now + pause)
                # What has come while it was refused waits as well.
                worker.due = dict.fromkeys(worker.due, now + pause)


def _progress(progress: WorkerProgress, names: Iterable[str]) -> dict[str, Any]:
    told = progress.model_dump(mode="json", by_alias=True)
    # A merge-patch leaves what it does not name.
    told["metrics"] = {**dict.fromkeys(names, None), **told["metrics"]}
    return told
