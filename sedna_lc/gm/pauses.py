"""How long to wait between attempts: growing, bounded, and never the same on two nodes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

Pauses = Callable[[], Iterator[float]]
"""Makes a fresh series of waits, in seconds, for one thing that fails."""

# After a GM's restart a thousand nodes come back within this time instead of all at once.
LONGEST_SECONDS = 30.0


def growing(
    first: float = 0.5, longest: float = LONGEST_SECONDS, chance: Callable[[], float] = random.random
) -> Iterator[float]:
    """Yield waits that double from `first` to `longest`, each shortened by chance to between a half and all."""
    wait = first
    while True:
        yield wait * (0.5 + chance() / 2)
        wait = min(longest, wait * 2)
