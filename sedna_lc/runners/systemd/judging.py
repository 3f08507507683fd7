"""What has become of a unit: the LC's record and systemd's facts, put together. Pure.

systemd tells how a unit stands, not who made it so. A unit that is not active and has neither failed nor ended by
itself was stopped: by us, when the record says so; by a reboot, when the record is of another boot; else by an
operator, and then it is paused and nobody but the operator starts it again. An operator who starts the job's
target again means its units: systemd starts the installed ones, the transient ones are launched again by us.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from datetime import datetime, timezone

from sedna_lc.runners.base import Activity, Reason, UnitState
from sedna_lc.runners.systemd.manager import UnitFacts
from sedna_lc.runners.systemd.records import Record
from sedna_lc.runners.systemd.words import ActiveState, Result

_EXITED = 1
#: systemd's own exit codes: it was to run the program and could not, from EXIT_CHDIR on.
_SYSTEMD_CODES = range(200, 246)
_STEPS = {
    200: "its working directory",
    203: "its program",
    216: "its group",
    217: "its user",
    226: "its mounts",
    243: "its credentials",
}
_ALIVE = {
    ActiveState.ACTIVE: Activity.RUNNING,
    ActiveState.RELOADING: Activity.RUNNING,
    ActiveState.ACTIVATING: Activity.STARTING,
    ActiveState.DEACTIVATING: Activity.STOPPING,
}


@dataclass(frozen=True)
class Judgement:
    """The unit's state, and whether it has to be launched once more."""

    state: UnitState
    launch_again: bool = False
    #: The run that the state is about.
    invocation: str = ""


def judge(record: Record, facts: UnitFacts | None, target: UnitFacts | None, boot: str, now: datetime) -> Judgement:
    """Decide what a unit is doing.

    Args:
        record: what the LC asked for.
        facts: the unit as systemd sees it; None when it knows none.
        target: the job's target, likewise.
        boot: the host's present boot.
        now: stands in where nobody noted when something ended.
    """
    if record.end is not None and not _runs_again(record, facts):
        return Judgement(record.end)
    if facts is None or facts.active is ActiveState.INACTIVE:
        return _not_active(record, facts, target, boot, now)
    if facts.active is ActiveState.FAILED or facts.sub == "exited":
        return Judgement(_ended(record, facts, now), invocation=facts.invocation)
    # A word that this systemd has and we do not know is taken for a unit that lives.
    activity = _ALIVE.get(facts.active, Activity.RUNNING)
    if record.stopping:
        activity = Activity.STOPPING
    return Judgement(_state(record, facts, activity, now))


def due_at(record: Record, boot: str) -> int | None:
    """When a unit that is restarted has to end, in microseconds since boot; None for one that has no such time.

    systemd counts RuntimeMaxSec= anew at each start, and a unit that exceeds it is one to restart, too. So it watches
    over each run, and this over all of them.
    """
    spec = record.spec
    if spec is None or spec.runtime_max_seconds is None or spec.restart == "Never":
        return None
    if record.end is not None or record.stopping or not record.launched or record.boot != boot:
        return None
    return record.launched + spec.runtime_max_seconds * 1_000_000


def _runs_again(record: Record, facts: UnitFacts | None) -> bool:
    return (
        facts is not None
        and facts.invocation != record.end_invocation
        and facts.active is not ActiveState.INACTIVE
        and bool(facts.invocation)
    )


