"""The order of events: `sedna get events` and `sedna describe` show the latest last, next to the prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def last_seen(event: Mapping[str, Any]) -> str:
    """Return when an event happened last, as text that sorts by time; older writers fill in fewer fields."""
    times = (event.get(field) for field in ("lastTimestamp", "eventTime", "firstTimestamp"))
    return next((str(time) for time in times if time), str(event["metadata"].get("creationTimestamp") or ""))
