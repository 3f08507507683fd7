"""The systemd runner: the promises of `base.Runner` kept by the host's own service manager.

Train and eval workers are transient units, inference workers installed ones. What an operator does to a unit or
to a job's target is seen and respected (`judging`). Three kinds of thread meet here: callers, one listener that
re-reads what the bus announced, and the bus's own reader, which only fills the listener's queue.
"""

from __future__ import annotations

import functools
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from sedna.api.rounds import ROUND_ID_VARIABLE
from sedna_lc.runners.base import Activity, Callback, UnitSpec, UnitState, fields_of_start
from sedna_lc.runners.ended import BOUNDS, Bounds, Ended, EndedLogs, about
from sedna_lc.runners.errors import NoSuchUnit, RunnerError, RunnerUnavailable, UnitBusy, UnitRefused
from sedna_lc.runners.systemd import journal, unitfiles
from sedna_lc.runners.systemd.judging import Judgement, due_at, judge
from sedna_lc.runners.systemd.manager import Manager
from sedna_lc.runners.systemd.properties import transient_properties
from sedna_lc.runners.systemd.records import Record, Records
from sedna_lc.runners.systemd.words import ActiveState

log = logging.getLogger(__name__)

_PATTERN = "sedna-worker-*.service"
_SUFFIX = ".service"
_LOST = object()
#: How long until a unit is looked at again that has run too long and could not be stopped, or is paused.
_LATE_SECONDS = 5.0


@dataclass(frozen=True)
class SystemdSettings:
    """How the runner reaches systemd, and what it gives to workers."""

    #: The LC's state folder; records live below `systemd/` in it.
    state_dir: Path
    #: Where installed units go: systemd's folder for the administrator's units.
    units_dir: Path = Path("/etc/systemd/system")
    #: The bus that systemd is on.
    bus: str = "SYSTEM"
    #: The unprivileged user that workers run as; None leaves them to systemd's own user.
    user: str | None = None
    #: Whether workers are confined; only a host that cannot do it should say no.
    sandbox: bool = True
    #: Seconds for a unit to start, so that a stuck systemd does not stop the LC.
    job_timeout: float = 30.0
    #: Seconds before the first attempt to reconnect, and the longest between two.
    reconnect_delay: tuple[float, float] = (0.5, 30.0)
    #: The program that reads the journal.
    journalctl: tuple[str, ...] = ("journalctl",)
    #: The file that tells one boot from the next.
    boot_id: Path = Path("/proc/sys/kernel/random/boot_id")
    #: Of how many forgotten units it is remembered what to ask the journal; below `ended/` in the state folder.
    kept: Bounds = BOUNDS