def _not_active(
    record: Record, facts: UnitFacts | None, target: UnitFacts | None, boot: str, now: datetime
) -> Judgement:
    if record.stopping:
        ended = facts or UnitFacts()
        return Judgement(_ended(record, ended, now), invocation=ended.invocation)
    if facts is not None and facts.has_job:
        return Judgement(_state(record, facts, Activity.STARTING, now))
    if not record.launched:
        # Asked for by an LC that ended before it came to it.
        return Judgement(_state(record, UnitFacts(), Activity.STARTING, now), launch_again=True)
    if record.boot != boot and not (record.persistent and facts is not None):
        return Judgement(
            UnitState(
                record.name,
                Activity.FAILED,
                started_at=_seconds(record.launched_at),
                finished_at=now,
                reason=Reason.UNIT_VANISHED,
                fingerprint=record.fingerprint,
                message="The host was restarted while it ran.",
            )
        )
    resumed = (
        not record.persistent
        and target is not None
        and target.active is ActiveState.ACTIVE
        and target.active_since > record.launched
    )
    paused = UnitState(
        record.name,
        Activity.PAUSED,
        started_at=_seconds(record.launched_at),
        reason=Reason.STOPPED_BY_OPERATOR,
        fingerprint=record.fingerprint,
        message=f"Stopped on this host by its operator; `systemctl start {record.target}` goes on with it.",
    )
    return Judgement(paused, launch_again=resumed)


def _ended(record: Record, facts: UnitFacts, now: datetime) -> UnitState:
    reason, message = _why(record, facts)
    if record.stopping:
        reason, message = Reason.STOPPED, ""
    if record.overdue:
        reason, message = Reason.DEADLINE_EXCEEDED, "It ran longer than it may, its restarts included."
    good = facts.exit_kind == _EXITED and facts.exit_status == 0 and reason in ("", Reason.STOPPED)
    if not good and not reason:
        reason, message = Reason.UNIT_VANISHED, "It has ended, and systemd does not tell how."
    return _state(record, facts, Activity.EXITED if good else Activity.FAILED, now, reason, message)


def _why(record: Record, facts: UnitFacts) -> tuple[str, str]:
    if facts.result is Result.OOM_KILL:
        limit = record.spec.memory_max if record.spec is not None else None
        may = f"its limit of {limit / 2**20:g} MiB" if limit else "it may"
        return Reason.OUT_OF_MEMORY, f"The kernel ended it: it took more memory than {may}, or than there was."
    if facts.result is Result.TIMEOUT:
        return Reason.DEADLINE_EXCEEDED, "It ran longer than it may."
    if facts.result is Result.WATCHDOG:
        return Reason.WATCHDOG, "It did not say in time that it is alive."
    # `systemctl kill` sends SIGTERM, which systemd calls a success; for a worker it is none.
    if facts.exit_kind > _EXITED:
        return Reason.SIGNAL, f"It was ended by {_signal_name(facts.exit_status)}."
    if facts.exit_kind == _EXITED and facts.exit_status in _SYSTEMD_CODES and facts.result is Result.EXIT_CODE:
        step = _STEPS.get(facts.exit_status, "a step before its program")
        return Reason.START_FAILED, f"systemd could not start it because of {step} (status {facts.exit_status})."
    if facts.exit_kind == _EXITED and facts.exit_status:
        return Reason.EXIT_CODE, f"It ended with exit code {facts.exit_status}."
    if facts.result is not Result.SUCCESS:
        return Reason.START_FAILED, f"systemd says: {facts.result.value}."
    return "", ""


def _state(
    record: Record, facts: UnitFacts, activity: Activity, now: datetime, reason: str = "", message: str = ""
) -> UnitState:
    # An ended unit may still name the process that it had, when the two properties are read at different moments.
    done = bool(facts.exit_kind) and (activity.ended or facts.main_pid == 0)
    killed = done and facts.exit_kind > _EXITED
    return UnitState(
        name=record.name,
        activity=activity,
        pid=None if activity.ended else facts.main_pid or None,
        exit_code=facts.exit_status if done and not killed else None,
        signal=facts.exit_status if killed else None,
        started_at=_seconds(record.launched_at) or _micros(facts.started),
        finished_at=(_micros(facts.exited) or now) if activity.ended else None,
        restarts=facts.restarts,
        reason=reason,
        fingerprint=record.fingerprint,
        message=message,
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _seconds(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, timezone.utc) if seconds else None


def _micros(micros: int) -> datetime | None:
    return _seconds(micros / 1_000_000)
