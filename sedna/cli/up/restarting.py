"""Starts a daemon of `sedna up` again when it has died, as systemd's Restart= does on a host.

`sedna.cli.up.command` hands in both children once they are ready. Workers are no children of theirs: they go on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sedna.cli.errors import CommandError
from sedna.cli.up.children import Child

# How soon a death is noticed.
LOOK_SECONDS = 0.5
# The first delay; each further death in a row doubles it.
DELAY_SECONDS = 1.0
MOST_DELAY_SECONDS = 30.0
# One that has run as long as this has got over what killed it before.
WELL_SECONDS = 60.0
# So many deaths in a row, none of them after a good life, and it will not get better by itself.
DEATHS = 5


@dataclass(frozen=True)
class Life:
    """How a daemon fares: when it was started, how often it died in a row, and when it is to be started again."""

    started: float
    deaths: int = 0
    again: float | None = None

    @property
    def hopeless(self) -> bool:
        """Whether it died so often in a row that another start would change nothing."""
        return self.deaths >= DEATHS

    def died(self, now: float) -> Life:
        """Return its life after it was found dead."""
        deaths = 1 if now - self.started >= WELL_SECONDS else self.deaths + 1
        return Life(self.started, deaths, now + min(MOST_DELAY_SECONDS, DELAY_SECONDS * 2 ** (deaths - 1)))


def keep_running(
    children: Iterable[Child],
    stopping: threading.Event,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Return when told to stop; raise CommandError when a child dies over and over."""
    lives = [(child, Life(clock())) for child in children]
    while not stopping.wait(LOOK_SECONDS):
        lives = [(child, _look_after(child, life, clock(), say)) for child, life in lives]


def _look_after(child: Child, life: Life, now: float, say: Callable[[str], None]) -> Life:
    if life.again is not None:
        if now < life.again:
            return life
        child.begin()
        return Life(now, life.deaths)
    if not child.ended:
        return life
    life = life.died(now)
    if life.hopeless or life.again is None:
        raise CommandError(f"{child.obituary()}\nIt ended {DEATHS} times in a row; it is not started again.")
    say(f"The {child.title} ended {child.end}; starting it again in {life.again - now:.0f} s. Its log: {child.log}")
    return life