class SystemdRunner:
    """A `base.Runner` over systemd.

    Raises:
        RunnerUnavailable: systemd cannot be reached now; later losses are mended by the runner itself.
    """

    def __init__(self, settings: SystemdSettings) -> None:
        self._settings = settings
        self._records = Records(settings.state_dir / "systemd")
        self._ended = EndedLogs(settings.state_dir / "ended", settings.kept)
        # Serialises acts and judgements; the bus answers in milliseconds, a start in `job_timeout` at worst.
        self._mutex = threading.RLock()
        self._callbacks: list[Callback] = []
        self._changes: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._manager: Manager | None = None
        self._connect()
        self._thread = threading.Thread(target=self._listen, name="systemd-runner", daemon=True)
        self._thread.start()

    def start(self, spec: UnitSpec) -> None:
        """See `base.Runner.start`."""
        if not spec.argv:
            raise UnitRefused(f"{spec.name} names no program to run.")
        with self._mutex:
            known = self._records.get(spec.name)
            if known is not None:
                if known.fingerprint == spec.fingerprint and (known.launched or known.end):
                    return
                if known.fingerprint != spec.fingerprint:
                    if not self._judge(known).activity.ended:
                        raise UnitBusy(f"{spec.name} runs with other contents; it must end first.")
                    self._remember(known)
                    self._drop_unit(known)
            record = Record(spec.name, spec.fingerprint, spec)
            self._records.put(record)
            try:
                self._launch(record)
            except UnitRefused:
                self._drop_unit(record)
                self._drop_target(record.target)
                raise
        log.info("Unit %s has been started (%s).", spec.name, spec.description, extra=fields_of_start(spec))

    def stop(self, name: str) -> None:
        """See `base.Runner.stop`."""
        self._stop(name, overdue=False)

    def _stop(self, name: str, *, overdue: bool) -> None:
        with self._mutex:
            record = self._records.get(name)
            if record is None:
                if self._systemd.read(name + _SUFFIX) is None:
                    return
                record = Record(name, boot=self._boot, launched=_now())
            state = self._judge(record)
            if state.activity.ended:
                return
            self._records.change(self._records.get(name) or record, stopping=True, overdue=overdue)
            if state.activity is not Activity.PAUSED:
                try:
                    self._systemd.stop(name + _SUFFIX)
                except NoSuchUnit:
                    log.debug("Unit %s ended before it could be stopped.", name)
        self._announce(name)

    def forget(self, name: str) -> None:
        """See `base.Runner.forget`."""
        with self._mutex:
            record = self._records.get(name)
            if record is None:
                return
            if not self._judge(record).activity.ended:
                raise UnitBusy(f"{name} has not ended.")
            self._remember(record)
            self._drop_unit(record)
            self._drop_target(record.target)

    def observe(self) -> Mapping[str, UnitState]:
        """See `base.Runner.observe`."""
        with self._mutex:
            for unit in self._systemd.list_units([_PATTERN]):
                self._adopt(unit.removesuffix(_SUFFIX))
            return {record.name: self._judge(record) for record in self._records.all()}

    def look(self, name: str) -> UnitState | None:
        """See `base.Runner.look`."""
        with self._mutex:
            if self._records.get(name) is None and self._systemd.list_units([name + _SUFFIX]):
                self._adopt(name)
            record = self._records.get(name)
            return None if record is None else self._judge(record)

    def subscribe(self, callback: Callback) -> None:
        """See `base.Runner.subscribe`."""
        with self._mutex:
            self._callbacks.append(callback)

    def read_log(
        self, name: str, tail_lines: int | None, follow: bool, stop: threading.Event, round_id: str = ""
    ) -> Iterator[bytes]:
        """See `base.Runner.read_log`."""
        record = self._records.get(name)
        if record is None or (round_id and _round_of(record) not in ("", round_id)):
            kept = self._ended.find(name, round_id)
            if kept is None:
                raise NoSuchUnit(
                    f"No unit {name} is known here. Known is where to look for the logs {self._ended.bounds}."
                )
            return self._read_kept(kept, tail_lines, stop)

        def ended() -> bool:
            now = self._records.get(name)
            try:
                return now is None or self._judge(now).activity.ended
            except RunnerUnavailable:
                return False

        command = self._settings.journalctl
        return journal.read(command, name + _SUFFIX, record.launched_at, tail_lines, follow, stop, ended)

    def _read_kept(self, kept: Ended, tail_lines: int | None, stop: threading.Event) -> Iterator[bytes]:
        command, unit = self._settings.journalctl, kept.name + _SUFFIX
        pieces = journal.read(command, unit, kept.since, tail_lines, False, stop, lambda: True, kept.until)

        def said() -> Iterator[bytes]:
            empty = tail_lines != 0
            for piece in pieces:
                empty = False
                yield piece
            if empty:
                told = (
                    f"sedna-lc: The journal of this node has no line of {unit}: it printed none, or they are too old."
                )
                yield f"{told}\n".encode()

        return said()

    def close(self) -> None:
        """See `base.Runner.close`."""
        self._stopped.set()
        self._changes.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join()
        if self._manager is not None:
            self._manager.close()
            self._manager = None

    # -- judging ------------------------------------------------------------------------------------------

    @property
    def _systemd(self) -> Manager:
        manager = self._manager
        if manager is None:
            raise RunnerUnavailable("The connection to systemd is lost; it is being made again.")
        return manager

    @functools.cached_property
    def _boot(self) -> str:
        return self._settings.boot_id.read_text(encoding="ascii").strip()

    def _judge(self, record: Record) -> UnitState:
        """Decide how a unit stands, and keep the answer if it is the last one."""
        with self._mutex:
            record = self._records.get(record.name) or record
            judgement = self._compare(record)
            state = judgement.state
            if state.activity.ended and state != record.end:
                self._records.change(record, end=state, end_invocation=judgement.invocation)
            elif record.end is not None and not state.activity.ended:
                self._records.change(record, end=None, end_invocation="")
            return state

    def _compare(self, record: Record) -> Judgement:
        facts = self._systemd.read(record.name + _SUFFIX, load=record.persistent)
        target = self._systemd.read(record.target) if record.target else None
        return judge(record, facts, target, self._boot, datetime.now(timezone.utc))

    def _adopt(self, name: str) -> None:
        """Know a unit that runs without a record; whoever wants it gone can then stop it."""
        if self._records.get(name) is None:
            log.warning("Unit %s runs, and nothing is known of it; it is taken over.", name)
            self._records.put(Record(name, boot=self._boot, launched=_now(), launched_at=time.time()))
            self._hold(name)

    # -- launching ----------------------------------------------------------------------------------------

    def _launch(self, record: Record) -> None:
        """Start what is recorded; or hold it back, because the operator has stopped its job."""
        spec = record.spec
        assert spec is not None  # noqa: S101
        name = record.name + _SUFFIX
        allowed = not spec.target or self._ensure_target(spec.target)
        if spec.persistent:
            self._install(name, spec)
        begun = time.time()
        if allowed:
            if spec.persistent or self._systemd.read(name) is not None:
                result = self._systemd.start(name)
            else:
                properties = transient_properties(spec, self._settings.user, self._settings.sandbox)
                result = self._systemd.start_transient(name, properties)
            log.debug("The job that starts %s ended: %s.", name, result.value)
            facts = self._systemd.read(name)
            if facts is None or (facts.active is ActiveState.INACTIVE and not facts.has_job):
                raise RunnerUnavailable(f"systemd has not started {name}; its job ended as: {result.value}.")
            self._hold(record.name)
        else:
            log.info("Unit %s waits: its job is paused on this host (%s is stopped).", name, spec.target)
        self._records.change(record, boot=self._boot, launched=_now(), launched_at=begun, end=None)

    def _install(self, name: str, spec: UnitSpec) -> None:
        text = unitfiles.render_service(spec, self._settings.user, self._settings.sandbox)
        unitfiles.install(self._settings.units_dir, name, text)
        self._enable(name)

    def _ensure_target(self, name: str) -> bool:
        """Make the job's target, if it is new; whether the operator lets the job run."""
        text = unitfiles.render_target(name)
        mark = self._started_mark(name)
        changed = unitfiles.install(self._settings.units_dir, name, text)
        if not mark.exists():
            self._enable(name)
        elif changed:
            # Once it has run, whether it is enabled is the operator's decision.
            self._systemd.reload()
        facts = self._systemd.read(name, load=True)
        if facts is not None and (facts.active is not ActiveState.INACTIVE or facts.has_job):
            mark.touch()
            return True
        if mark.exists():
            # It ran, and now it does not: somebody stopped it.
            return False
        self._systemd.start(name)
        mark.touch()
        return True

    def _enable(self, name: str) -> None:
        """Have systemd read a unit's file and start it at boot.

        Whatever was there already: an attempt that ended between file and link left a unit that no boot starts.
        """
        self._systemd.enable(name)
        unitfiles.sync_links(self._settings.units_dir, name)
        self._systemd.reload()

    def _started_mark(self, target: str) -> Path:
        return self._settings.state_dir / "systemd" / f"{target}.started"

    def _hold(self, name: str) -> None:
        try:
            self._systemd.hold(name + _SUFFIX)
        except RunnerError as error:
            log.debug("Unit %s is not held: %s", name, error)

    # -- letting go ---------------------------------------------------------------------------------------

    def _remember(self, record: Record) -> None:
        """Keep what to ask the journal for, when the unit itself is forgotten."""
        if record.persistent or not record.launched:
            return
        environment = {} if record.spec is None else record.spec.environment
        kept = about(record.name, record.target, environment, since=record.launched_at, until=time.time())
        try:
            self._ended.keep(kept)
        except OSError as problem:
            # A full disk: to begin the next worker counts for more.
            log.warning("Where the log of unit %s is cannot be written down: %s", record.name, problem)

    def _drop_unit(self, record: Record) -> None:
        name = record.name + _SUFFIX
        # Before its file goes: systemd stops nothing that is no longer described.
        self._quietly(self._systemd.clear, name)
        if record.persistent or (self._settings.units_dir / name).exists():
            self._quietly(self._systemd.disable, name)
            unitfiles.remove(self._settings.units_dir, name)
            self._systemd.reload()
        self._quietly(self._systemd.unload, name)
        self._records.drop(record.name)

    def _drop_target(self, target: str) -> None:
        """Remove a job's target when nothing on this host hangs on it any more."""
        if not target or any(record.target == target for record in self._records.all()):
            return
        # Waited for: a unit started right afterwards must not be stopped with the target.
        self._quietly(self._systemd.stop_and_wait, target)
        self._quietly(self._systemd.disable, target)
        unitfiles.remove(self._settings.units_dir, target)
        self._started_mark(target).unlink(missing_ok=True)
        self._systemd.reload()

    @staticmethod
    def _quietly(act: Callable[[str], object], name: str) -> None:
        """Undo something that may be undone already."""
        try:
            act(name)
        except RunnerUnavailable:
            raise
        except RunnerError as error:
            log.debug("There was nothing to undo of %s: %s", name, error)

    # -- listening ----------------------------------------------------------------------------------------

    def _listen(self) -> None:
        while not self._stopped.is_set():
            changes = self._gather()
            self._end_overdue()
            for change in changes:
                try:
                    if change is _LOST:
                        self._reconnect()
                        self._announce("")
                    elif isinstance(change, str):
                        self._look(change)
                except RunnerError as error:
                    log.warning("A change of %s could not be looked at: %s", change, error)

    def _gather(self) -> list[object]:
        """The next change, and those that have come meanwhile, each once: systemd says most things twice.

        Nothing, when a unit has to end before there is a change.
        """
        try:
            changes = {self._changes.get(timeout=self._until_due()): None}
        except queue.Empty:
            return []
        while True:
            try:
                changes[self._changes.get_nowait()] = None
            except queue.Empty:
                return list(changes)

    def _until_due(self) -> float | None:
        """Seconds until the next unit has to end; None while there is none."""
        with self._mutex:
            times = [at for record in self._records.all() if (at := due_at(record, self._boot)) is not None]
        now = _now()
        waits = [(at - now) / 1_000_000 if at > now else _LATE_SECONDS for at in times]
        return min(waits, default=None)

    def _end_overdue(self) -> None:
        with self._mutex:
            for record in self._records.all():
                at = due_at(record, self._boot)
                if at is None or at > _now():
                    continue
                try:
                    if self._judge(record).activity.runs:
                        log.info("Unit %s has run longer than it may; it is stopped.", record.name)
                        self._stop(record.name, overdue=True)
                except RunnerError as error:
                    log.warning("Unit %s, which has run longer than it may, is not stopped: %s", record.name, error)

    def _look(self, unit: str) -> None:
        """Act on a change, and tell who subscribed."""
        if unit.endswith(_SUFFIX):
            self._announce(unit.removesuffix(_SUFFIX))
            return
        for record in self._records.all():
            if record.target == unit:
                self._resume(record.name)
                self._announce(record.name)

    def _resume(self, name: str) -> None:
        """Launch a unit again whose target the operator has started again."""
        with self._mutex:
            # Read under the lock: with what was known before a stop, it would be started behind that stop's back.
            record = self._records.get(name)
            if record is None or record.spec is None:
                return
            if self._compare(record).launch_again:
                log.info("Unit %s goes on: its job has been started again on this host.", record.name)
                self._launch(record)

    def _connect(self) -> None:
        """Connect, take over what runs, and finish what an earlier LC began."""
        manager = Manager(
            self._settings.bus,
            self._changes.put,
            lambda: self._changes.put(_LOST),
            self._settings.job_timeout,
        )
        with self._mutex:
            self._manager = manager
            for unit in manager.list_units([_PATTERN]):
                name = unit.removesuffix(_SUFFIX)
                if self._records.get(name) is not None:
                    self._hold(name)
            for record in self._records.all():
                if record.end is not None:
                    continue
                if record.stopping:
                    self._quietly(manager.stop, record.name + _SUFFIX)
                else:
                    self._resume(record.name)

    def _reconnect(self) -> None:
        delay, longest = self._settings.reconnect_delay
        old, self._manager = self._manager, None
        if old is not None:
            old.close()
        log.warning("The connection to systemd is lost; workers go on, and it is made again.")
        while not self._stopped.wait(delay):
            try:
                self._connect()
            except RunnerError as error:
                log.debug("systemd is not back yet: %s", error)
                delay = min(delay * 2, longest)
            else:
                log.info("The connection to systemd is back.")
                return

    def _announce(self, name: str) -> None:
        with self._mutex:
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback(name)


def _round_of(record: Record) -> str:
    return "" if record.spec is None else record.spec.environment.get(ROUND_ID_VARIABLE, "")


def _now() -> int:
    """Microseconds on the clock that systemd's …Monotonic timestamps use."""
    return time.monotonic_ns() // 1000
