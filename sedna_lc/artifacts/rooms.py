"""How much of this host's disk what comes from elsewhere may take: never the last of it.

For `caching` and `remote_versions`. The state of this program, the reports of workers and their outputs lie on the same
disk; contents can be fetched again, those cannot.
"""

from __future__ import annotations

import shutil
from pathlib import Path

#: Left to all others. The state and its journal take some tens of megabytes, and two fetches may each be some pieces
#: over what was free when they last looked.
RESERVE_BYTES = 256 << 20


def room_on_disk(folder: Path) -> int:
    """Return how many bytes there may come; 0 when what is free is kept for others."""
    return max(0, shutil.disk_usage(folder).free - RESERVE_BYTES)
