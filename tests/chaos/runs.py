"""One run of chaos: accidents while a site learns, and from time to time a look at what it has become."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.mischief import Mischief
from tests.chaos.sites import ChaoticSite
from tests.faults.invariants import broken, gathered
from tests.faults.sites import Lost

# So many accidents between two looks: a violation is found near its cause.
_BETWEEN_LOOKS = 25
# After clocks that jump and lines that were cut, waits have grown.
_SECONDS_TO_REST = 180.0


@dataclass
class Verdict:
    """What was done, and what was broken by it."""

    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    rounds: int = 0
    failed_rounds: int = 0
    looks: int = 0
    missing: set[str] = field(default_factory=set)
    """The kinds that this machine allows, and that have not happened."""
    seconds: float = 0.0

    def __str__(self) -> str:
        total = sum(self.counts.values())
        lines = [f"seed {self.seed}: {total} faults in {self.seconds:.0f} s, {self.rounds} rounds"]
        lines[0] += f" ({self.failed_rounds} of them failed, and their samples went to the next), {self.looks} looks"
        lines += [f"  {count:5}  {kind}" for kind, count in self.counts.most_common()]
        lines += [f"BROKEN: {each}" for each in self.problems]
        verdict = "broken" if self.problems else "nothing lost, nothing twice, nothing half"
        return "\n".join([*lines, f"verdict: {verdict}"])


def run(
    folder: Path,
    *,
    faults: int,
    seed: int,
    seconds: float | None = None,
    all_first: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Verdict:
    """Do so many accidents, or as many as the time allows, and look; `say` hears how far it is.

    `all_first`: each kind that this machine allows happens once, in the seed's order, before any comes again.
    """
    verdict = Verdict(seed)
    site = ChaoticSite(folder)
    mischief = Mischief(site, seed, all_first=all_first)
    begun = time.monotonic()
    try:
        site.start()
        site.submit()
        while not verdict.problems and sum(verdict.counts.values()) < faults:
            if seconds is not None and time.monotonic() - begun > seconds:
                break
            _wreak(site, mischief, verdict, faults)
            _look(site, verdict)
            say(f"{sum(verdict.counts.values())} faults, {verdict.rounds} rounds, {time.monotonic() - begun:.0f} s")
        verdict.missing = set(mischief.kinds) - set(verdict.counts) - mischief.impossible()
        if not verdict.problems:
            site.delete_job()
    except Lost as lost:
        verdict.problems.append(str(lost))
    finally:
        site.close()
    verdict.seconds = time.monotonic() - begun
    return verdict


def _wreak(site: ChaoticSite, mischief: Mischief, verdict: Verdict, faults: int) -> None:
    left = min(_BETWEEN_LOOKS, faults - sum(verdict.counts.values()))
    while left > 0:
        accident = mischief.draw()
        if accident.feeds:
            site.feed()
        if mischief.do(accident):
            verdict.counts[accident.kind] += 1
            left -= 1
        mischief.moment()
        site.heal()


def _look(site: ChaoticSite, verdict: Verdict) -> None:
    """Let it come to rest in quiet, and look at everything."""
    site.set_clock(0)
    site.feed()
    site.settled(_SECONDS_TO_REST)
    site.until(lambda: len(site.workers()) == 2, "only the inference worker runs", _SECONDS_TO_REST)
    facts = gathered(site)
    verdict.problems += broken(facts, failures_allowed=True)
    verdict.rounds = len(facts.rounds)
    verdict.failed_rounds = sum(record["decision"] == "Failed" for record in facts.rounds)
    verdict.looks += 1
