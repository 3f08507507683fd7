"""How systemd behaves, without a bus: units are loaded, run by jobs, end, are collected. Observed on systemd 252.

Runs in one event loop and is not thread-safe. What changes is told through `Model.tell`.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CLEAN_SIGNALS = (1, 2, 13, 15)

#: What a transient unit may say here: name and signature, as in org.freedesktop.systemd1(5).
TRANSIENT = {
    "Description": "s",
    "PartOf": "as",
    "StartLimitIntervalUSec": "t",
    "Type": "s",
    "Restart": "s",
    "RestartUSec": "t",
    "RemainAfterExit": "b",
    "RuntimeMaxUSec": "t",
    "TimeoutStopUSec": "t",
    "OOMPolicy": "s",
    "Slice": "s",
    "SyslogIdentifier": "s",
    "MemoryMax": "t",
    "MemoryLow": "t",
    "CPUQuotaPerSecUSec": "t",
    "CPUWeight": "t",
    "User": "s",
    "NoNewPrivileges": "b",
    "PrivateTmp": "b",
    "ProtectSystem": "s",
    "ProtectHome": "s",
    "ProtectKernelTunables": "b",
    "ProtectKernelModules": "b",
    "ProtectKernelLogs": "b",
    "ProtectControlGroups": "b",
    "ProtectHostname": "b",
    "RestrictSUIDSGID": "b",
    "RestrictRealtime": "b",
    "LockPersonality": "b",
    "PrivateDevices": "b",
    "PrivateMounts": "b",
    "PrivateUsers": "b",
    "ProtectClock": "b",
    "ProtectProc": "s",
    "RemoveIPC": "b",
    "CapabilityBoundingSet": "t",
    "AmbientCapabilities": "t",
    "RestrictNamespaces": "t",
    "RestrictAddressFamilies": "(bas)",
    "SystemCallFilter": "(bas)",
    "SystemCallArchitectures": "as",
    "SystemCallErrorNumber": "i",
    "DeviceAllow": "a(ss)",
    "ExecStart": "a(sasb)",
    "WorkingDirectory": "s",
    "Environment": "as",
    "BindPaths": "a(ssbt)",
    "BindReadOnlyPaths": "a(ssbt)",
    "LoadCredential": "a(ss)",
}


class Refused(Exception):
    """An error for the caller: its name on the bus, and a text."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name
        self.text = text


def systemd_error(name: str, text: str) -> Refused:
    return Refused(f"org.freedesktop.systemd1.{name}", text)


def no_such_unit(name: str) -> Refused:
    return systemd_error("NoSuchUnit", f"Unit {name} not loaded.")


@dataclass
class Job:
    id: int
    kind: str
    unit: str

    @property
    def path(self) -> str:
        return f"/org/freedesktop/systemd1/job/{self.id}"


