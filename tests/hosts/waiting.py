"""Waiting on a real system: look until what is looked for is so, and say at the deadline what was seen last."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")


def wait_until(
    what: str,
    look: Callable[[], Seen],
    holds: Callable[[Seen], object] = bool,
    *,
    seconds: float = 60,
    pause: float = 0.25,
) -> Seen:
    """Look again and again until it holds, and return what was seen then.

    Args:
        what: a sentence for the error, as in "edge1 serves model 2".
        look: asks the system; what it raises counts as seen, and not as holding.
        holds: judges what was seen.
        seconds: the deadline; generous, for it is met only when something is wrong.
        pause: seconds between two looks: asking must not be the load.

    Raises:
        AssertionError: at the deadline; names what was seen last.
    """
    deadline = time.monotonic() + seconds
    while True:
        last: object
        try:
            seen = look()
            if holds(seen):
                return seen
            last = seen
        except Exception as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"Waited {seconds:g} s in vain until {what}. Seen last: {last}")
        time.sleep(pause)
