"""Every point of `sedna.common.faults` that the code names, one after the other, on a site that goes on learning.

A point is armed; samples come until somebody dies of it; who died is started again; the next point is armed at once,
so that deaths also fall into the recovery from earlier ones. When all have had their turn the site comes to rest, and
`invariants` says what is broken. Points that only beginning or end pass have their turn there.
"""

from __future__ import annotations

import ast
import contextlib
import os
import random
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.invariants import broken, gathered
from tests.faults.sites import DEADLINE, JOB, Lost, Site, configure
from tests.house.project import own_modules

# What only happens at the beginning, and what only happens when a job goes.
FIRST = ("gm.apply.finalizers.before",)
LAST = ("lc.unit.stop.after", "lc.worker.release.before")
# What happens only to a node that was away, or to a unit whose supervisor is gone.
AFTER_A_RESTART = ("lc.unit.adopt.before",)
AFTER_A_DEATH = ("lc.unit.forget.after",)
# What happens only when a person restores a backup.
WHEN_RESTORED = ("gm.restore.take.before", "gm.restore.aside.after", "gm.restore.take.after")
# What happens only when a person labels a hard example. A site has no person and no pictures; `tests/lc/labelling`
# sweeps these points on a node of its own.
WHEN_LABELLED = (
    "lc.label.intend.after",
    "lc.label.picture.after",
    "lc.label.append.before",
    "lc.label.append.after",
    "lc.label.done.after",
    "lc.label.settle.after",
)
# A site learns at most so many batches before a point counts as one that nobody passes.
MOST_ROUNDS = 4


def points() -> list[str]:
    """Every point that a site passes."""
    return sorted(set(named()) - set(WHEN_LABELLED))


def named() -> list[str]:
    """Every point that is named in the packages."""
    found = set()
    for module in own_modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "reached":
                (name,) = node.args
                assert isinstance(name, ast.Constant), f"{module.name}: the name of a point is a literal"
                found.add(str(name.value))
    return sorted(found)


@dataclass
class Outcome:
    """What a sweep has come to."""

    fired: list[str] = field(default_factory=list)
    never: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    rounds: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        text = f"{len(self.fired)} deaths in {self.rounds} rounds and {self.seconds:.0f} s"
        if self.never:
            text += f"; never passed: {', '.join(self.never)}"
        return "\n".join([text, *(f"BROKEN: {each}" for each in self.problems)])


class Sweep:
    """One site, and the points that it is to die at."""

    def __init__(self, folder: Path, names: Iterable[str], *, times: int = 1, seed: int | None = None) -> None:
        self._site = Site(folder)
        # Every second: a sweep has no six hours.
        configure(self._site.setups[self._site.nodes[0]].gm_config, backup={"everyHours": 1 / 3600, "keep": 3})
        self._names = list(names)
        if seed is not None:
            random.Random(seed).shuffle(self._names)
        self._times = times
        self._outcome = Outcome()

    def run(self) -> Outcome:
        """Let it die, rise and learn; then look at what it has become."""
        begun = time.monotonic()
        outcome = self._outcome
        try:
            self._site.start()
            self._begin()
            for name in self._named(exclude=(*FIRST, *LAST)):
                if not self._die_at(name):
                    outcome.never.append(name)
            self._disarm()
            # One more round, and a quiet one: what has come to rest must also go on.
            self._site.round()
            self._site.until(lambda: len(self._site.workers()) == 2, "only the inference worker runs")
            outcome.problems = broken(gathered(self._site))
            outcome.rounds = len(self._site.rounds())
            self._end()
        except Lost as lost:
            outcome.problems.append(f"after {outcome.fired[-1:] or 'no death'}: {lost}")
        finally:
            self._site.close()
        outcome.seconds = time.monotonic() - begun
        return outcome

    def _named(self, *, only: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> list[str]:
        return [name for name in self._names if (name in only if only else name not in exclude)]

    def _begin(self) -> None:
        early = self._named(only=FIRST)
        for name in early:
            self._arm(name, 1)
        self._site.submit()
        for name in early:
            (self._outcome.fired if self._has_fired() else self._outcome.never).append(name)

    def _end(self) -> None:
        left = [*self._named(only=LAST), *self._outcome.never]
        for name in LAST:
            if name in left:
                self._arm(name, 1)
                self._site.gm_deletes_job()
                self._note(name, 10.0)
        for name in [name for name in left if name not in LAST]:
            # Some of what a job leaves is tidied up only now.
            self._arm(name, 1)
        self._site.delete_job()
        if self._outcome.never and self._has_fired():
            self._outcome.fired.append(self._outcome.never.pop())
        self._disarm()
        left_over = [str(path) for path in self._site.folder.glob("*/state/lc/units/sedna-worker*")]
        if left_over:
            self._outcome.problems.append(f"units of a deleted job are left: {left_over}")

    def _note(self, name: str, seconds: float) -> None:
        try:
            self._site.until(self._has_fired, f"{name} is passed", seconds)
            self._outcome.fired.append(name)
        except Lost:
            self._outcome.never.append(name)

    def _die_at(self, name: str) -> bool:
        """Arm one point and let the site work until somebody has died there."""
        site = self._site
        if name in WHEN_RESTORED:
            # A backup of a site at rest holds all there is: what came after one would rightly be done again.
            self._disarm()
            site.settled()
        self._arm(name, self._times)
        for _ in range(MOST_ROUNDS * self._times):
            if name in AFTER_A_RESTART:
                site.daemons[site.nodes[-1]].kill()
            if name in AFTER_A_DEATH:
                self._kill_inference()
            if name in WHEN_RESTORED:
                site.restore_as_it_is(until=self._has_fired)
            elif site.fed == 0 or self._is_idle():
                site.feed()
            with contextlib.suppress(_Fired):
                site.settled(until=self._raise_if_fired)
                continue
            self._outcome.fired.append(name)
            self._bury(name)
            return True
        return False

    def _is_idle(self) -> bool:
        try:
            self._site.settled(0.0)
        except Lost:
            return False
        return True

    def _raise_if_fired(self) -> None:
        if self._has_fired():
            raise _Fired

    def _bury(self, name: str) -> None:
        """A power cut takes a worker's supervisor along; else the next start would wait longer after each death."""
        victim = int((self._site.faults / "victim").read_text().split()[0])
        runs = dict(reversed(line.split()) for line in (self._site.ledger / "runs").read_text().splitlines())
        if runs.get(str(victim)) == f"{JOB}-inference":
            self._kill_inference()

    def _kill_inference(self) -> None:
        for pid in self._site.workers():
            with contextlib.suppress(OSError):
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
                if b"shim.py" in command and f"{JOB}-inference".encode() in command:
                    os.kill(pid, signal.SIGKILL)

    # --- arming

    def _arm(self, name: str, times: int) -> None:
        self._disarm()
        new = self._site.faults / "armed.new"
        new.write_text(f"{name}:{times}")
        new.replace(self._site.faults / "armed")

    def _disarm(self) -> None:
        for name in ("armed", "fired", "passed", "victim"):
            (self._site.faults / name).unlink(missing_ok=True)

    def _has_fired(self) -> bool:
        return (self._site.faults / "victim").exists() and bool((self._site.faults / "victim").read_text())


class _Fired(Exception):
    """Somebody has died of the point that was armed."""


def sweep(folder: Path, names: Iterable[str], *, times: int = 1, seed: int | None = None) -> Outcome:
    """Run one sweep in a folder of its own."""
    return Sweep(folder, names, times=times, seed=seed).run()


__all__ = ("DEADLINE", "Outcome", "named", "points", "sweep")
