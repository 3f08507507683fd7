"""Which runner this host gets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from sedna_lc.errors import SettingsInvalid
from sedna_lc.runners.base import Runner
from sedna_lc.settings import DEFAULT_HOST_PATHS, EVERY_PATH, PathRule, Settings
from sedna_lc.users import WorkerUser, find_user

# systemd is PID 1 where this folder is: sd_booted(3).
_BOOTED = Path("/run/systemd/system")


def choose(settings: Settings, booted: Path = _BOOTED, user: int | None = None) -> Literal["process", "systemd"]:
    """Return which runner the settings mean on this host."""
    if settings.runner != "auto":
        return settings.runner
    is_root = (os.geteuid() if user is None else user) == 0
    return "systemd" if booted.is_dir() and is_root else "process"


def choose_user(settings: Settings, kind: Literal["process", "systemd"]) -> WorkerUser | None:
    """Return who workers run as; None when that is whoever runs this program. Raises SettingsInvalid."""
    name = settings.systemd.user
    if kind == "process" or name is None:
        return None
    try:
        user = find_user(name)
    except KeyError:
        raise SettingsInvalid(f"systemd.user: there is no user {name} on this host.") from None
    # Root by its name is what systemd would take anyway.
    return user if user.uid != 0 else None


def choose_host_paths(settings: Settings, kind: Literal["process", "systemd"]) -> tuple[PathRule, ...]:
    """Return which paths manifests may name here."""
    if settings.host_paths is not None:
        return settings.host_paths
    return EVERY_PATH if kind == "process" else DEFAULT_HOST_PATHS


def make_runner(settings: Settings, kind: Literal["process", "systemd"], user: WorkerUser | None) -> Runner:
    """Return the runner. Raises sedna_lc.runners.errors.RunnerUnavailable."""
    state_dir = Path(settings.state_dir)
    if kind == "process":
        from sedna_lc.runners.process import ProcessRunner

        return ProcessRunner(state_dir)
    # Late: a laptop without the D-Bus library needs no systemd.
    from sedna_lc.runners.systemd.runner import SystemdRunner
    from sedna_lc.runners.systemd.runner import SystemdSettings as RunnerSettings

    name = None if user is None else user.name
    return SystemdRunner(RunnerSettings(state_dir=state_dir, user=name, sandbox=settings.systemd.sandbox))
