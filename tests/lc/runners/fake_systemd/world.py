"""The fake systemd as one of the contract test's worlds."""

from __future__ import annotations

import uuid
from pathlib import Path

from sedna_lc.runners.base import Runner, UnitSpec
from sedna_lc.runners.systemd import SystemdRunner, SystemdSettings
from tests.lc.runners.fake_systemd.bus import PrivateBus
from tests.lc.runners.fake_systemd.server import FakeSystemd
from tests.lc.runners.worlds import make_spec

_JOURNALCTL = Path(__file__).with_name("journalctl.sh")


class SystemdWorld:
    """A host with a systemd of its own, and an LC on it."""

    def __init__(self, folder: Path, *, persistent: bool = False) -> None:
        self.folder = folder
        self.persistent = persistent
        self.units_dir = folder / "units"
        self.journal = folder / "journal"
        self.boot_id = folder / "boot_id"
        self.units_dir.mkdir()
        self.journal.mkdir()
        self.boot_id.write_text(uuid.uuid4().hex)
        self.bus = PrivateBus()
        self.systemd = FakeSystemd(self.bus.address, self.units_dir)
        self.runner: Runner = self.open()

    def open(self) -> SystemdRunner:
        return SystemdRunner(
            SystemdSettings(
                state_dir=self.folder / "state",
                units_dir=self.units_dir,
                bus=self.bus.address,
                job_timeout=5.0,
                reconnect_delay=(0.01, 0.1),
                journalctl=("/bin/sh", str(_JOURNALCTL), str(self.journal)),
                boot_id=self.boot_id,
            )
        )

    def spec(self, name: str, **changes: object) -> UnitSpec:
        return make_spec(name, ("/bin/true",), **({"persistent": self.persistent} | changes))

    def say(self, name: str, line: str) -> None:
        with (self.journal / f"{name}.service").open("a") as file:
            file.write(line + "\n")

    def finish(self, name: str, exit_code: int) -> None:
        self.systemd.exit(f"{name}.service", exit_code)

    def crash(self, name: str) -> None:
        self.systemd.kill(f"{name}.service", 9)

    def reopen(self) -> None:
        self.runner.close()
        self.runner = self.open()

    def reboot(self) -> None:
        self.runner.close()
        self.boot_id.write_text(uuid.uuid4().hex)
        self.systemd.reboot()
        self.runner = self.open()

    def close(self) -> None:
        self.runner.close()
        self.systemd.close()
        self.bus.close()
