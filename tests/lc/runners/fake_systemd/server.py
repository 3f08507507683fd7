"""The fake on its bus, in a thread of its own, and the levers that tests pull."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from tests.lc.runners.fake_systemd.interfaces import (
    ROOT,
    ManagerInterface,
    UnitInterface,
    UnitServiceInterface,
    unit_path,
)
from tests.lc.runners.fake_systemd.model import Model, Unit

T = TypeVar("T")
_PATIENCE = 30


class FakeSystemd:
    """A host's systemd.

    Args:
        address: the bus.
        units_dir: where installed units are.
    """

    def __init__(self, address: str, units_dir: Path) -> None:
        self._address = address
        self._loop = asyncio.new_event_loop()
        self.model = Model(units_dir, self._tell)
        self.manager = ManagerInterface(self.model, lambda: self._sender)
        self._sender = ""
        self._exported: dict[str, tuple[UnitInterface, UnitServiceInterface | None]] = {}
        self._bus: MessageBus | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-systemd", daemon=True)
        self._thread.start()
        self.connect()

    def run(self, act: Callable[[], T]) -> T:
        """Do something inside, between two messages."""

        async def inside() -> T:
            return act()

        return asyncio.run_coroutine_threadsafe(inside(), self._loop).result(_PATIENCE)

    # -- the bus ----------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Come to the bus, for the first time or after it was away."""
        asyncio.run_coroutine_threadsafe(self._connect(), self._loop).result(_PATIENCE)

    async def _connect(self) -> None:
        if self._bus is not None:
            self._bus.disconnect()
        bus = MessageBus(bus_address=self._address)
        await bus.connect()
        self._bus = bus
        self._exported.clear()
        bus.add_message_handler(self._see)
        bus.export(ROOT, self.manager)
        for unit in self.model.units.values():
            self._export(unit)
        await bus.call(
            Message(
                destination="org.freedesktop.DBus",
                path="/org/freedesktop/DBus",
                interface="org.freedesktop.DBus",
                member="AddMatch",
                signature="s",
                body=["type='signal',member='NameOwnerChanged'"],
            )
        )
        await bus.request_name("org.freedesktop.systemd1")

    def _see(self, message: Message) -> None:
        if message.message_type is MessageType.METHOD_CALL:
            self._sender = message.sender or ""
        elif message.member == "NameOwnerChanged" and not message.body[2]:
            self.model.holder_left(message.body[0])

    def close(self) -> None:
        async def leave() -> None:
            if self._bus is not None:
                self._bus.disconnect()
                await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(leave(), self._loop).result(_PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _tell(self, what: str, unit: Unit, *more: Any) -> None:
        if self._bus is None or not self._bus.connected:
            return
        if what == "new":
            self._export(unit)
            self.manager.UnitNew(unit.name, unit_path(unit.name))
        elif what == "removed":
            self._exported.pop(unit.name, None)
            self._bus.unexport(unit_path(unit.name))
            self.manager.UnitRemoved(unit.name, unit_path(unit.name))
        elif what == "job":
            job, result = more
            self.manager.JobRemoved(job.id, job.path, unit.name, result)
        elif unit.name in self._exported:
            about, service = self._exported[unit.name]
            if service is not None:
                service.emit_properties_changed({"MainPID": unit.main_pid, "Result": unit.result})
            about.emit_properties_changed({"ActiveState": unit.active, "SubState": unit.sub})

    def _export(self, unit: Unit) -> None:
        assert self._bus is not None
        about = UnitInterface(unit)
        self._bus.export(unit_path(unit.name), about)
        service = UnitServiceInterface(unit) if unit.name.endswith(".service") else None
        if service is not None:
            self._bus.export(unit_path(unit.name), service)
        self._exported[unit.name] = (about, service)

    # -- levers -----------------------------------------------------------------------------------------------

    def exit(self, name: str, code: int) -> None:
        """Let the main process of a service end."""
        result = "success" if code == 0 else "exit-code"
        self.run(lambda: self.model.end_main(self.model.get(name), kind=1, status=code, result=result))

    def kill(self, name: str, number: int, result: str = "") -> None:
        """Let it be killed; `result` may be oom-kill, timeout, watchdog or a word of tomorrow's systemd."""
        word = result or ("success" if number in (1, 2, 13, 15) else "signal")
        self.run(lambda: self.model.end_main(self.model.get(name), kind=2, status=number, result=word))

    def systemctl(self, kind: str, name: str) -> None:
        """Be the operator: start or stop a unit."""
        self.run(lambda: self.model.queue(kind, name))

    def change(self, name: str, **changes: Any) -> None:
        """Make a unit look as no unit of ours should."""
        self.run(lambda: self.model.change(self.model.get(name), **changes))

    def doom(self, name: str, *results: str) -> None:
        """Let the next jobs of a unit end like this; "never" is a job that does not end."""
        self.run(lambda: self.model.fates.setdefault(name, []).extend(results))

    def fail(self, method: str, error: str, text: str = "") -> None:
        """Answer the next call of a method with an error."""
        self.run(lambda: self.manager.errors.setdefault(method, []).append((error, text)))

    def heard(self, method: str) -> list[tuple[Any, ...]]:
        """The arguments of every call of a method so far."""
        return self.run(lambda: [entry[1:] for entry in self.manager.heard if entry[0] == method])

    def unit(self, name: str) -> Unit | None:
        """A unit as it is in memory now."""
        return self.run(lambda: self.model.units.get(name))

    def reboot(self) -> None:
        """Lose everything that is not a file, and start what is enabled."""

        def boot() -> None:
            for unit in list(self.model.units.values()):
                del self.model.units[unit.name]
                self._tell("removed", unit)
            for target in self.model.wants("multi-user.target"):
                self.model.queue("start", target)

        self.run(boot)
