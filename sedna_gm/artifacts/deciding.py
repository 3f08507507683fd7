"""Which blobs may go. Pure: `sedna_gm.artifacts.sweeping` looks, asks here, and removes."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass

from sedna_gm.artifacts.interface import Blob


@dataclass(frozen=True)
class Decision:
    """What goes now, and in how many seconds the next one may."""

    remove: tuple[Blob, ...]
    again: float | None


def decide(blobs: Iterable[Blob], needed: Set[str], now: float, keep_seconds: float) -> Decision:
    """Removes what nobody needs and nobody has asked for in `keep_seconds`.

    Args:
        blobs: everything that is there, also what has come in part.
        needed: the sha256 of every tree that an Artifact names, and of every file that those trees name. Parts of
            them stay, too: over a poor line, between one piece and the next there may be days.
        now: seconds since 1970, by the clock that touches blobs.
        keep_seconds: a blob may be on its way into a tree that is not finished; so long it is taken to be.
    """
    idle = sorted((blob for blob in blobs if blob.sha256 not in needed), key=lambda blob: blob.touched)
    # The time of a clock that was set back lies in the future; such a blob waits like a fresh one.
    ages = [(blob, now - blob.touched) for blob in idle]
    remove = tuple(blob for blob, age in ages if age >= keep_seconds)
    waits = [keep_seconds - max(age, 0.0) for _, age in ages if age < keep_seconds]
    return Decision(remove, min(waits) if waits else None)
