"""A runner that starts nothing: the promises of `base.Runner` kept in a dictionary.

Tests of the reconciler, and rehearsals, play the host: `finish`, `crash`, `pause`, `vanish`. Two runners over
one `MemoryHost` are an LC and the one that follows it after a restart.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from sedna.api.rounds import ROUND_ID_VARIABLE
from sedna_lc.runners.base import Activity, Callback, Reason, UnitSpec, UnitState
from sedna_lc.runners.ended import BOUNDS, Ended, about, surplus
from sedna_lc.runners.errors import NoSuchUnit, UnitBusy


@dataclass
class _Unit:
    spec: UnitSpec
    state: UnitState
    asked_to_stop: bool = False
    log: list[bytes] = field(default_factory=list)


class MemoryHost:
    """The host under a `MemoryRunner`, steered by the test.

    Attributes:
        started: every spec that was truly started, in order (repeated calls of `start` do not show).
        stop_requests: the name of every unit asked to stop while it ran.
        hold_stops: when true, a unit asked to stop stays STOPPING until `finish` or `crash`.
        refuse: when set, the next `start` raises it.
    """

    def __init__(self, clock: Callable[[], datetime] | None = None) -> None:
        self.started: list[UnitSpec] = []
        self.stop_requests: list[str] = []
        self.hold_stops = False
        self.refuse: Exception | None = None
        self._clock = clock or (lambda: datetime.now(timezone.utc))
        self._pids = itertools.count(1000)
        self._units: dict[str, _Unit] = {}
        self._ended: dict[str, tuple[Ended, _Unit]] = {}
        self._callbacks: list[Callback] = []
        self._changed = threading.Condition()

    def finish(self, name: str, exit_code: int = 0) -> None:
        """Let the unit's program end with this exit code."""
        reason = "" if exit_code == 0 else Reason.EXIT_CODE
        self._end(name, exit_code=exit_code, signal=None, reason=reason)

    def crash(self, name: str, signal: int = 9, reason: str = Reason.SIGNAL) -> None:
        """Let the unit's program die of a signal; `reason` may be OutOfMemory or DeadlineExceeded."""
        self._end(name, exit_code=None, signal=signal, reason=reason)

    def pause(self, name: str) -> None:
        """Be the operator who stops the unit."""
        self._move(name, activity=Activity.PAUSED, pid=None, reason=Reason.STOPPED_BY_OPERATOR)

    def resume(self, name: str) -> None:
        """Be the operator who starts it again."""
        self._move(name, activity=Activity.RUNNING, pid=next(self._pids), reason="")

    def vanish(self, name: str) -> None:
        """Lose the unit without a word of how it ended."""
        self._move(
            name,
            activity=Activity.FAILED,
            pid=None,
            reason=Reason.UNIT_VANISHED,
            finished_at=self._clock(),
        )

    def write_log(self, name: str, text: bytes) -> None:
        """Let the unit write to its log."""
        with self._changed:
            self._units[name].log.append(text)
            self._changed.notify_all()

    def _end(self, name: str, *, exit_code: int | None, signal: int | None, reason: str) -> None:
        with self._changed:
            unit = self._units[name]
            asked = unit.asked_to_stop
        failed = exit_code != 0
        again = unit.spec.restart == "Always" or (unit.spec.restart == "OnFailure" and failed)
        if again and not asked and reason != Reason.DEADLINE_EXCEEDED:
            self._move(
                name,
                activity=Activity.RUNNING,
                pid=next(self._pids),
                restarts=unit.state.restarts + 1,
                exit_code=exit_code,
                signal=signal,
            )
            return
        self._move(
            name,
            activity=Activity.FAILED if failed else Activity.EXITED,
            pid=None,
            exit_code=exit_code,
            signal=signal,
            reason=Reason.STOPPED if asked else reason,
            finished_at=self._clock(),
        )

    def _move(self, name: str, **changes: object) -> None:
        with self._changed:
            unit = self._units[name]
            unit.state = replace(unit.state, **changes)  # type: ignore[arg-type]
            self._changed.notify_all()
        self._announce(name)

    def _announce(self, name: str) -> None:
        with self._changed:
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback(name)


