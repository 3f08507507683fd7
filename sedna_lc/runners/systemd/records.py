"""What the LC has asked systemd for, kept on disk: systemd forgets what has ended, and a host may go down.

A record is written before the act it describes and removed by `forget`. Compared with systemd's facts it tells
an operator's stop from ours, and a reboot from both (`judging`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sedna_lc.runners.base import Activity, Bind, UnitSpec, UnitState
from sedna_lc.runners.systemd import unitfiles


@dataclass(frozen=True)
class Record:
    """One unit that somebody wants, or wanted."""

    name: str
    fingerprint: str = ""
    #: What was asked for; None for a unit that was found without a record.
    spec: UnitSpec | None = None
    #: Which boot of the host the unit was launched in.
    boot: str = ""
    #: When it was launched, or held back because its target was stopped, in microseconds since boot; 0: not yet.
    launched: int = 0
    #: The same moment, in seconds since 1970, for people.
    launched_at: float = 0.0
    #: We have asked for its end.
    stopping: bool = False
    #: We have asked for its end because it took longer than it may.
    overdue: bool = False
    #: Its last state, once it has ended.
    end: UnitState | None = None
    #: The run that ended; another one since means that an operator started it again.
    end_invocation: str = ""

    @property
    def persistent(self) -> bool:
        """Whether the unit is a file that systemd starts by itself."""
        return self.spec is not None and self.spec.persistent

    @property
    def target(self) -> str:
        """The target it hangs on."""
        return "" if self.spec is None else self.spec.target


class Records:
    """All records, one file each; what is read is what was last written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._known: dict[str, Record] = {}
        for path in sorted(folder.glob("*.json")):
            record = _load(path)
            if record is not None:
                self._known[record.name] = record

    def all(self) -> list[Record]:
        """Every record."""
        return list(self._known.values())

    def get(self, name: str) -> Record | None:
        """One record."""
        return self._known.get(name)

    def put(self, record: Record) -> None:
        """Write a record, durably."""
        text = json.dumps(_dump(record))
        unitfiles.install(self._folder, f"{record.name}.json", text, mode=0o600)
        self._known[record.name] = record

    def change(self, record: Record, **changes: Any) -> Record:
        """Write a record with other values."""
        changed = replace(record, **changes)
        self.put(changed)
        return changed

    def drop(self, name: str) -> None:
        """Forget a record."""
        self._known.pop(name, None)
        unitfiles.remove(self._folder, f"{name}.json")


def _dump(record: Record) -> dict[str, Any]:
    fields = asdict(record)
    if record.end is not None:
        fields["end"] |= {
            "activity": record.end.activity.value,
            "started_at": _text(record.end.started_at),
            "finished_at": _text(record.end.finished_at),
        }
    return fields


def _load(path: Path) -> Record | None:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if spec := fields["spec"]:
            spec |= {key: tuple(spec[key]) for key in ("argv", "volatile")}
            spec["binds"] = tuple(Bind(**bind) for bind in spec["binds"])
            fields["spec"] = UnitSpec(**spec)
        if end := fields["end"]:
            end["activity"] = Activity(end["activity"])
            for key in ("started_at", "finished_at"):
                end[key] = datetime.fromisoformat(end[key]) if end[key] else None
            fields["end"] = UnitState(**end)
        return Record(**fields)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # Without its record the unit, if it runs, is one that nobody asked for, and the reconciler ends it.
        return None


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()
