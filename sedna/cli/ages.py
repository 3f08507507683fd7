"""How long ago something was, in as few words as a column of a table has room for."""

from __future__ import annotations

from datetime import datetime

from sedna.api.times import parse_time

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def age(time: str | None, now: datetime) -> str:
    """Return the time since an RFC 3339 time, like `45s`, `3m20s`, `5h` or `2d`."""
    if not time:
        return "<unknown>"
    seconds = max(0, int((now - parse_time(time)).total_seconds()))
    if seconds < 2 * _MINUTE:
        return f"{seconds}s"
    # Minutes are told to the second for ten minutes: that is how long people stare at a round.
    if seconds < 10 * _MINUTE:
        minutes, rest = divmod(seconds, _MINUTE)
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    if seconds < 2 * _HOUR:
        return f"{seconds // _MINUTE}m"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR}h"
    return f"{seconds // _DAY}d"
