"""The model, spelt as systemd spells it on the bus. Signatures are those of org.freedesktop.systemd1(5)."""

# dbus-fast reads D-Bus signatures from annotations, and the interface has capital names:
# ruff: noqa: F722, F821, N802
from collections.abc import Callable
from typing import Any

from dbus_fast import DBusError, PropertyAccess
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property, dbus_signal

from tests.lc.runners.fake_systemd.model import Job, Model, Refused, Unit

ROOT = "/org/freedesktop/systemd1"
READ = PropertyAccess.READ


def unit_path(name: str) -> str:
    escaped = "".join(chr(b) if chr(b).isalnum() else f"_{b:02x}" for b in name.encode())
    return f"{ROOT}/unit/{escaped}"


class ManagerInterface(ServiceInterface):
    """org.freedesktop.systemd1.Manager: what it is asked is written down in `heard`."""

    def __init__(self, model: Model, sender: Callable[[], str]) -> None:
        super().__init__("org.freedesktop.systemd1.Manager")
        self.model = model
        self.sender = sender
        self.heard: list[tuple[Any, ...]] = []
        self.errors: dict[str, list[tuple[str, str]]] = {}
        self.subscribed = False

    def _do(self, method: str, act: Callable[..., Any], *args: Any) -> Any:
        self.heard.append((method, *args))
        if self.errors.get(method):
            raise DBusError(*self.errors[method].pop(0))
        try:
            return act(*args)
        except Refused as refusal:
            raise DBusError(refusal.name, refusal.text) from None

    @dbus_method()
    def Subscribe(self):
        self._do("Subscribe", lambda: None)
        self.subscribed = True

    @dbus_method()
    def GetUnit(self, name: "s") -> "o":
        return unit_path(self._do("GetUnit", self.model.get, name).name)

    @dbus_method()
    def LoadUnit(self, name: "s") -> "o":
        return unit_path(self._do("LoadUnit", self.model.load, name).name)

    @dbus_method()
    def ListUnitsByPatterns(self, states: "as", patterns: "as") -> "a(ssssssouso)":
        rows = []
        for unit in self._do("ListUnitsByPatterns", lambda *_: list(self.model.units.values()), states, patterns):
            if any(unit.name.startswith(pattern.split("*")[0]) for pattern in patterns):
                job = unit.job or Job(0, "", "")
                path = job.path if unit.job else "/"
                described = unit.get("Description", unit.name)
                head = [unit.name, described, unit.load, unit.active, unit.sub, "", unit_path(unit.name)]
                rows.append([*head, job.id, job.kind, path])
        return rows

    @dbus_method()
    def StartUnit(self, name: "s", mode: "s") -> "o":
        return self._do("StartUnit", lambda *_: self.model.queue("start", name), name, mode).path

    @dbus_method()
    def StopUnit(self, name: "s", mode: "s") -> "o":
        def stop(*_: str) -> Job:
            self.model.get(name)
            return self.model.queue("stop", name)

        return self._do("StopUnit", stop, name, mode).path

    @dbus_method()
    def StartTransientUnit(self, name: "s", mode: "s", properties: "a(sv)", aux: "a(sa(sv))") -> "o":
        plain = [(key, variant.signature, variant.value) for key, variant in properties]
        return self._do("StartTransientUnit", lambda *_: self.model.start_transient(name, plain), name, plain).path

    @dbus_method()
    def ResetFailedUnit(self, name: "s"):
        self._do("ResetFailedUnit", self.model.reset_failed, name)

    @dbus_method()
    def RefUnit(self, name: "s"):
        self._do("RefUnit", lambda *_: self.model.hold(name, self.sender()), name)

    @dbus_method()
    def UnrefUnit(self, name: "s"):
        self._do("UnrefUnit", lambda *_: self.model.let_go(name, self.sender()), name)

    @dbus_method()
    def Reload(self):
        self._do("Reload", self.model.reload)

    @dbus_method()
    def EnableUnitFiles(self, files: "as", runtime: "b", force: "b") -> "ba(sss)":
        changes = self._do("EnableUnitFiles", lambda *_: [c for f in files for c in self.model.enable(f)], *files)
        return [True, [list(change) for change in changes]]

    @dbus_method()
    def DisableUnitFiles(self, files: "as", runtime: "b") -> "a(sss)":
        changes = self._do("DisableUnitFiles", lambda *_: [c for f in files for c in self.model.disable(f)], *files)
        return [list(change) for change in changes]

    @dbus_signal()
    def JobRemoved(self, id: "u", job: "o", unit: "s", result: "s") -> "uoss":  # noqa: A002
        return [id, job, unit, result]

    @dbus_signal()
    def UnitNew(self, id: "s", unit: "o") -> "so":  # noqa: A002
        return [id, unit]

    @dbus_signal()
    def UnitRemoved(self, id: "s", unit: "o") -> "so":  # noqa: A002
        return [id, unit]


class UnitInterface(ServiceInterface):
    """org.freedesktop.systemd1.Unit."""

    def __init__(self, unit: Unit) -> None:
        super().__init__("org.freedesktop.systemd1.Unit")
        self.unit = unit

    @dbus_property(access=READ)
    def Id(self) -> "s":
        return self.unit.name

    @dbus_property(access=READ)
    def LoadState(self) -> "s":
        return self.unit.load

    @dbus_property(access=READ)
    def ActiveState(self) -> "s":
        return self.unit.active

    @dbus_property(access=READ)
    def SubState(self) -> "s":
        return self.unit.sub

    @dbus_property(access=READ)
    def Job(self) -> "(uo)":
        return [self.unit.job.id, self.unit.job.path] if self.unit.job else [0, "/"]

    @dbus_property(access=READ)
    def InvocationID(self) -> "ay":
        return self.unit.invocation

    @dbus_property(access=READ)
    def ActiveEnterTimestampMonotonic(self) -> "t":
        return self.unit.active_since


class UnitServiceInterface(ServiceInterface):
    """org.freedesktop.systemd1.Service."""

    def __init__(self, unit: Unit) -> None:
        super().__init__("org.freedesktop.systemd1.Service")
        self.unit = unit

    @dbus_property(access=READ)
    def Result(self) -> "s":
        return self.unit.result

    @dbus_property(access=READ)
    def MainPID(self) -> "u":
        return self.unit.main_pid

    @dbus_property(access=READ)
    def ExecMainCode(self) -> "i":
        return self.unit.exit_kind

    @dbus_property(access=READ)
    def ExecMainStatus(self) -> "i":
        return self.unit.exit_status

    @dbus_property(access=READ)
    def ExecMainStartTimestamp(self) -> "t":
        return self.unit.started

    @dbus_property(access=READ)
    def ExecMainExitTimestamp(self) -> "t":
        return self.unit.exited

    @dbus_property(access=READ)
    def NRestarts(self) -> "u":
        return self.unit.restarts