class MemoryRunner:
    """A `base.Runner` over a `MemoryHost`."""

    def __init__(self, host: MemoryHost | None = None) -> None:
        self.host = host or MemoryHost()
        self._mine: list[Callback] = []

    def start(self, spec: UnitSpec) -> None:
        """See `base.Runner.start`."""
        host = self.host
        with host._changed:
            known = host._units.get(spec.name)
            if known and known.spec.fingerprint == spec.fingerprint:
                return
            if known and not known.state.activity.ended:
                raise UnitBusy(f"{spec.name} runs with other contents; it must end first.")
            if known:
                self._retire(known)
            if host.refuse is not None:
                refusal, host.refuse = host.refuse, None
                raise refusal
            state = UnitState(
                spec.name,
                Activity.RUNNING,
                pid=next(host._pids),
                started_at=host._clock(),
                fingerprint=spec.fingerprint,
            )
            host._units[spec.name] = _Unit(spec, state)
            host.started.append(spec)
        host._announce(spec.name)

    def stop(self, name: str) -> None:
        """See `base.Runner.stop`."""
        host = self.host
        with host._changed:
            unit = host._units.get(name)
            if unit is None or unit.state.activity.ended:
                return
            paused = unit.state.activity is Activity.PAUSED
            if not unit.asked_to_stop:
                host.stop_requests.append(name)
            unit.asked_to_stop = True
        if host.hold_stops and not paused:
            host._move(name, activity=Activity.STOPPING)
        else:
            host._end(name, exit_code=0, signal=None, reason="")

    def forget(self, name: str) -> None:
        """See `base.Runner.forget`."""
        with self.host._changed:
            unit = self.host._units.get(name)
            if unit and not unit.state.activity.ended:
                raise UnitBusy(f"{name} has not ended.")
            if unit:
                self._retire(unit)
            self.host._units.pop(name, None)
            self.host._changed.notify_all()

    def _retire(self, unit: _Unit) -> None:
        spec, kept = unit.spec, self.host._ended
        if not spec.persistent:
            order = max((one.order for one, _ in kept.values()), default=0) + 1
            told = replace(about(spec.name, spec.target, spec.environment), order=order, size=sum(map(len, unit.log)))
            kept[spec.name] = (told, unit)
            for name in surplus([one for one, _ in kept.values()], BOUNDS):
                del kept[name]

    def observe(self) -> Mapping[str, UnitState]:
        """See `base.Runner.observe`."""
        with self.host._changed:
            return {name: unit.state for name, unit in self.host._units.items()}

    def look(self, name: str) -> UnitState | None:
        """See `base.Runner.look`."""
        return self.observe().get(name)

    def subscribe(self, callback: Callback) -> None:
        """See `base.Runner.subscribe`."""
        with self.host._changed:
            self._mine.append(callback)
            self.host._callbacks.append(callback)

    def read_log(
        self, name: str, tail_lines: int | None, follow: bool, stop: threading.Event, round_id: str = ""
    ) -> Iterator[bytes]:
        """See `base.Runner.read_log`."""
        with self.host._changed:
            known = [self.host._units.get(name), self.host._ended.get(name, (None, None))[1]]
            unit = next((one for one in known if one is not None and _is_of_round(one, round_id)), None)
            if unit is None:
                raise NoSuchUnit(f"No unit {name} is known here. Kept are the logs {BOUNDS}.")
            lines = b"".join(unit.log).splitlines(keepends=True)
            seen = len(unit.log)
        first = lines if tail_lines is None else lines[len(lines) - min(tail_lines, len(lines)) :]
        return self._pieces(unit, first, seen, follow, stop)

    def _pieces(
        self, unit: _Unit, first: list[bytes], seen: int, follow: bool, stop: threading.Event
    ) -> Iterator[bytes]:
        yield from first
        while follow and not stop.is_set():
            with self.host._changed:
                # A quarter of a second: `stop` belongs to the caller and cannot wake this condition.
                if len(unit.log) == seen and not unit.state.activity.ended:
                    self.host._changed.wait(timeout=0.25)
                new, seen = unit.log[seen:], len(unit.log)
                ended = unit.state.activity.ended
            yield from new
            if ended and not new:
                return

    def close(self) -> None:
        """See `base.Runner.close`."""
        with self.host._changed:
            for callback in self._mine:
                self.host._callbacks.remove(callback)
            self._mine.clear()


def _is_of_round(unit: _Unit, round_id: str) -> bool:
    return not round_id or unit.spec.environment.get(ROUND_ID_VARIABLE, "") in ("", round_id)
