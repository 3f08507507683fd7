"""Times as they travel: RFC 3339, UTC, whole seconds, as Kubernetes writes them."""

from __future__ import annotations

from datetime import datetime, timezone

UTC = timezone.utc


def format_time(moment: datetime) -> str:
    """Return `2026-11-22T14:25:20Z` for an aware moment in any zone.

    Raises ValueError for a naive one: it would be some machine's local time, and nobody could tell whose.
    """
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot be written")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """Return the aware moment of an RFC 3339 text, with or without a fraction of a second."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00").replace("z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} names no zone: write it as 2026-11-22T14:25:20Z")
    return moment.astimezone(UTC)
