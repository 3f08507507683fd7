"""Moments of a status that lie where none can lie: they were written by a clock that was ahead, and was set back since.

A host without a battery for its clock boots somewhere in time, and is put right by hours. Whatever counts from a moment
of before, a retry or a deadline, would then wait for all of those hours. `deciding` looks here before anything else.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sedna.api.incremental_learning import RoundProgress, Serving
from sedna.api.times import format_time, parse_time
from sedna_gm.controllers.delays import doubling
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.steps import Status, update

_TOLERANCE = timedelta(seconds=60)
"""Clocks that are looked after differ by less: several GlobalManagers may share a store."""


def set_right(snapshot: Snapshot, status: Status) -> Status:
    """The status, with each past that lies ahead as now, and each retry no farther away than its delay."""
    changes: dict[str, object] = {}
    if (when := _appointment(snapshot, status.retry_after, status.failures)) is not None:
        changes["retry_after"] = when
    if status.current is not None and (current := _round(snapshot, status.current)) is not None:
        changes["current"] = current
    if status.serving is not None and (serving := _serving(snapshot, status.serving)) is not None:
        changes["serving"] = serving
    return update(status, **changes) if changes else status


def _round(snapshot: Snapshot, current: RoundProgress) -> RoundProgress | None:
    moments = {name: getattr(current, name) for name in ("started_at", "stage_since", "paused_at")}
    ahead = {name: snapshot.timestamp for name, moment in moments.items() if _is_ahead(snapshot.now, moment)}
    return current.model_copy(update=ahead) if ahead else None


def _serving(snapshot: Snapshot, serving: Serving) -> Serving | None:
    changes: dict[str, object] = {}
    if _is_ahead(snapshot.now, serving.restarted_at):
        changes["restarted_at"] = snapshot.timestamp
    if (when := _appointment(snapshot, serving.retry_after, serving.failures)) is not None:
        changes["retry_after"] = when
    return serving.model_copy(update=changes) if changes else None


def _appointment(snapshot: Snapshot, moment: str | None, failures: int) -> str | None:
    """When a retry is due that could not have been made for the moment that is written; None where it could."""
    settings = snapshot.settings
    latest = snapshot.after(doubling(settings.first_retry, settings.longest_retry)(max(1, failures)))
    return format_time(latest) if _is_ahead(latest, moment) else None


def _is_ahead(now: datetime, moment: str | None) -> bool:
    return moment is not None and parse_time(moment) > now + _TOLERANCE
