"""What a worker's unit says to systemd. Pure.

One table of settings, spelt in both ways: as properties of a transient unit (`transient_properties`) and as
lines of a unit file (`unitfiles`). So a training and an inference worker cannot drift apart.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sedna_lc.runners.base import Bind, UnitSpec
from sedna_lc.runners.systemd import sandbox as confining

#: Seconds before a worker that ended is started again. systemd 252 knows no growing delay; five seconds keep
#: a broken worker from taking the host's attention.
RESTART_SECONDS = 5
SLICE = "sedna.slice"
_RESTART = {"Never": "no", "OnFailure": "on-failure", "Always": "always"}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_ENV = "/usr/bin/env"


@dataclass(frozen=True)
class Setting:
    """One setting: section and key of a unit file, and its name, signature and value on the bus."""

    section: str
    key: str
    text: str
    name: str
    signature: str
    value: Any


def settings(spec: UnitSpec, user: str | None, sandbox: bool) -> Iterator[Setting]:
    """Every plain setting of the unit; program, environment and binds are spelt too differently, see below."""
    yield _same("Unit", "Description", "s", spec.description)
    if spec.target:
        yield Setting("Unit", "PartOf", spec.target, "PartOf", "as", [spec.target])
    # Restarts are bounded by their pace, not by their number: after a week's outage a worker still comes back.
    yield Setting("Unit", "StartLimitIntervalSec", "0", "StartLimitIntervalUSec", "t", 0)
    yield _same("Service", "Type", "s", "exec")
    yield _same("Service", "Restart", "s", _RESTART[spec.restart])
    yield _seconds("Service", "Restart", RESTART_SECONDS)
    if spec.restart != "Always":
        # An ended unit stays, with its exit code, until the LC has seen it.
        yield _same("Service", "RemainAfterExit", "b", True)
    if spec.runtime_max_seconds is not None:
        yield _seconds("Service", "RuntimeMax", spec.runtime_max_seconds)
    # To systemd, no time at all means for ever.
    yield _seconds("Service", "TimeoutStop", max(1, spec.stop_seconds))
    yield _same("Service", "OOMPolicy", "s", "stop")
    yield _same("Service", "Slice", "s", SLICE)
    yield _same("Service", "SyslogIdentifier", "s", spec.name)
    yield from _limits(spec)
    if user is not None:
        yield _same("Service", "User", "s", user)
    if sandbox:
        for key, text, signature, value in confining.lines(user, spec.binds):
            yield Setting("Service", key, text, key, signature, value)


def _limits(spec: UnitSpec) -> Iterator[Setting]:
    if spec.memory_max is not None:
        yield _same("Service", "MemoryMax", "t", spec.memory_max)
    if spec.memory_low is not None:
        yield _same("Service", "MemoryLow", "t", spec.memory_low)
    if spec.cpu_quota is not None:
        micros = max(1000, round(spec.cpu_quota * 1_000_000))
        percent = f"{micros / 10_000:g}%"
        yield Setting("Service", "CPUQuota", percent, "CPUQuotaPerSecUSec", "t", micros)
    if spec.cpu_weight is not None:
        yield _same("Service", "CPUWeight", "t", spec.cpu_weight)


def transient_properties(spec: UnitSpec, user: str | None, sandbox: bool) -> list[tuple[str, tuple[str, Any]]]:
    """The properties for StartTransientUnit."""
    program, environment = program_of(spec)
    properties = [(item.name, (item.signature, item.value)) for item in settings(spec, user, sandbox)]
    # Not ExecStartEx, which could say that nothing is to be expanded: systemd 252 writes that name into the unit's file
    # and refuses the unit, running as it is, at the next daemon-reload of anybody. `$$` stands for one dollar sign.
    words = [word.replace("$", "$$") for word in program]
    properties.append(("ExecStart", ("a(sasb)", [(program[0], words, False)])))
    properties.append(("WorkingDirectory", ("s", spec.working_directory)))
    properties.append(("Environment", ("as", [f"{name}={value}" for name, value in environment.items()])))
    for name, read_only in (("BindPaths", False), ("BindReadOnlyPaths", True)):
        binds = [bind for bind in spec.binds if bind.read_only is read_only]
        if binds:
            # The last field is MS_REC: what is mounted below the source is there, too.
            value = [(bind.source, bind.target, may_be_missing(bind), 0x4000) for bind in binds]
            properties.append((name, ("a(ssbt)", value)))
    if spec.credentials:
        # systemd reads the files as root and hands a copy, in memory, to this unit's user alone.
        properties.append(("LoadCredential", ("a(ss)", sorted(spec.credentials.items()))))
    return properties


def program_of(spec: UnitSpec) -> tuple[tuple[str, ...], dict[str, str]]:
    """The program with its arguments, and the environment that systemd itself accepts.

    systemd wants an absolute path, and takes fewer names and values for variables than Kubernetes does; a bare
    name and the other variables go through env(1).
    """
    argv = spec.argv
    environment = {name: value for name, value in spec.environment.items() if _acceptable(name, value)}
    odd = [f"{name}={value}" for name, value in spec.environment.items() if name not in environment]
    if "/" in argv[0] and not argv[0].startswith("/"):
        argv = (posixpath.normpath(posixpath.join(spec.working_directory, argv[0])), *argv[1:])
    if odd or "/" not in argv[0]:
        argv = (_ENV, *odd, *argv)
    return argv, environment


def may_be_missing(bind: Bind) -> bool:
    """A path bound to itself is only kept in sight; a volume has to be there."""
    return bind.source == bind.target


def _acceptable(name: str, value: str) -> bool:
    return bool(_VARIABLE.match(name)) and all(char in "\t\n" or (char >= " " and char != "\x7f") for char in value)


def _same(section: str, key: str, signature: str, value: Any) -> Setting:
    text = ("yes" if value else "no") if signature == "b" else str(value)
    return Setting(section, key, text.replace("%", "%%"), key, signature, value)


def _seconds(section: str, key: str, seconds: int) -> Setting:
    return Setting(section, f"{key}Sec", f"{seconds}s", f"{key}USec", "t", seconds * 1_000_000)
