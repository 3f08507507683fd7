"""What a controller wants done about one resource: the value between `deciding` and `applying`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sedna_gm.store.interface import Key

JSON = Mapping[str, Any]


@dataclass(frozen=True)
class Happening:
    """Something worth an Event: a word for programs and a sentence for people."""

    reason: str
    message: str
    type: Literal["Normal", "Warning"] = "Normal"


@dataclass(frozen=True)
class Removal:
    """A resource to delete; of that identity only, never a namesake made since."""

    key: Key
    uid: str


@dataclass(frozen=True)
class Decision:
    """One answer to one snapshot. `applying` documents the order in which the parts take effect, and why."""

    sentence: str
    """What was done or is waited for; the loop logs it when it is new."""
    finalizers: tuple[str, ...] | None = None
    """The finalizers that the resource shall carry; None leaves them as they are."""
    record: JSON | None = None
    """A finished round for the history."""
    statuses: tuple[JSON, ...] = ()
    """Other resources whose status follows from this decision."""
    delete: tuple[Removal, ...] = ()
    change: tuple[JSON, ...] = ()
    """Resources to replace, with the resourceVersion that was looked at."""
    create: tuple[JSON, ...] = ()
    status: JSON | None = None
    """The resource's own new status; None leaves it as it is."""
    drop_annotation: str | None = None
    happenings: tuple[Happening, ...] = ()
    look_again_at: datetime | None = None
