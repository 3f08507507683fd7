"""systemd as the runner needs it: units started, stopped, read and announced. The words of its bus interface.

Whoever starts something here subscribes first, asks then, and waits for the end of its own job, with a timeout;
what came of it is read afresh, never concluded. Changes arrive as names of units.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from jeepney import DBusAddress

from sedna_lc.runners.errors import NoSuchUnit, RunnerError, UnitRefused
from sedna_lc.runners.systemd.bus import Bus, Signal
from sedna_lc.runners.systemd.words import ActiveState, JobResult, Result

_NAME = "org.freedesktop.systemd1"
_ROOT = "/org/freedesktop/systemd1"
_UNITS = _ROOT + "/unit/"
_MANAGER = DBusAddress(_ROOT, _NAME, _NAME + ".Manager")
_PROPERTIES = "org.freedesktop.DBus.Properties"
_MATCHES = (
    f"type='signal',sender='{_NAME}',interface='{_NAME}.Manager',path='{_ROOT}'",
    f"type='signal',sender='{_NAME}',interface='{_PROPERTIES}',member='PropertiesChanged',path_namespace='{_ROOT}/unit'",
)
_OURS = ("sedna-worker-", "sedna-job-")
#: Methods that are given no unit but patterns.
_PATTERNS = frozenset({"ListUnitsByPatterns"})


@dataclass(frozen=True)
class UnitFacts:
    """What systemd says of one unit at one moment, uninterpreted. Times in microseconds, 0 for never."""

    loaded: bool = True
    active: ActiveState = ActiveState.INACTIVE
    sub: str = ""
    #: A start, stop or restart is queued.
    has_job: bool = False
    invocation: str = ""
    #: Since boot.
    active_since: int = 0
    result: Result = Result.SUCCESS
    main_pid: int = 0
    #: As in waitid(2): 1 exited, 2 killed, 3 dumped; 0 while it runs.
    exit_kind: int = 0
    exit_status: int = 0
    started: int = 0
    exited: int = 0
    restarts: int = 0


class Manager:
    """A connection to systemd.

    Args:
        address: the bus, see `Bus`.
        on_change: called with the name of one of our units that may have changed; must only queue it.
        on_lost: called once when the connection has ended.
        job_timeout: seconds to wait for a job of ours.
    """

    def __init__(
        self,
        address: str,
        on_change: Callable[[str], None],
        on_lost: Callable[[], None],
        job_timeout: float = 30.0,
    ) -> None:
        self._on_change = on_change
        self._job_timeout = job_timeout
        self._heard = threading.Condition()
        self._watchers: list[_Watcher] = []
        self._held: set[str] = set()
        self._bus = Bus(address, self._on_signal, on_lost)
        try:
            for rule in _MATCHES:
                self._bus.match(rule)
            self._call("Subscribe")
        except RunnerError:
            self._bus.close()
            raise

    # -- asking -------------------------------------------------------------------------------------------

    def list_units(self, patterns: Iterable[str]) -> list[str]:
        """The names of the units that match a pattern and run, or have ended and left something to see."""
        (rows,) = self._call("ListUnitsByPatterns", "asas", ([], list(patterns)))
        return [name for name, _, _, active, *_ in rows if active != ActiveState.INACTIVE]

    def read(self, name: str, load: bool = False) -> UnitFacts | None:
        """What is known of a unit; None when systemd has none in mind.

        With `load`, a unit that is only a file at the moment is read, too. Not for every question: systemd
        announces units that come and go, and whoever looks at each announcement by loading would never end.
        """
        try:
            (path,) = self._call("LoadUnit" if load else "GetUnit", "s", (name,))
            unit = self._properties(path, "Unit")
            if unit.get("LoadState") != "loaded":
                return None
            service = self._properties(path, "Service") if name.endswith(".service") else {}
        except NoSuchUnit:
            # It may be unloaded between two of these questions.
            return None
        return UnitFacts(
            active=ActiveState(unit.get("ActiveState", "inactive")),
            sub=unit.get("SubState", ""),
            has_job=bool(unit.get("Job", (0, "/"))[0]),
            invocation=bytes(unit.get("InvocationID", b"")).hex(),
            active_since=unit.get("ActiveEnterTimestampMonotonic", 0),
            result=Result(service.get("Result", "success")),
            main_pid=service.get("MainPID", 0),
            exit_kind=service.get("ExecMainCode", 0),
            exit_status=service.get("ExecMainStatus", 0),
            started=service.get("ExecMainStartTimestamp", 0),
            exited=service.get("ExecMainExitTimestamp", 0),
            restarts=service.get("NRestarts", 0),
        )

    # -- acting -------------------------------------------------------------------------------------------

    def start(self, name: str) -> JobResult:
        """Start a unit that systemd knows, and wait for the end of the job."""
        return self._job("StartUnit", "ss", (name, "replace"))

    def start_transient(self, name: str, properties: list[tuple[str, tuple[str, Any]]]) -> JobResult:
        """Make and start a unit that exists only as long as it is needed, and wait for the end of the job."""
        return self._job("StartTransientUnit", "ssa(sv)a(sa(sv))", (name, "replace", properties, []))

    def stop(self, name: str) -> None:
        """Ask a unit to stop. The end is announced; it may take as long as the unit is given for it."""
        self._call("StopUnit", "ss", (name, "replace"))

    def stop_and_wait(self, name: str) -> JobResult:
        """Stop a unit that has nothing to finish."""
        return self._job("StopUnit", "ss", (name, "replace"))

    def hold(self, name: str) -> None:
        """Keep systemd from forgetting an ended unit, until `unload` or the end of this connection."""
        if name not in self._held:
            self._call("RefUnit", "s", (name,))
            self._held.add(name)

    def clear(self, name: str) -> None:
        """Turn a unit that has ended, well or badly, into one that has never run."""
        facts = self.read(name)
        if facts is None:
            return
        if facts.active is ActiveState.FAILED:
            self._call("ResetFailedUnit", "s", (name,))
        elif facts.active is not ActiveState.INACTIVE:
            self.stop_and_wait(name)

    def unload(self, name: str, timeout: float = 5.0) -> None:
        """Make systemd forget a cleared unit that has no file, and wait until it has."""
        with self._watch() as watcher:
            held = name in self._held
            self._held.discard(name)
            if self.read(name) is None:
                return
            if held:
                self._call("UnrefUnit", "s", (name,))
            self._wait(lambda: name in watcher.removed, timeout)

    def reload(self) -> None:
        """Have unit files read again."""
        self._call("Reload")

    def enable(self, name: str) -> None:
        """Have a unit started at boot, as its file says."""
        self._call("EnableUnitFiles", "asbb", ([name], False, True))

    def disable(self, name: str) -> None:
        """Undo `enable`."""
        self._call("DisableUnitFiles", "asb", ([name], False))

    def close(self) -> None:
        """End the connection; units stay as they are."""
        self._bus.close()

    # -- below --------------------------------------------------------------------------------------------

    def _call(self, method: str, signature: str | None = None, body: tuple[Any, ...] = ()) -> tuple[Any, ...]:
        if body and method not in _PATTERNS:
            _require_ours(body[0])
        return self._bus.call(_MANAGER, method, signature, body)

    def _properties(self, path: str, interface: str) -> dict[str, Any]:
        address = DBusAddress(path, _NAME, _PROPERTIES)
        (values,) = self._bus.call(address, "GetAll", "s", (f"{_NAME}.{interface}",))
        return {name: value for name, (_, value) in values.items()}

    def _job(self, method: str, signature: str, body: tuple[Any, ...]) -> JobResult:
        with self._watch() as watcher:
            (job,) = self._call(method, signature, body)
            self._wait(lambda: job in watcher.jobs, self._job_timeout)
            return watcher.jobs.get(job, JobResult.UNFINISHED)

    @contextmanager
    def _watch(self) -> Iterator[_Watcher]:
        # Begun before the call: the job's end may be told before the call's own reply.
        watcher = _Watcher({}, set())
        with self._heard:
            self._watchers.append(watcher)
        try:
            yield watcher
        finally:
            with self._heard:
                self._watchers.remove(watcher)

    def _wait(self, condition: Callable[[], bool], timeout: float) -> None:
        end = time.monotonic() + timeout
        with self._heard:
            while not condition() and (left := end - time.monotonic()) > 0:
                self._heard.wait(left)

    def _on_signal(self, signal: Signal) -> None:
        if signal.member == "PropertiesChanged":
            name = unit_of(signal.path)
        elif signal.member == "JobRemoved":
            _, job, name, result = signal.body
            self._note(lambda watcher: watcher.jobs.__setitem__(job, JobResult(result)))
        elif signal.member == "UnitRemoved":
            # Not announced: loading a unit to look at it ends in one of these, too.
            removed = signal.body[0]
            self._note(lambda watcher: watcher.removed.add(removed))
            return
        else:
            return
        if name.startswith(_OURS):
            self._on_change(name)

    def _note(self, write: Callable[[_Watcher], None]) -> None:
        with self._heard:
            for watcher in self._watchers:
                write(watcher)
            self._heard.notify_all()


@dataclass(frozen=True)
class _Watcher:
    """What was heard since somebody began to listen."""

    jobs: dict[str, JobResult]
    removed: set[str]


def _require_ours(units: str | list[str]) -> None:
    """Let no mistake of ours reach a unit of the host: the one place through which all of them go."""
    for name in [units] if isinstance(units, str) else units:
        if not name.startswith(_OURS) or "/" in name:
            raise UnitRefused(f"{name} is none of Sedna's units; the LocalController touches no other.")


def unit_of(path: str) -> str:
    """The name of the unit behind an object's path; "" for another object."""
    if not path.startswith(_UNITS):
        return ""
    # systemd writes every character but letters and digits as _xx, byte for byte.
    raw = path[len(_UNITS) :].encode()
    return re.sub(rb"_([0-9a-f]{2})", lambda match: bytes([int(match[1], 16)]), raw).decode(errors="replace")
