"""What to do next for one worker: a pure function of one view. No I/O, no clock.

`applying` calls it again after every act until it says REST, so each act is small and every crash between two of them
is only another view.
"""

from __future__ import annotations

from sedna.api.times import parse_time
from sedna.api.workers import ModelReference, Worker
from sedna_lc.reconcile.observing import observed
from sedna_lc.reconcile.trials import is_over, is_to_go_back
from sedna_lc.reconcile.views import Act, Decision, View, is_final, is_hot, is_same, wanted_model
from sedna_lc.runners.base import Activity, Reason, UnitState
from sedna_lc.state.records import WorkerRecord

# Ends that say nothing about the program: the host or this LC went away under it.
_NOT_ITS_FAULT = (Reason.STOPPED, Reason.UNIT_VANISHED)


def decide(view: View) -> Decision:
    """Return the next act for a worker."""
    wanted, record = view.wanted, view.record
    if wanted is None or wanted.metadata.deletion_timestamp is not None:
        return _leave(view, "it is not wanted any more")
    if record is not None and record.uid != wanted.metadata.uid:
        return _leave(view, "another worker of its name is wanted now")
    if record is None and view.stopping:
        return _rest("it is left to the next LocalController")
    if record is None:
        if view.unit is not None and _is_anothers(view, view.unit, wanted):
            return _remove(view.unit, "it belongs to an earlier worker of this name")
        return Decision(Act.BEGIN, "it is new here")
    if is_final(record):
        if view.unit is not None and not view.unit.activity.ended:
            return _stop(view.unit, f"it has ended already ({record.status.reason or record.status.phase})")
        return _rest("it has ended")
    if view.stopping:
        return _at_the_stop(wanted, record, view.unit)
    if view.unit is None:
        return _without_unit(wanted, record)
    return _with_unit(wanted, record, view.unit, view)


def _leave(view: View, why: str) -> Decision:
    if view.wanted is None and not view.synced:
        return _rest("the GM has not been heard yet")
    if view.unit is not None:
        return _remove(view.unit, why)
    if view.record is not None or view.wanted is not None:
        return Decision(Act.RELEASE, why)
    return _rest("nothing is left of it")


def _remove(unit: UnitState, why: str) -> Decision:
    if unit.activity.ended:
        return Decision(Act.DISCARD, why)
    return _stop(unit, why)


def _stop(unit: UnitState, why: str) -> Decision:
    if unit.activity is Activity.STOPPING:
        return _rest("its unit is stopping")
    return Decision(Act.STOP, why)


def _at_the_stop(wanted: Worker, record: WorkerRecord, unit: UnitState | None) -> Decision:
    if unit is not None and not unit.activity.ended:
        if unit.activity is Activity.PAUSED:
            return _rest("it does not run, and resuming it is its operator's")
        return _stop(unit, "its LocalController stops, and its workers with it")
    if record.launch == "done" and not _is_to_go_on(wanted, unit):
        return Decision(Act.SETTLE, "its unit has ended")
    if (record.launch, record.status.phase) != ("no", "Pending"):
        return Decision(Act.PARK, "it runs again when the LocalController is back")
    return _rest("it is left to the next LocalController")


def _without_unit(wanted: Worker, record: WorkerRecord) -> Decision:
    if record.launch != "done":
        return Decision(Act.START, "it is wanted and does not run")
    if _is_to_go_on(wanted, None):
        return Decision(Act.START, "its unit vanished, and it is to run always")
    return Decision(Act.SETTLE, "its unit vanished")


def _with_unit(wanted: Worker, record: WorkerRecord, unit: UnitState, view: View) -> Decision:
    if record.launch == "no":
        # Left over from before this record began, or from a restart that was interrupted: make room.
        return _remove_for_start(unit, "it is started anew")
    if _needs_restart(wanted, record) and unit.activity is not Activity.PAUSED:
        return _remove_for_start(unit, "it is started again with another model")
    if unit.activity.ended:
        if _is_to_go_on(wanted, unit):
            return Decision(Act.FORGET, "it ended through no fault of its own, and is to run again")
        return Decision(Act.SETTLE, "its unit has ended")
    if is_to_go_back(wanted, record) and (is_hot(wanted) or unit.activity is not Activity.PAUSED):
        return Decision(Act.GO_BACK, "the model that is wanted was refused, and there is a good one")
    model = wanted_model(wanted)
    may_change = is_hot(wanted) or unit.activity is not Activity.PAUSED
    if model is not None and may_change and view.hindrance is None and not _is_told(model, record):
        return Decision(Act.SERVE, f"it is to serve {model.url}, round {model.round}")
    if observed(wanted, record, unit, view.last_words, view.hindrance) != record:
        return Decision(Act.OBSERVE, f"its unit is {unit.activity.value}")
    if unit.activity is Activity.RUNNING and is_over(record, view.now):
        return Decision(Act.ACCEPT, "its new model was watched for its window")
    return _rest("all is as it should be")


def _remove_for_start(unit: UnitState, why: str) -> Decision:
    if unit.activity.ended:
        return Decision(Act.FORGET, why)
    return _stop(unit, why)


def _needs_restart(wanted: Worker, record: WorkerRecord) -> bool:
    """A cold update: the unit runs with another model than the one that was put there for it."""
    if wanted.spec.role != "inference" or is_hot(wanted) or record.serving is None:
        return False
    return record.started_with not in ("", record.serving.sha256)


def _is_told(model: ModelReference, record: WorkerRecord) -> bool:
    """Whether this model is loading, serves, or was refused already; then there is nothing to do about it."""
    told = record.status.model
    return told is not None and is_same(model, told)


def _is_to_go_on(wanted: Worker, unit: UnitState | None) -> bool:
    return wanted.spec.restart_policy != "Never" and (unit is None or unit.reason in _NOT_ITS_FAULT)


def _is_anothers(view: View, unit: UnitState, wanted: Worker) -> bool:
    """Asked only when this node lost its memory of the worker: whether the unit was started for an earlier one."""
    if view.claimed_by is not None:
        # Marked before the start. After a restore the GM makes workers of the same names, and clocks need not agree.
        return view.claimed_by != wanted.metadata.uid
    return _is_older(unit, wanted)


def _is_older(unit: UnitState, wanted: Worker) -> bool:
    created = wanted.metadata.creation_timestamp
    # Times travel in whole seconds, hence the one second.
    if created is None or unit.started_at is None:
        return False
    return (parse_time(created) - unit.started_at).total_seconds() > 1


def _rest(why: str) -> Decision:
    return Decision(Act.REST, why)
