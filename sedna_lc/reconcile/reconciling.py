"""The reconciler as its neighbours see it: what the GM wants comes in, reports come in, units say that they changed.

`sedna_lc.gm.watching` tells it of workers, `sedna_lc.http` of reports, the runner of units; each becomes a look at
one worker in `sedna_lc.loops`. A slow safety look at all of them catches what nobody told.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator

from sedna.api.rounds import round_id
from sedna.api.validating import parse
from sedna.api.workers import Worker, WorkerNews, WorkerReport
from sedna_lc.errors import Never
from sedna_lc.loops import KeyedLoop
from sedna_lc.reconcile.applying import Applier
from sedna_lc.reconcile.means import Means
from sedna_lc.runners.ended import BOUNDS
from sedna_lc.runners.errors import NoSuchUnit, RunnerError, RunnerUnavailable
from sedna_lc.runners.names import worker_unit
from sedna_lc.state.letters import status_letter, without_news
from sedna_lc.state.records import WorkerRecord
from sedna_lc.state.stores import Key, Wire, key_of

logger = logging.getLogger(__name__)


#: What a worker of each role may report. A script that trains may also try, or evaluate, what it has trained.
_KINDS = {"train": ("train", "eval", "inference"), "eval": ("eval", "inference"), "inference": ("inference", "deploy")}
# What the library says as long as it does not know the kind of its job.
_NO_KIND = ("", "default")


# Beyond the grace that a worker has: for its end to be seen and judged.
_STOP_MARGIN_SECONDS = 5.0
# While stopping, how long to wait for news at the most: a net, as the safety look is one while running.
_STOP_LOOK_SECONDS = 1.0


class UnknownWorker(LookupError):
    """No worker of this name is wanted or running here."""


class UnprovenWorker(PermissionError):
    """A report came without the token that its worker was handed."""


class WrongWorker(ValueError):
    """A report says of its worker what is not so; the text names each field."""


class Reconciler:
    """All workers of this node."""

    def __init__(
        self,
        means: Means,
        posted: Callable[[], None],
        pauses: Callable[[], Iterator[float]],
        monotonic: Callable[[], float],
    ) -> None:
        self._means = means
        self._posted = posted
        self._synced = threading.Event()
        self._applier = Applier(means, posted, self._synced.is_set, pauses)
        self._monotonic = monotonic
        # Set whenever a worker may have come nearer to its end; `stop_workers` waits for it.
        self._moved = threading.Event()
        self._loop = KeyedLoop(self._step, pauses, monotonic)
        # Names of units by key, for turning the runner's news into keys.
        self._keys: dict[str, Key] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin with what was wanted when this LC last ran, whether or not there is a GM."""
        self._means.runner.subscribe(self._unit_changed)
        self._means.contents.subscribe(self._loop.add)
        self._means.remotes.subscribe(self._loop.add)
        self._loop.start()
        self.look_at_all()

    def close(self) -> None:
        """Do no more; units go on."""
        self._loop.close()

    def stop_workers(self) -> list[str]:
        """End all units and wait until each end is judged; return the names of those that still run.

        Takes at most the longest grace of a worker and a little more. Workers that are to run always are Pending
        then, and start with the next LC. Paused units stay as they are.
        """
        self._applier.stopping.set()
        wanted = [parse(Worker, resource) for resource in self._means.store.wanted("workers").values()]
        graces = [worker.spec.termination_grace_period_seconds for worker in wanted]
        deadline = self._monotonic() + max(graces, default=0) + _STOP_MARGIN_SECONDS
        try:
            self.look_at_all()
            while self._unfinished():
                left = deadline - self._monotonic()
                if left <= 0:
                    break
                self._moved.wait(min(left, _STOP_LOOK_SECONDS))
                self._moved.clear()
            return [name for name, unit in self._means.runner.observe().items() if unit.activity.runs]
        except RunnerUnavailable as problem:
            logger.warning("Workers cannot be stopped: %s", problem)
            return []

    def look_at_all(self) -> None:
        """Look at every worker that is wanted, known or running."""
        for key in self._known():
            self._add(key)
        try:
            units = self._means.runner.observe()
        except RunnerUnavailable as problem:
            logger.warning("Units cannot be looked at: %s", problem)
            return
        for name in units:
            if name in self._keys:
                self._add(self._keys[name])
        orphans = [name for name in units if name not in self._keys]
        if orphans and (self._synced.is_set() or self._applier.stopping.is_set()):
            self._stop_orphans(orphans)

    # What the GM tells (sedna_lc.gm.watching.Listener).

    def listed(self, resources: Iterable[Wire]) -> None:
        """These are all workers of this node."""
        workers = [without_news(one) for one in resources]
        self._means.store.replace_wanted("workers", workers)
        self._synced.set()
        for resource in workers:
            self._repeat(resource)
        self._means.tidy()
        self._means.tokens.keep_only(self._known())
        self.look_at_all()

    def changed(self, resource: Wire) -> None:
        """A worker is new or has changed."""
        key, worker = key_of(resource), without_news(resource)
        known = self._means.store.wanted("workers").get(key)
        if known is not None and _is_only_news(known, worker):
            # Every other second, while a worker trains: that is no reason to write to this node's disk.
            return
        self._means.store.put_wanted("workers", worker)
        # Not what was sent once counts, but what the GM holds: a status that came late has replaced a newer one there.
        self._repeat(worker)
        self._add(key)

    def gone(self, resource: Wire) -> None:
        """A worker is gone."""
        key = key_of(resource)
        stored = self._means.store.wanted("workers").get(key)
        if stored is not None and stored["metadata"].get("uid") == resource["metadata"].get("uid"):
            self._means.store.drop_wanted("workers", key)
        self._means.tidy()
        self._add(key)

    # What the door tells.

    def report(self, report: WorkerReport, proven: bool) -> None:
        """Keep a worker's report; it is durable when this returns. Raises UnknownWorker, UnprovenWorker, WrongWorker.

        `proven` tells whether it came with the token of this very worker. Without one it is taken from a worker that
        runs and was handed none: one that was started before workers had tokens, or whose image has a library from
        before. Nothing else can be told about those two, and they must not lose what they did; as soon as such a worker
        is started again, with a library of today, it has a token and needs it. One that has not been started reports
        nothing, so that nobody speaks for it before it has its token.

        One that comes after the worker's end is taken and changes nothing: its sender has nothing to mend.
        """
        key = (report.namespace, report.name)
        self._known_sender(key, proven)
        wanted = self._means.store.wanted("workers").get(key)
        if wanted is not None and (wrong := tuple(_mismatches(parse(Worker, wanted), report))):
            raise WrongWorker("; ".join(wrong))
        body = report.model_dump(mode="json", by_alias=True, exclude_none=True)
        self._means.store.add_report(key, body)
        self._add(key)

    def check_news(self, news: WorkerNews, proven: bool) -> tuple[str, WorkerNews]:
        """Return whose news these are, by uid, and as much of them as fits its role. Raises as `report` does."""
        key = (news.namespace, news.name)
        record = self._known_sender(key, proven)
        wanted = self._means.store.wanted("workers").get(key)
        role = wanted["spec"].get("role") if wanted is not None else None
        # A script that trains may also try what it has trained; that is no service whose inferences anybody counts.
        other = {"inference": "progress"}.get(str(role), "inference")
        return record.uid, news.model_copy(update={other: None})

    # What somebody asks.

    def read_log(
        self, namespace: str, name: str, tail_lines: int | None, follow: bool, stop: threading.Event
    ) -> Iterator[bytes]:
        """Return a worker's log, or what is kept of it since the worker is gone. Raises Never when there is none."""
        wanted = self._means.store.wanted("workers").get((namespace, name))
        # One that waits for its start has no log, whatever an earlier one of its name has left.
        meant = _round_of(wanted) if wanted is not None else ""
        try:
            return self._means.runner.read_log(worker_unit(namespace, name), tail_lines, follow, stop, meant)
        except NoSuchUnit as problem:
            record = self._means.store.worker((namespace, name))
            why = record.status.message if record is not None and record.status.message else "It has not started."
            raise Never("LogNotFound", f"Worker {name} has no log here. {why}") from problem
        except RunnerError as problem:
            raise Never("LogNotFound", f"The log of worker {name} cannot be read: {problem}") from problem

    def read_ended_log(self, namespace: str, name: str, round_id: str, tail_lines: int | None) -> Iterator[bytes]:
        """Return what a worker of that round printed, which the GM does not have any more.

        Raises Never when nothing is kept of it here, Again when that cannot be told now.
        """
        try:
            unit = worker_unit(namespace, name)
            return self._means.runner.read_log(unit, tail_lines, False, threading.Event(), round_id)
        except NoSuchUnit as problem:
            told = f"nothing is kept here of what worker {name} printed. This node keeps the logs {BOUNDS}."
            raise Never("LogNotKept", told) from problem

    def _known_sender(self, key: Key, proven: bool) -> WorkerRecord:
        record = self._means.store.worker(key)
        if record is None:
            raise UnknownWorker(f"no worker {key[1]} in namespace {key[0]} runs on this node")
        if not proven and (record.launch == "no" or self._means.tokens.was_handed(key)):
            raise UnprovenWorker(f"worker {key[1]} reports with its token; the sedna library sends it by itself")
        return record

    def _known(self) -> set[Key]:
        """Every worker that is wanted, or was and is not gone yet."""
        store = self._means.store
        return {*store.wanted("workers"), *(record.key for record in store.workers())}

    def _step(self, key: Key) -> float | None:
        try:
            return self._applier.step(key)
        finally:
            self._moved.set()

    def _unfinished(self) -> bool:
        units = self._means.runner.observe()
        orphans = [unit for name, unit in units.items() if name not in self._keys]
        if any(unit.activity.runs for unit in orphans):
            return True
        return not all(self._applier.is_stopped(key) for key in list(self._keys.values()))

    def _add(self, key: Key) -> None:
        with self._lock:
            self._keys[worker_unit(*key)] = key
        self._loop.add(key)

    def _unit_changed(self, name: str) -> None:
        self._moved.set()
        key = self._keys.get(name)
        if key is not None:
            self._loop.add(key)
        elif not name:
            self.look_at_all()

    def _repeat(self, resource: Wire) -> None:
        """Tell the GM again what it should know, if it holds something else: its store may be an older one.

        A word from here that has not come back yet looks the same; then this is a letter too many, and changes nothing.
        """
        key = key_of(resource)
        record = self._means.store.worker(key)
        if record is None or record.uid != resource["metadata"].get("uid"):
            return
        if parse(Worker, resource).status != record.status:
            self._means.store.post(status_letter("workers", key, record.uid, record.status))
            self._posted()

    def _stop_orphans(self, names: Iterable[str]) -> None:
        """Units that no worker explains: this node lost its memory of them, and the GM does not want them."""
        for name in names:
            unit = self._means.runner.look(name)
            if unit is None:
                continue
            try:
                if unit.activity.ended:
                    self._means.runner.forget(name)
                else:
                    logger.warning("Unit %s belongs to no worker that is wanted here; it is stopped.", name)
                    self._means.runner.stop(name)
            except RunnerError as problem:
                logger.warning("Unit %s cannot be tidied up: %s", name, problem)


def _round_of(resource: Wire) -> str:
    """The id of a worker's round; an inference worker, which goes on over all of them, counts as of none."""
    spec = parse(Worker, resource).spec
    return "" if spec.role == "inference" else round_id(spec.job.uid, spec.round)


def _is_only_news(known: Wire, changed: Wire) -> bool:
    """Whether two states of a worker differ by nothing but their version, without what is told apart."""
    return _without_version(known) == _without_version(changed)


def _without_version(resource: Wire) -> dict[str, object]:
    metadata = {name: value for name, value in resource["metadata"].items() if name != "resourceVersion"}
    return {**resource, "metadata": metadata}


def _mismatches(worker: Worker, report: WorkerReport) -> Iterator[str]:
    role, job = worker.spec.role, worker.spec.job
    if report.kind not in _KINDS[role]:
        yield f"kind: {report.kind!r} is not for a worker that is there for {role}, only {', '.join(_KINDS[role])}"
    if report.owner_name not in ("", job.name):
        yield f"ownerName: its job is {job.name!r}, not {report.owner_name!r}"
    if report.owner_kind.lower() not in (*_NO_KIND, job.kind.lower()):
        yield f"ownerKind: its job is of kind {job.kind!r}, not {report.owner_kind!r}"
