"""What can be done to a site, one accident at a time; each says whether it was possible just now.

The order (kinds, hosts, when samples come) is drawn from one generator, from which nothing else draws, and the details
of an accident from one of its own: what a site happens to hold just then changes neither the accidents that follow
nor their details.

An accident that lasts (a cut line, a full disk) is ended by the same call after a random while, in which the site
works on as it can. What dies is started again by whoever waits for the site.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.chaos.sites import NODES, ChaoticSite
from tests.end_to_end.machines import processes_below

# A jump is at most so far: a host whose clock was never set is put right by hours.
_FARTHEST_JUMP = 7200
_SECTOR = 4096

# An accident that must happen is tried so often, a moment apart: a worker, a status or a file is there after a while.
_TRIES = 100


class Accident(NamedTuple):
    """One of the order: its kind, the node that it would meet, and whether samples come then, too."""

    kind: str
    node: str
    feeds: bool


class Mischief:
    """All kinds of accidents, drawn from one seed; `all_first`: each kind once before any comes again."""

    def __init__(self, site: ChaoticSite, seed: int, *, all_first: bool = False) -> None:
        self._site = site
        self._seed = seed
        self._order = random.Random(seed)
        self._drawn = 0
        self._node = NODES[0]
        self._must = False
        # Of the accident that happens just now.
        self._chance = random.Random(seed)
        self.kinds: dict[str, Callable[[], bool]] = {
            "kill -9 of the GlobalManager": lambda: self._kill("gm"),
            "kill -9 of a LocalController": lambda: self._kill(self._node),
            "kill -9 of everything at once": self._kill_all,
            "kill -9 of a worker or its supervisor": self._kill_worker,
            "cut line": self._cut,
            "slow line": self._slow,
            "status delivered again, out of order": self._again,
            "full disk": self._fill,
            "clock jump": self._jump,
            "read-only folder": self._read_only,
            "damaged state of a LocalController": self._damage_state,
            "damaged sample log": self._damage_log,
            "damaged file of a node": self._damage_file,
            "damaged database of the GlobalManager": self._damage_database,
        }
        self._first = self._order.sample(sorted(self.kinds), len(self.kinds)) if all_first else []

    def draw(self) -> Accident:
        """The next accident, whatever the site is like."""
        self._must = bool(self._first)
        kind = self._first.pop() if self._first else self._order.choice(sorted(self.kinds))
        self._node = self._order.choice(NODES)
        self._drawn += 1
        self._chance = random.Random(f"{self._seed}/{self._drawn}")
        return Accident(kind, self._node, self._order.random() < 0.1)

    def do(self, accident: Accident) -> bool:
        """Do what was drawn; False when it was not possible. What must happen is waited for, and any node will do."""
        happen = self.kinds[accident.kind]
        if happen():
            return True
        if not self._must or accident.kind in self.impossible():
            return False
        for number in range(1, _TRIES):
            self.moment()
            self._site.heal()
            self._node = NODES[(NODES.index(accident.node) + number) % len(NODES)]
            if happen():
                return True
        return False

    def impossible(self) -> set[str]:
        """The kinds that this user cannot do on this machine."""
        with _unwritable(self._site.folder) as done:
            unwritable = done
        return {
            *(() if self._site.disks else ("full disk",)),
            *(() if unwritable else ("read-only folder",)),
        }

    def moment(self, longest: float = 0.4) -> None:
        """Let a random while pass, in which nobody is started again."""
        self._site.stop.wait(self._chance.random() * longest)

    # --- deaths

    def _kill(self, name: str) -> bool:
        self._site.daemons[name].kill()
        return True

    def _kill_all(self) -> bool:
        for daemon in self._site.daemons.values():
            daemon.kill()
        for pid in self._site.workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return True

    def _kill_worker(self) -> bool:
        found = self._site.workers()
        if not found:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._chance.choice(found), signal.SIGKILL)
        return True

    # --- lines

    def _cut(self) -> bool:
        line = self._site.lines[self._node]
        if self._chance.random() < 0.5:
            line.cut()
        else:
            line.cut_after(self._chance.randrange(1, 4000), self._chance.choice(("up", "down")))
        self.moment(1.5)
        line.cut_after(1 << 40, "up")
        line.cut_after(1 << 40, "down")
        line.mend()
        return True

    def _slow(self) -> bool:
        line = self._site.lines[self._node]
        line.slow_by = self._chance.random() * 0.3
        self.moment(2.0)
        line.slow_by = 0.0
        return True

    def _again(self) -> bool:
        return self._site.lines[self._node].again(self._chance)

    # --- disks and clocks

    def _fill(self) -> bool:
        if not self._site.disks:
            return False
        filler = self._chance.choice(sorted(self._site.disks.values())) / "filler"
        try:
            with filler.open("wb") as file:
                while True:
                    file.write(b"\0" * (1 << 16))
                    file.flush()
        except OSError as full:
            if full.errno != errno.ENOSPC:
                raise
        self.moment(1.5)
        filler.unlink(missing_ok=True)
        return True

    def _jump(self) -> bool:
        self._site.set_clock(self._chance.uniform(-_FARTHEST_JUMP, _FARTHEST_JUMP))
        return True

    def _read_only(self) -> bool:
        node = self._node
        folders = [
            self._site.state_of(node),
            self._site.state_of(node) / "datasets",
            self._site.folder / "cloud" / "out",
        ]
        folder = self._chance.choice([one for one in folders if one.is_dir()] or [self._site.state_of(node)])
        with _unwritable(folder) as done:
            if done:
                self.moment(1.5)
        return done

    # --- damage, by which a part is found dead

    def _damage_state(self) -> bool:
        node = self._node
        return self._damage(node, self._site.state_of(node) / "state.db")

    def _damage_log(self) -> bool:
        found = sorted(self._site.state_of("edge").glob("datasets/*/samples.*"))
        return bool(found) and self._damage("edge", self._chance.choice(found))

    def _damage_file(self) -> bool:
        node = self._node
        state = self._site.state_of(node)
        patterns = ("artifacts/blobs/*", "artifacts/parts/*", "gm-store-*.json", "artifacts/trees/*/*/*")
        found = sorted(path for pattern in patterns for path in state.glob(pattern) if path.is_file())
        return bool(found) and self._damage(node, self._chance.choice(found))

    def _damage(self, node: str, file: Path) -> bool:
        if not file.is_file():
            return False
        self._site.daemons[node].kill()
        # The whole host was off: what a disk spoils under a worker that is just reading it, nobody can notice.
        below = set(processes_below(self._site.folder / node))
        for pid in below.intersection(self._site.workers()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not file.is_file():
            return False
        _spoil(file, self._chance)
        return True

    def _damage_database(self) -> bool:
        site = self._site
        site.daemons["gm"].kill()
        if not site.database.is_file():
            return False
        # The backup is of this very moment: what a backup does not hold cannot come back, and is nobody's fault.
        site.backup.unlink(missing_ok=True)
        config = str(site.setups[NODES[0]].gm_config)
        site.command("sedna-gm", "backup", "--config", config, str(site.backup))
        _spoil(site.database, self._chance)
        site.daemons["gm"].start()
        # What was hit may lie in its log of writes as well, and then nothing is damaged.
        if site.refuses_to_start():
            site.command("sedna-gm", "restore", "--config", config, str(site.backup))
        return True


def _spoil(file: Path, chance: random.Random) -> None:
    size = file.stat().st_size
    if chance.random() < 0.5 or not size:
        os.truncate(file, chance.randrange(size) if size else 0)
        return
    mode = file.stat().st_mode
    file.chmod(0o600)
    with file.open("r+b") as opened:
        # A disk loses sectors. A few bytes within a sample or a row nobody notices, and nobody promises to.
        opened.seek(chance.randrange(max(1, size - _SECTOR + 1)))
        opened.write(chance.randbytes(max(_SECTOR, size // 2)))
        opened.truncate(size)
    file.chmod(mode)


@contextlib.contextmanager
def _unwritable(folder: Path) -> Iterator[bool]:
    """No file can be made, renamed or removed in a folder; for root only an attribute does that."""
    if os.geteuid() != 0:
        folder.chmod(0o555)
        try:
            yield True
        finally:
            folder.chmod(0o755)
        return
    chattr = shutil.which("chattr")
    done = (
        chattr is not None and subprocess.run([chattr, "+i", folder], capture_output=True, check=False).returncode == 0
    )
    try:
        yield done
    finally:
        if done and chattr is not None:
            subprocess.run([chattr, "-i", folder], check=True)
