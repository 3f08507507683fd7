"""A host under a runner, as the contract test sees it: the same few levers over every implementation.

The worker of all these worlds writes "ready" (and what it is told to write) and then waits for orders.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from sedna_lc.runners.base import Runner, UnitSpec, UnitState
from sedna_lc.runners.memory import MemoryHost, MemoryRunner
from sedna_lc.runners.process import ProcessRunner

#: Far longer than anything takes; only a hang meets it.
DEADLINE = 30.0


class World(Protocol):
    """What the contract test needs to play the host."""

    runner: Runner

    def spec(self, name: str, **changes: object) -> UnitSpec: ...

    def say(self, name: str, line: str) -> None: ...

    def finish(self, name: str, exit_code: int) -> None: ...

    def crash(self, name: str) -> None: ...

    def reopen(self) -> None: ...

    def close(self) -> None: ...


class Bell:
    """Waits until what a runner shows is as wanted, woken by the runner's own announcements."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.rung = threading.Condition()
        self.count = 0
        self.names: list[str] = []
        runner.subscribe(self.ring)

    def ring(self, name: str) -> None:
        with self.rung:
            self.count += 1
            self.names.append(name)
            self.rung.notify_all()

    def wait_for(self, name: str, wanted: Callable[[UnitState], bool]) -> UnitState:
        """The first state that is as wanted. Nothing is looked at again before the runner has announced a change."""
        end = time.monotonic() + DEADLINE
        while True:
            with self.rung:
                seen = self.count
            state = self.runner.observe().get(name)
            if state is not None and wanted(state):
                return state
            with self.rung:
                if self.count == seen:
                    self.rung.wait(timeout=end - time.monotonic())
                if time.monotonic() > end:
                    raise AssertionError(f"{name} did not become as wanted; last seen: {state}")

    def wait_to_hear(self, name: str) -> None:
        """Wait for an announcement, whatever it is about."""
        with self.rung:
            assert self.rung.wait_for(lambda: name in self.names, DEADLINE), f"nothing was said of {name!r}"


class MemoryWorld:
    def __init__(self, folder: Path) -> None:
        self.host = MemoryHost()
        self.runner: Runner = MemoryRunner(self.host)

    def spec(self, name: str, **changes: object) -> UnitSpec:
        return make_spec(name, ("/bin/true",), **changes)

    def say(self, name: str, line: str) -> None:
        self.host.write_log(name, line.encode() + b"\n")

    def finish(self, name: str, exit_code: int) -> None:
        self.host.finish(name, exit_code)

    def crash(self, name: str) -> None:
        self.host.crash(name)

    def reopen(self) -> None:
        self.runner.close()
        self.runner = MemoryRunner(self.host)

    def close(self) -> None:
        self.runner.close()


#: Does what it reads from a FIFO: `say …` writes a line, `exit N` ends. Open for both ways, the FIFO never ends.
PUPPET = """
import os, sys
print("ready", flush=True)
for order in os.fdopen(os.open(sys.argv[1], os.O_RDWR)):
    word, _, rest = order.strip().partition(" ")
    if word == "say":
        print(rest, flush=True)
    if word == "exit":
        sys.exit(int(rest))
"""


class ProcessWorld:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runner: Runner = self._open()

    def _open(self) -> ProcessRunner:
        return ProcessRunner(self.folder / "state", restart_delay=(0.01, 0.05), log_bytes=1 << 20)

    def spec(self, name: str, **changes: object) -> UnitSpec:
        orders = self.folder / f"{name}.orders"
        if not orders.exists():
            os.mkfifo(orders)
        return make_spec(name, (sys.executable, "-I", "-S", "-c", PUPPET, str(orders)), **changes)

    def order(self, name: str, text: str) -> None:
        (self.folder / f"{name}.orders").write_text(text + "\n")

    def say(self, name: str, line: str) -> None:
        self.order(name, f"say {line}")

    def finish(self, name: str, exit_code: int) -> None:
        self.order(name, f"exit {exit_code}")

    def crash(self, name: str) -> None:
        pid = self.runner.observe()[name].pid
        assert pid
        os.kill(pid, 9)

    def reopen(self) -> None:
        self.runner.close()
        self.runner = self._open()

    def close(self) -> None:
        end_all(self.runner)
        self.runner.close()


def end_all(runner: Runner) -> None:
    """Stop every unit and wait until each supervisor has gone, too."""
    bell = Bell(runner)
    for name, state in runner.observe().items():
        if not state.activity.ended:
            runner.stop(name)
            bell.wait_for(name, lambda now: now.activity.ended)


def make_spec(name: str, argv: tuple[str, ...], **changes: object) -> UnitSpec:
    fields: dict[str, object] = {
        "name": name,
        "description": "a worker of the contract test",
        "argv": argv,
        "working_directory": "/",
        "environment": {"WORKER_NAME": name},
        "stop_seconds": 10,
        "target": "sedna-job-default-demo.target",
    }
    return UnitSpec(**(fields | changes))  # type: ignore[arg-type]
