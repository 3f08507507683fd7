"""What every runner promises: start a unit, stop it, say what became of it.

`sedna_lc.units` describes a worker as a `UnitSpec`; a runner makes it real; the reconciler compares what it
wants with `observe()` and is woken by `subscribe()`. Runners know nothing of the GM, of kinds or of stages.
One contract test runs on every runner.
"""

from __future__ import annotations

import enum
import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from sedna.api.rounds import ROUND_ID_VARIABLE
from sedna.daemons.logs import fields

RestartPolicy = Literal["Never", "OnFailure", "Always"]

#: Called with the name of a unit that may have changed, from any thread; "" says "look at all of them again".
Callback = Callable[[str], None]


class Reason:
    """Why a unit is where it is: the words that end up in a Worker's `status.reason`."""

    EXIT_CODE = "ExitCode"
    SIGNAL = "Signal"
    OUT_OF_MEMORY = "OutOfMemory"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    UNIT_VANISHED = "UnitVanished"
    START_FAILED = "StartFailed"
    WATCHDOG = "Watchdog"
    #: Ended because `Runner.stop` asked for it, whatever the exit code.
    STOPPED = "Stopped"
    #: Stopped by a person on this host, not by us.
    STOPPED_BY_OPERATOR = "StoppedByOperator"


@dataclass(frozen=True)
class Bind:
    """One path of the host that the worker finds under another name."""

    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True)
class UnitSpec:
    """Everything a runner needs to run one worker, and nothing it has to look up.

    Memory is in bytes, CPU in cores, times in seconds. `argv` and `environment` may hold what users consider
    private, so they are left out of `repr` and never logged.
    """

    name: str
    description: str
    argv: tuple[str, ...] = field(repr=False)
    working_directory: str
    environment: Mapping[str, str] = field(repr=False)
    binds: tuple[Bind, ...] = ()
    memory_max: int | None = None
    memory_low: int | None = None
    #: How many cores the unit may use at most.
    cpu_quota: float | None = None
    #: 1 to 10000; only says who gets more when several units want the same core.
    cpu_weight: int | None = None
    restart: RestartPolicy = "Never"
    #: From the first start on, restarts included.
    runtime_max_seconds: int | None = None
    #: How long the unit may take to end after being asked, before it is killed.
    stop_seconds: int = 30
    #: Comes back after a reboot without LC and GM (inference).
    persistent: bool = False
    #: The group an operator stops and starts together: all units of a job on this host.
    target: str = ""
    #: Variables whose change makes no other unit: the running worker learns the new value by other means.
    volatile: tuple[str, ...] = ()
    #: Secrets by name: the file of this host that the worker finds as `$CREDENTIALS_DIRECTORY/<name>`. Read anew
    #: whenever the unit starts; what is in it is never part of the description.
    credentials: Mapping[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Equal for equal contents, over processes and versions of Python.

        A path bound read-only to itself is only kept in sight; like the volatile variables it does not count.
        """
        contents = asdict(self)
        # The round's id only names what the rest says; a unit from before there were ids is the same one.
        uncounted = {*self.volatile, ROUND_ID_VARIABLE}
        contents["environment"] = {k: v for k, v in self.environment.items() if k not in uncounted}
        contents["binds"] = [asdict(bind) for bind in self.binds if not (bind.read_only and bind.source == bind.target)]
        if not self.credentials:
            # A unit without secrets is the same unit as before there were any: an upgrade disturbs no worker.
            del contents["credentials"]
        text = json.dumps(contents, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def fields_of_start(spec: UnitSpec) -> dict[str, Any]:
    """Return what the line about a unit's start carries."""
    said = spec.environment
    names = {"NAMESPACE": said.get("NAMESPACE", ""), "WORKER": said.get("WORKER_NAME", "")}
    return fields(ACTION="start unit", UNIT=spec.name, ROUND_ID=said.get(ROUND_ID_VARIABLE, ""), **names)


class Activity(enum.Enum):
    """What a unit is doing. EXITED and FAILED are ends; PAUSED waits for the operator."""

    STARTING = "Starting"
    RUNNING = "Running"
    STOPPING = "Stopping"
    EXITED = "Exited"
    FAILED = "Failed"
    PAUSED = "Paused"

    @property
    def ended(self) -> bool:
        """Whether nothing of the unit runs, and nothing will start it by itself."""
        return self in (Activity.EXITED, Activity.FAILED)

    @property
    def runs(self) -> bool:
        """Whether it has neither ended nor been paused."""
        return not self.ended and self is not Activity.PAUSED


@dataclass(frozen=True)
class UnitState:
    """What a runner sees of one unit at one moment. Times are aware and in UTC."""

    name: str
    activity: Activity
    pid: int | None = None
    #: Of the last run that ended by itself or by us; None when it died of a signal.
    exit_code: int | None = None
    signal: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    restarts: int = 0
    reason: str = ""
    fingerprint: str = ""
    #: A sentence for people, when there is more to say than the reason.
    message: str = ""


class Runner(Protocol):
    """Runs units on this host.

    Methods may be called from any thread. They raise the errors of `sedna_lc.runners.errors` only.
    """

    def start(self, spec: UnitSpec) -> None:
        """Start the unit.

        A unit of the same name and fingerprint, running, paused or ended, is left as it is: forget an ended
        one to run it again. An ended unit with another fingerprint is replaced.

        Raises:
            UnitBusy: a unit of this name with another fingerprint has not ended.
            UnitRefused: the description itself is wrong. That a program cannot be executed is not: such a
                unit is observed as FAILED with the reason StartFailed.
        """

    def stop(self, name: str) -> None:
        """Ask the unit to end, and return. The end is observed: EXITED (code 0) or FAILED, reason Stopped.

        Unknown and ended units are left alone. A paused unit ends at once.
        """

    def forget(self, name: str) -> None:
        """Drop every record of an ended unit. Unknown units are fine.

        What it wrote stays readable for a while (`sedna_lc.runners.ended`), unless it was persistent: such a unit has
        no end of its own.

        Raises:
            UnitBusy: the unit has not ended.
        """

    def observe(self) -> Mapping[str, UnitState]:
        """Every unit that is not forgotten, by name, also those that an earlier LC has started."""

    def look(self, name: str) -> UnitState | None:
        """What `observe` would say of one unit; None when it would not name it. As dear as one unit, not as all."""

    def subscribe(self, callback: Callback) -> None:
        """Call `callback` after every change that `observe` shows. Repeated and needless calls happen."""

    def read_log(
        self, name: str, tail_lines: int | None, follow: bool, stop: threading.Event, round_id: str = ""
    ) -> Iterator[bytes]:
        """What the unit wrote (stdout and stderr as they came), in pieces of any size; also a forgotten one's.

        With `follow`, goes on until the unit has ended or `stop` is set. With the id of a round, a unit of the same
        name that worked for another round is not meant.

        Raises:
            NoSuchUnit: at the call, not later.
        """

    def close(self) -> None:
        """Let go of everything and leave the units running. Safe to call twice."""
