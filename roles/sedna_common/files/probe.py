"""What a managed host is, asked in one go and printed as JSON for the preflight of the role sedna_common.

Runs on the host's own Python, before anything of ours is there: `probe.py FOLDER RELEASE`, where which release would be
installed. What an installation that was cut off has left is told, and its room counts as free: it is removed first.
"""

import importlib.util
import json
import os
import platform
import shutil
import sys


def is_complete(release):
    """Whether the folder of a release has its mark."""
    return os.path.exists(os.path.join(release, ".complete"))


def size_of(top):
    """The sum of the sizes of all files below a folder."""
    files = (os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names)
    return sum(os.lstat(file).st_size for file in files)


folder = sys.argv[1]
releases = os.path.join(folder, "releases")
leftovers = []
if os.path.isdir(releases):
    found = (os.path.join(releases, name) for name in sorted(os.listdir(releases)))
    leftovers = [path for path in found if os.path.isdir(path) and not is_complete(path)]
while not os.path.isdir(folder):
    folder = os.path.dirname(folder)

print(
    json.dumps(
        {
            "python": "{}.{}".format(*sys.version_info[:2]),
            "machine": platform.machine(),
            "root": os.geteuid() == 0,
            "venv": importlib.util.find_spec("venv") is not None,
            "installed": bool(sys.argv[2]) and is_complete(os.path.join(releases, sys.argv[2])),
            "leftovers": leftovers,
            "free_mb": (shutil.disk_usage(folder).free + sum(map(size_of, leftovers))) // 2**20,
        }
    )
)
