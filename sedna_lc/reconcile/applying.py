"""Does what was decided for one worker, and keeps its record and what the GM is told in step with it.

`step` is what the loop calls: take in reports, look, decide, act, until there is nothing to do. Every act ends with
the record stored together with its letter, so a crash between two acts is only another view for `deciding`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sedna.api.rounds import round_id
from sedna.api.validating import parse
from sedna.api.workers import FINAL_PHASES, NODE_FINALIZER, ServedModel, Worker, WorkerReport
from sedna.common.faults import reached
from sedna.daemons.logs import fields
from sedna_lc.errors import Again, Hindered, Never
from sedna_lc.models.findings import Found
from sedna_lc.models.hot_config import published
from sedna_lc.models.trained import find_models
from sedna_lc.reconcile import last_words, spools
from sedna_lc.reconcile.absorbing import absorb
from sedna_lc.reconcile.deciding import decide
from sedna_lc.reconcile.delivering import at_home, clear, delivered
from sedna_lc.reconcile.judging import judge
from sedna_lc.reconcile.means import Means
from sedna_lc.reconcile.observing import observed
from sedna_lc.reconcile.outputs import claimed_by
from sedna_lc.reconcile.providing import with_given_urls
from sedna_lc.reconcile.serving import go_back, serve
from sedna_lc.reconcile.starting import make_ready, start
from sedna_lc.reconcile.trials import accepted_in_silence, seconds_left, way_back
from sedna_lc.reconcile.views import Act, Hindrance, View, is_final, is_hot, wanted_model
from sedna_lc.runners.base import Reason, UnitState
from sedna_lc.runners.errors import RunnerError, RunnerUnavailable
from sedna_lc.runners.names import worker_unit
from sedna_lc.state.letters import release_letter, status_letter
from sedna_lc.state.records import WorkerRecord
from sedna_lc.state.stores import Key

logger = logging.getLogger(__name__)

# A worker goes through a handful of acts at a time; more in a row would be a decision that chases its own tail.
_MOST_ACTS = 20
_SECONDS_WHEN_UNAVAILABLE = 2.0
_SHORTEST_SECONDS = 1.0
_PARKED = "Its LocalController was stopped, and its workers with it; it runs again when the LocalController is back."


class Applier:
    """One worker at a time per key; the loop sees to that."""

    def __init__(
        self,
        means: Means,
        posted: Callable[[], None],
        synced: Callable[[], bool],
        pauses: Callable[[], Iterator[float]],
    ) -> None:
        self._means = means
        self._posted = posted
        self._synced = synced
        self._pauses = pauses
        self._waiting: dict[Key, Iterator[float]] = {}
        self.stopping = threading.Event()
        """Set when this LC stops, and its workers with it."""

    def step(self, key: Key) -> float | None:
        """Bring one worker to rest; return seconds after which to look again, if that is known."""
        hindered: Hindered | None = None
        for _ in range(_MOST_ACTS):
            self._take_reports(key)
            try:
                view = self._look(key, hindered)
            except RunnerUnavailable as problem:
                logger.warning("Units cannot be looked at: %s", problem)
                return _SECONDS_WHEN_UNAVAILABLE
            decision = decide(view)
            if decision.act is Act.REST:
                return self._rest(key, hindered, seconds_left(view.record, view.now))
            sentence = "Worker %s: %s, for %s."
            extra = _fields(decision.act.value, key, view)
            logger.info(sentence, "/".join(key), decision.act.value, decision.sentence, extra=extra)
            try:
                seconds = self._do(decision.act, key, view)
            except Hindered as problem:
                # The worker goes on with what it has, and is looked after as ever.
                hindered = problem
                continue
            if seconds is not None:
                return seconds
            if decision.act is Act.STOP or (decision.act is Act.RELEASE and view.wanted is not None and _leaves(view)):
                # The runner, or the GM, is heard when it has happened.
                return None
        raise RuntimeError(f"worker {'/'.join(key)} does not come to rest")

    def is_stopped(self, key: Key) -> bool:
        """Tell whether a worker's unit has ended (or is paused), and its end is in its record."""
        view = self._look(key)
        runs = view.unit is not None and view.unit.activity.runs
        return not runs and decide(view).act in (Act.REST, Act.RELEASE)

    def _rest(self, key: Key, hindered: Hindered | None, left: float | None = None) -> float | None:
        if hindered is None:
            self._waiting.pop(key, None)
            # A unit that does not run is heard when it does; its watch goes on then.
            return max(left, _SHORTEST_SECONDS) if left is not None and left > 0 else None
        return hindered.after_seconds or next(self._waiting.setdefault(key, self._pauses()))

    def _look(self, key: Key, hindered: Hindered | None = None) -> View:
        found = self._means.store.wanted("workers").get(key)
        wanted = parse(Worker, found) if found is not None else None
        record = self._means.store.worker(key)
        unit = self._means.runner.look(worker_unit(*key))
        forgotten = record is None and unit is not None
        return View(
            wanted=wanted,
            record=record,
            unit=unit,
            synced=self._synced(),
            last_words=self._last_words(unit) if record is not None and not is_final(record) else None,
            stopping=self.stopping.is_set(),
            hindrance=Hindrance(hindered.reason, hindered.message) if hindered is not None else None,
            now=self._means.clock(),
            claimed_by=claimed_by(at_home(wanted, self._means.places)) if wanted is not None and forgotten else None,
        )

    def _last_words(self, unit: UnitState | None) -> str | None:
        if unit is None or not last_words.are_wanted(unit):
            return None
        try:
            return last_words.find(self._means.runner.read_log(unit.name, last_words.LINES, False, threading.Event()))
        except (RunnerError, OSError) as problem:
            logger.warning("The log of %s cannot be read: %s", unit.name, problem)
            return None

    def _do(self, act: Act, key: Key, view: View) -> float | None:
        wanted, record, unit = view.wanted, view.record, view.unit
        runner = self._means.runner
        if act is Act.BEGIN and wanted is not None:
            self._begin(wanted, view)
        elif act is Act.START and wanted is not None and record is not None:
            return self._start(key, wanted, record)
        elif act is Act.OBSERVE and wanted is not None and record is not None and unit is not None:
            self._keep(observed(wanted, record, unit, view.last_words, view.hindrance), record)
        elif act is Act.SERVE and wanted is not None and record is not None:
            model = wanted_model(wanted)
            if model is not None:
                self._keep(serve(self._means, wanted, record, model), record)
                # Not before it is written down that the model lies in its slot: until then it is needed where it came.
                self._means.tidy()
        elif act is Act.GO_BACK and wanted is not None and record is not None:
            good = way_back(record)
            if good is not None:
                self._keep(go_back(self._means, wanted, record, good), record)
        elif act is Act.ACCEPT and record is not None:
            self._keep(accepted_in_silence(record, self._means.now()), record)
        elif act is Act.SETTLE and wanted is not None and record is not None:
            return self._settle(key, wanted, record, view)
        elif act is Act.PARK and wanted is not None and record is not None:
            told = {"phase": "Pending", "reason": Reason.STOPPED, "message": _PARKED, "pid": None}
            self._keep(replace(_changed(record, wanted, told), launch="no"), record)
        elif act is Act.STOP and unit is not None:
            runner.stop(unit.name)
            reached("lc.unit.stop.after")
        elif act is Act.FORGET and wanted is not None and record is not None and unit is not None:
            self._forget(wanted, record, unit.name)
        elif act is Act.DISCARD and unit is not None:
            runner.forget(unit.name)
        elif act is Act.RELEASE:
            self._release(key, view)
        return None

    def _begin(self, wanted: Worker, view: View) -> None:
        """Make the record. What the GM remembers of it counts: this node may have lost its own memory."""
        namespace, name = wanted.metadata.namespace or "default", wanted.metadata.name
        ran = wanted.status.phase in ("Starting", "Running", "Paused") or view.unit is not None
        told = self._still_served(wanted) if ran else wanted.status.model
        record = WorkerRecord(
            str(wanted.metadata.uid),
            namespace,
            name,
            launch="done" if ran else "no",
            # Unlike every hash: a cold update after such a loss restarts the unit once too often, never too seldom.
            started_with=((told.sha256 if told is not None else None) or "unknown") if ran else "",
            status=wanted.status.model_copy(update={"model": told}),
        )
        if view.unit is None and wanted.status.phase not in FINAL_PHASES:
            spools.remove(self._means.places.spool_folder(wanted))
        self._means.store.put_worker(record)
        reached("lc.worker.begin.after")

    def _still_served(self, wanted: Worker) -> ServedModel | None:
        """What the GM remembers of the model, unless the running worker was told of another one since.

        A GM that was restored remembers an earlier one; the model that it wants is put in place again then.
        """
        told = wanted.status.model
        if told is None or told.state == "Refused" or not is_hot(wanted):
            return told
        return told if published(self._means.places.hot_update_file(wanted)) == told.sha256 else None

    def _start(self, key: Key, wanted: Worker, record: WorkerRecord) -> float | None:
        try:
            ready, unit = make_ready(self._means, wanted, record)
            self._keep(ready, record)
            # As after SERVE: what lies in a slot now is not needed twice.
            self._means.tidy()
            record = ready
            start(self._means, unit)
        except Again as problem:
            self._keep(_pending(record, wanted, problem), record)
            series = self._waiting.setdefault(key, self._pauses())
            return problem.after_seconds or next(series)
        except Never as problem:
            failed = {"phase": "Failed", "reason": problem.reason, "message": problem.message}
            self._keep(_changed(record, wanted, failed), record)
            return None
        self._waiting.pop(key, None)
        self._keep(replace(record, launch="done"), record)
        return None

    def _settle(self, key: Key, wanted: Worker, record: WorkerRecord, view: View) -> float | None:
        record = with_given_urls(self._take_leftovers(wanted, record), wanted, self._means.places)
        found: dict[str, Found] = {}
        if wanted.spec.role == "train":
            found = find_models((result.url for result in record.status.results), self._means.user())
        status = judge(wanted, record, view.unit, found, view.last_words)
        try:
            status = delivered(wanted, status, self._means.places)
            reached("lc.worker.settle.before")
        except (Again, OSError) as problem:
            reason = problem.reason if isinstance(problem, Again) else "ModelUnreadable"
            told = {"reason": reason, "message": f"Its model is finished, and cannot be delivered: {problem}"}
            self._keep(_changed(record, wanted, told), record)
            return next(self._waiting.setdefault(key, self._pauses()))
        except Never as problem:
            told = {"phase": "Failed", "reason": problem.reason, "message": problem.message}
            status = status.model_copy(update=told)
        self._waiting.pop(key, None)
        if status.finish_time is None:
            status = status.model_copy(update={"finish_time": self._means.now()})
        self._keep(replace(record, status=status), record)
        ended = f"{status.phase}. {status.message or ''}".strip()
        logger.info("Worker %s/%s has ended: %s", record.namespace, record.name, ended)
        if status.phase == "Succeeded":
            clear(wanted, self._means.places)
        return None

    def _forget(self, wanted: Worker, record: WorkerRecord, unit: str) -> None:
        record = self._take_leftovers(wanted, record)
        self._means.runner.forget(unit)
        reached("lc.unit.forget.after")
        self._keep(replace(record, launch="no"), record)

    def _release(self, key: Key, view: View) -> None:
        wanted, record = view.wanted, view.record
        letter = None
        if wanted is not None and wanted.metadata.deletion_timestamp is not None:
            if wanted.spec.role == "inference":
                self._means.slot(wanted).remove()
            spools.remove(self._means.places.spool_folder(wanted))
            clear(wanted, self._means.places)
            finalizers = wanted.metadata.finalizers or []
            if NODE_FINALIZER in finalizers:
                others = [one for one in finalizers if one != NODE_FINALIZER]
                letter = release_letter("workers", key, str(wanted.metadata.uid), others)
        reached("lc.worker.release.before")
        self._means.tokens.take_back(key)
        if record is not None:
            self._means.store.drop_worker(record, letter)
        elif letter is not None:
            self._means.store.post(letter)
        self._means.tidy()
        self._posted()

    def _take_reports(self, key: Key) -> None:
        record = self._means.store.worker(key)
        if record is None:
            return
        stored = self._means.store.reports(key)
        if not stored:
            return
        changed = record
        wanted = self._means.store.wanted("workers").get(key)
        role = wanted["spec"].get("role") if wanted is not None else None
        for one in stored:
            changed = absorb(changed, WorkerReport.model_validate(one.body), self._means.now(), role)
        self._keep(changed, record, stored[-1].sequence)

    def _take_leftovers(self, wanted: Worker, record: WorkerRecord) -> WorkerRecord:
        """Read what the worker could not hand over. What came through the door is older, and is read already."""
        self._take_reports(record.key)
        record = self._means.store.worker(record.key) or record
        folder = self._means.places.spool_folder(wanted)
        changed = record
        for report in spools.read_leftovers(folder):
            changed = absorb(changed, report, self._means.now(), wanted.spec.role)
        self._keep(changed, record)
        reached("lc.spool.read.after")
        spools.clear(folder)
        return changed

    def _keep(self, changed: WorkerRecord, before: WorkerRecord, read_up_to: int = 0) -> None:
        """Store a record, and tell the GM when its status has become another one."""
        if changed == before and not read_up_to:
            return
        letter = None
        if changed.status != before.status:
            letter = status_letter("workers", changed.key, changed.uid, changed.status)
        self._means.store.put_worker(changed, letter, read_up_to)
        if letter is not None:
            self._posted()


def _leaves(view: View) -> bool:
    return view.wanted is not None and view.wanted.metadata.deletion_timestamp is not None


def _pending(record: WorkerRecord, wanted: Worker, problem: Again) -> WorkerRecord:
    return _changed(record, wanted, {"phase": "Pending", "reason": problem.reason, "message": problem.message})


def _changed(record: WorkerRecord, wanted: Worker, changes: Mapping[str, object]) -> WorkerRecord:
    told = {**changes, "observed_generation": wanted.metadata.generation}
    return replace(record, status=record.status.model_copy(update=told))


def _fields(act: str, key: Key, view: View) -> dict[str, Any]:
    """What a line about a worker carries, for those who look for a worker, a unit or a round."""
    namespace, name = key
    spec = view.wanted.spec if view.wanted is not None else None
    told = "" if spec is None else round_id(spec.job.uid, spec.round)
    unit = worker_unit(namespace, name)
    return fields(ACTION=act, KIND="Worker", NAMESPACE=namespace, NAME=name, WORKER=name, UNIT=unit, ROUND_ID=told)
