"""What to send so that a stored resource becomes what its manifest says: kubectl's three-way merge, pure.

Three documents meet: what was applied last, what is wanted now, what the server has. A field that was applied
before and is wanted no more is removed; a field that only the server has (a default, a status) is left alone.
`sedna.cli.applying` keeps what was applied in the same annotation as kubectl does, so both can take turns.
"""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def merge_patch(last_applied: Document, wanted: Document, live: Document) -> Document:
    """Return the merge patch (RFC 7386) that leads from `live` to `wanted`; empty when nothing is to be done."""
    patch: Document = {}
    for key, value in wanted.items():
        if value is None:
            # A key without a value asks for nothing, and so for the removal of what is there.
            if key in live:
                patch[key] = None
        elif isinstance(value, dict) and isinstance(live.get(key), dict):
            before = last_applied.get(key)
            part = merge_patch(before if isinstance(before, dict) else {}, value, live[key])
            if part:
                patch[key] = part
        elif key not in live or not covers(live[key], value):
            patch[key] = value
    for key in last_applied:
        if key not in wanted and key in live:
            patch[key] = None
    return patch


def covers(live: Any, wanted: Any) -> bool:
    """Tell whether `live` says all that `wanted` says; the server's defaults inside lists are no difference."""
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(key in live and covers(live[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        return (
            isinstance(live, list)
            and len(live) == len(wanted)
            and all(covers(mine, theirs) for mine, theirs in zip(live, wanted, strict=True))
        )
    # In Python True equals 1; in a manifest they are two different values.
    return isinstance(live, bool) == isinstance(wanted, bool) and bool(live == wanted)