@dataclass
class Unit:
    """One unit in systemd's memory."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    transient: bool = False
    load: str = "loaded"
    active: str = "inactive"
    sub: str = "dead"
    result: str = "success"
    main_pid: int = 0
    exit_kind: int = 0
    exit_status: int = 0
    started: int = 0
    exited: int = 0
    active_since: int = 0
    restarts: int = 0
    invocation: bytes = b""
    job: Job | None = None
    holders: list[str] = field(default_factory=list)

    def get(self, key: str, default: Any = "") -> Any:
        return self.settings.get(key, default)


class Model:
    """All units of one host.

    Attributes:
        tell: called with what a bus would announce: ("new" | "removed" | "changed" | "job", …).
        fates: what the next job of a unit ends as, instead of doing its work: a result, or "never".
        hold_stops: while true, a unit that is asked to stop does not end by itself.
    """

    def __init__(self, units_dir: Path, tell: Callable[..., None]) -> None:
        self.units_dir = units_dir
        self.tell = tell
        self.units: dict[str, Unit] = {}
        self.fates: dict[str, list[str]] = {}
        self.hold_stops = False
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()

    # -- units ----------------------------------------------------------------------------------------------

    def get(self, name: str) -> Unit:
        if name not in self.units:
            raise no_such_unit(name)
        return self.units[name]

    def load(self, name: str) -> Unit:
        """Load a unit, from its file if there is one; one that is nowhere is there for a moment all the same."""
        if name not in self.units:
            path = self.units_dir / name
            unit = Unit(name)
            if path.exists():
                unit.settings = parse_unit(path.read_text())
            else:
                unit.load = "not-found"
            self._add(unit)
            self.soon(self.collect)
        return self.units[name]

    def start_transient(self, name: str, properties: list[tuple[str, str, Any]]) -> Job:
        if name in self.units:
            raise systemd_error("UnitExists", f"Unit {name} was already loaded or has a fragment file.")
        for key, signature, _ in properties:
            if TRANSIENT.get(key) != signature:
                raise Refused(
                    "org.freedesktop.DBus.Error.PropertyReadOnly", f"Cannot set property {key} ({signature})."
                )
        settings = {key: value for key, _, value in properties}
        settings["argv"] = [expanded(word) for word in settings["ExecStart"][0][1]]
        environment = settings.get("Environment", [])
        if bad := [entry for entry in environment if not re.match(r"[A-Za-z_][A-Za-z0-9_]*=", entry)]:
            raise Refused("org.freedesktop.DBus.Error.InvalidArgs", f"Invalid environment: {bad}")
        self._add(Unit(name, settings, transient=True))
        return self.queue("start", name)

    def hold(self, name: str, holder: str) -> None:
        self.get(name).holders.append(holder)

    def let_go(self, name: str, holder: str) -> None:
        unit = self.get(name)
        if holder not in unit.holders:
            raise systemd_error("NotReferenced", f"{name} is not referenced.")
        unit.holders.remove(holder)
        self.soon(self.collect)

    def holder_left(self, holder: str) -> None:
        for unit in self.units.values():
            unit.holders = [other for other in unit.holders if other != holder]
        self.soon(self.collect)

    def reset_failed(self, name: str) -> None:
        unit = self.get(name)
        if unit.active == "failed":
            self.change(unit, active="inactive", sub="dead", result="success")
        self.soon(self.collect)

    def collect(self) -> None:
        """Forget every unit that nobody needs any more."""
        for unit in list(self.units.values()):
            wanted = any(
                unit.name in self.wants(other.name) for other in self.units.values() if other.active == "active"
            )
            if unit.active == "inactive" and not unit.job and not unit.holders and not wanted:
                del self.units[unit.name]
                self.tell("removed", unit)

    def _add(self, unit: Unit) -> None:
        self.units[unit.name] = unit
        self.tell("new", unit)

    def change(self, unit: Unit, **changes: Any) -> None:
        for key, value in changes.items():
            setattr(unit, key, value)
        if unit.active == "active" and "active" in changes:
            unit.active_since = time.monotonic_ns() // 1000
        self.tell("changed", unit)

    # -- files ----------------------------------------------------------------------------------------------

    def reload(self) -> None:
        for unit in self.units.values():
            path = self.units_dir / unit.name
            if unit.transient or unit.load == "not-found" or unit.name == "multi-user.target":
                continue
            if path.exists():
                unit.settings, unit.load = parse_unit(path.read_text()), "loaded"
            else:
                # A service without a program is no service: systemd will not even stop it.
                unit.load = "bad-setting" if unit.name.endswith(".service") else "not-found"
        self.collect()

    def enable(self, name: str) -> list[tuple[str, str, str]]:
        if name in self.units and self.units[name].transient:
            raise systemd_error("UnitGenerated", f"Unit {name} is transient or generated.")
        path = self.units_dir / name
        if not path.exists():
            raise systemd_error("NoSuchUnit", f"Unit file {name} does not exist.")
        made = []
        for target in parse_unit(path.read_text()).get("WantedBy", []):
            link = self.units_dir / f"{target}.wants" / name
            link.parent.mkdir(exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(path)
                made.append(("symlink", str(link), str(path)))
        return made

    def disable(self, name: str) -> list[tuple[str, str, str]]:
        links = list(self.units_dir.glob(f"*.wants/{name}"))
        for link in links:
            link.unlink()
            if not any(link.parent.iterdir()):
                link.parent.rmdir()
        return [("unlink", str(link), "") for link in links]

    def wants(self, name: str) -> list[str]:
        folder = self.units_dir / f"{name}.wants"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    # -- jobs -----------------------------------------------------------------------------------------------

    def queue(self, kind: str, name: str) -> Job:
        unit = self.load(name)
        if unit.load == "not-found" and unit.active == "inactive":
            raise no_such_unit(name)
        if unit.load == "bad-setting":
            raise systemd_error("BadUnitSetting", f"Unit {name} is not loaded properly.")
        job = Job(next(self._numbers), kind, name)
        if unit.job is not None:
            self.finish_job(unit, "canceled")
        unit.job = job
        self.tell("changed", unit)
        self.soon(lambda: self._run(job))
        return job

    def _run(self, job: Job) -> None:
        unit = self.units.get(job.unit)
        if unit is None or unit.job is not job:
            return
        fates = self.fates.get(unit.name, [])
        if fates:
            fate = fates.pop(0)
            if fate == "failed":
                self.change(unit, active="failed", sub="failed", result="resources")
            if fate != "never":
                self.finish_job(unit, fate)
        elif job.kind == "start":
            self._start(unit)
        else:
            self._stop(unit)

    def finish_job(self, unit: Unit, result: str) -> None:
        job, unit.job = unit.job, None
        if job is not None:
            self.tell("job", unit, job, result)
        self.soon(self.collect)

    def _start(self, unit: Unit) -> None:
        if unit.active != "active":
            unit.invocation = secrets.token_bytes(16)
            if unit.name.endswith(".service"):
                unit.restarts = 0
                self._execute(unit)
            else:
                self.change(unit, active="active", sub="active")
                for wanted in self.wants(unit.name):
                    self.queue("start", wanted)
        self.finish_job(unit, "failed" if unit.active == "failed" else "done")

    def _execute(self, unit: Unit) -> None:
        now = time.time_ns() // 1000
        self.change(unit, active="activating", sub="start", result="success", started=now, exit_kind=0, exit_status=0)
        if Path(unit.get("argv")[0]).exists():
            self.change(unit, active="active", sub="running", main_pid=10_000 + next(self._numbers))
        else:
            self.end_main(unit, kind=1, status=203, result="exit-code")

    def _stop(self, unit: Unit) -> None:
        if unit.name.endswith(".target"):
            self.change(unit, active="inactive", sub="dead")
            for other in list(self.units.values()):
                if unit.name in other.get("PartOf", []) and other.active != "inactive":
                    self.queue("stop", other.name)
        elif unit.main_pid:
            self.change(unit, active="deactivating", sub="stop-sigterm")
            if self.hold_stops:
                return
            self.end_main(unit, kind=2, status=15, result="success")
        elif unit.active != "failed":
            self.change(unit, active="inactive", sub="dead")
        self.finish_job(unit, "done")

    # -- the worker's own fate --------------------------------------------------------------------------------

    def end_main(self, unit: Unit, *, kind: int, status: int, result: str) -> None:
        """The main process has ended; what becomes of the unit follows from its settings."""
        stopping = unit.active == "deactivating"
        good = result == "success"
        restart = unit.get("Restart", "no")
        unit.main_pid, unit.exit_kind, unit.exit_status = 0, kind, status
        unit.exited, unit.result = time.time_ns() // 1000, result
        again = restart == "always" or (restart == "on-failure" and not good)
        if not stopping and again and not (good and unit.get("RemainAfterExit", False)):
            self.change(unit, active="activating", sub="auto-restart")
            self.soon(lambda: self._restart(unit))
        elif not good:
            self.change(unit, active="failed", sub="failed")
        elif unit.get("RemainAfterExit", False) and not stopping:
            self.change(unit, active="active", sub="exited")
        else:
            self.change(unit, active="inactive", sub="dead")
        if stopping:
            self.finish_job(unit, "done")
        self.soon(self.collect)

    def _restart(self, unit: Unit) -> None:
        if unit.sub == "auto-restart":
            unit.restarts += 1
            unit.invocation = secrets.token_bytes(16)
            self._execute(unit)

    # -- time -------------------------------------------------------------------------------------------------

    def soon(self, act: Callable[[], None]) -> None:
        """Do something after whatever is being done now has been answered and told."""

        async def later() -> None:
            await asyncio.sleep(0)
            act()

        task = asyncio.get_running_loop().create_task(later())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


_LISTS = ("PartOf", "WantedBy", "Environment", "BindPaths", "BindReadOnlyPaths", "LoadCredential")


def expanded(word: str) -> str:
    """A word of a program as systemd hands it on: variables (here, none) are replaced, `$$` is a dollar sign."""
    return re.sub(r"\$(\$|\w+|\{\w+\})", lambda found: "$" if found[1] == "$" else "", word)


def parse_unit(text: str) -> dict[str, Any]:
    """The settings of a unit file, as far as they matter here."""
    settings: dict[str, Any] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if not equals or line.startswith("#"):
            continue
        if key in _LISTS:
            settings.setdefault(key, []).append(value)
        elif key == "ExecStart":
            words = re.findall(r'"((?:[^"\\]|\\.)*)"', value)
            settings["argv"] = [re.sub(r"\\(.)", r"\1", word).replace("%%", "%") for word in words]
        else:
            settings[key] = {"yes": True, "no": False}.get(value, value) if key != "Restart" else value
    return settings
