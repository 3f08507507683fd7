"""How a service's process compares with what is written for it, printed as JSON for the roles' look.yml.

Runs on the host's own Python: `process.py UNIT CONFIGURATION`. A handler that was lost, because the play was cut off
before it, leaves its trace here: a process that is older than its unit or its configuration. Times are reckoned from
the monotonic clock, because the wall clock of an edge host may have been wrong at its boot.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time

PROPERTIES = ("LoadState", "MainPID", "NeedDaemonReload", "ExecMainStartTimestampMonotonic")


def properties_of(unit: str) -> dict[str, str]:
    """What systemd knows of a unit; it answers for one that is not there, too."""
    # The last change of its state is the end of its last start or reload, which both read the configuration.
    wanted = ",".join((*PROPERTIES, "StateChangeTimestampMonotonic", "FragmentPath"))
    shown = subprocess.run(
        ["systemctl", "show", f"--property={wanted}", unit], stdout=subprocess.PIPE, check=True, text=True
    ).stdout
    return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)


def release_of(command: bytes, environment: bytes) -> str:
    """The release that a process runs: the one its interpreter lies in, else what its unit said; or nothing."""
    for text in (command.split(b"\0")[0], *(one for one in environment.split(b"\0") if one[:14] == b"SEDNA_RELEASE=")):
        found = re.search(r"/releases/([^/]+)/bin/|^SEDNA_RELEASE=(.+)$", os.fsdecode(text))
        if found:
            return found[1] or found[2]
    return ""


def reasons(shown: dict[str, str], unit_written: float, configuration_written: float, booted: float) -> list[str]:
    """Why the process has to be started again, a few words each.

    Args:
        shown: the unit's properties.
        unit_written: when its file was.
        configuration_written: when its configuration was.
        booted: when the monotonic clock began, on the clock of the files.
    """
    found = []
    if shown.get("NeedDaemonReload") == "yes":
        found.append("systemd has not read the unit")
    if shown.get("MainPID", "0") == "0":
        return found
    started = booted + int(shown["ExecMainStartTimestampMonotonic"]) / 1e6
    changed = booted + int(shown["StateChangeTimestampMonotonic"]) / 1e6
    if unit_written > started:
        found.append("it was started before the unit was written")
    if configuration_written > max(started, changed):
        found.append("it has not read the configuration since that was written")
    return found


def written(path: str) -> float:
    """When a file was written; the beginning of time for one that is not there."""
    return os.stat(path).st_mtime if path and os.path.exists(path) else 0.0


def content(path: str) -> bytes:
    """What a file of /proc says; nothing, if its process is gone."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def main(unit: str, configuration: str) -> None:
    """Ask and print."""
    shown = properties_of(unit)
    pid = shown.get("MainPID", "0")
    release = release_of(content(f"/proc/{pid}/cmdline"), content(f"/proc/{pid}/environ")) if pid != "0" else ""
    booted = time.time() - time.monotonic()
    stale = reasons(shown, written(shown.get("FragmentPath", "")), written(configuration), booted)
    print(json.dumps({"known": shown.get("LoadState") == "loaded", "release": release, "stale": stale}))


if __name__ == "__main__":
    main(*sys.argv[1:])
