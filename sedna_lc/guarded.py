"""Which paths of a host no manifest may have made, given away or written to. The I/O is looking where links lead.

This program is root and makes what a manifest asks for; without these rules, a `hostPath` below /etc/systemd would
make whoever may write manifests root. Used by `sedna_lc.preparing` and before an output folder is claimed. They stand
where workers have a user of their own: without one they run with this program's rights, which are then the bounds.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sedna_lc.places import Places


@dataclass(frozen=True)
class Rule:
    """What is not made in, and not above, a folder; `sealed` also says that no worker writes to what is there."""

    folder: Path
    holds: str
    sealed: bool = False


RULES = (
    Rule(Path("/etc"), "the host's settings", sealed=True),
    Rule(Path("/usr"), "the host's programs", sealed=True),
    Rule(Path("/bin"), "the host's programs", sealed=True),
    Rule(Path("/sbin"), "the host's programs", sealed=True),
    Rule(Path("/lib"), "the host's libraries", sealed=True),
    Rule(Path("/lib32"), "the host's libraries", sealed=True),
    Rule(Path("/lib64"), "the host's libraries", sealed=True),
    Rule(Path("/libx32"), "the host's libraries", sealed=True),
    Rule(Path("/boot"), "what the host boots from", sealed=True),
    Rule(Path("/run/systemd"), "systemd's state", sealed=True),
    Rule(Path("/var/lib/systemd"), "systemd's state", sealed=True),
    Rule(Path("/opt/sedna"), "Sedna's own programs", sealed=True),
    Rule(Path(sys.prefix), "Sedna's own programs", sealed=True),
    # There, what exists is the kernel's, a service's or root's, and their modes say who may use it: a camera is a file
    # in /dev. Nothing is made there for a worker.
    Rule(Path("/dev"), "the host's devices"),
    Rule(Path("/run"), "the state of running services"),
    Rule(Path("/proc"), "the kernel's view of processes"),
    Rule(Path("/sys"), "the kernel's view of devices"),
    Rule(Path("/root"), "root's home"),
    Rule(Path("/var/spool"), "jobs that other services run (cron among them)"),
)


def real_path(path: Path) -> Path:
    """Return where a path leads, as far as it exists."""
    return Path(os.path.realpath(path))


def refusal(path: Path, places: Places, *, made: bool) -> str | None:
    """Return why a path may not be made or given to a worker (`made`), or not be written to; None when it may."""
    real = real_path(path)
    for rule in (*RULES, *_own(places)):
        folder = real_path(rule.folder)
        if (made or rule.sealed) and (real.is_relative_to(folder) or folder.is_relative_to(real)):
            leads = f"{path}" if real == path else f"{path} (which is {real})"
            where = "lies in" if real.is_relative_to(folder) else "lies above"
            what = "makes nothing there for workers" if made else "lets no worker write there"
            return f"{leads} {where} {rule.folder}, which holds {rule.holds}: the LocalController {what}"
    return None


def _own(places: Places) -> Iterator[Rule]:
    yield Rule(places.credentials_dir, "the keys of object stores", sealed=True)
    yield Rule(places.images_dir, "worker images", sealed=True)
    yield Rule(places.state_dir, "the LocalController's own state", sealed=True)
