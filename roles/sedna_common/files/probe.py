"""What a managed host is, asked in one go and printed as JSON for the preflight of the role sedna_common.

Runs on the host's own Python, before anything of ours is there: `probe.py FOLDER`, where a release would be installed.
"""

import importlib.util
import json
import os
import platform
import shutil
import sys

folder = sys.argv[1]
while not os.path.isdir(folder):
    folder = os.path.dirname(folder)

print(
    json.dumps(
        {
            "python": "{}.{}".format(*sys.version_info[:2]),
            "machine": platform.machine(),
            "root": os.geteuid() == 0,
            "venv": importlib.util.find_spec("venv") is not None,
            "free_mb": shutil.disk_usage(folder).free // 2**20,
        }
    )
)
