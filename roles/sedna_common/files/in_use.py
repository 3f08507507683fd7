"""Names the releases that a process of the host runs, one a line: `in_use.py RELEASES`, the folder that they lie in.

Runs on the host's own Python, as root. A release's interpreter names itself by its whole path in its command line; the
link `current` may point elsewhere by now.
"""

from __future__ import annotations

import os
import sys


def releases_in_use(processes: str, folder: str) -> set[str]:
    """The names of the folder's releases whose interpreter some process is."""
    start = os.fsencode(folder.rstrip("/") + "/")
    found = set()
    for pid in filter(str.isdigit, os.listdir(processes)):
        try:
            with open(os.path.join(processes, pid, "cmdline"), "rb") as file:
                program = file.read().split(b"\0")[0]
        except (FileNotFoundError, ProcessLookupError):
            # It has ended meanwhile.
            continue
        if program.startswith(start):
            found.add(os.fsdecode(program[len(start) :].split(b"/")[0]))
    return found


if __name__ == "__main__":
    print("\n".join(sorted(releases_in_use("/proc", sys.argv[1]))))
