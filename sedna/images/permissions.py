"""Who may read what is installed: everybody, since workers run as a user of their own.

Set outright, whatever the umask of who builds and the modes of the source: a worker that cannot read its own code
would fail on one host and not on the next.
"""

from __future__ import annotations

import os
from pathlib import Path


def make_folders(folder: Path) -> None:
    """Make a folder and those above it; the ones made now can be entered by everybody, others stay as they are."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        path.chmod(0o755)


def make_readable(folder: Path) -> None:
    """Let everybody read what a folder holds, and run what its owner may run."""
    for place, _, names in os.walk(folder):
        Path(place).chmod(0o755)
        for name in names:
            path = Path(place, name)
            if not path.is_symlink():
                path.chmod(0o755 if os.access(path, os.X_OK) and path.stat().st_mode & 0o100 else 0o644)
