"""The example is no package: its folder and the worker's are put on the path, as its scripts have them."""

from __future__ import annotations

import sys
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "helmet_detection"
for folder in (EXAMPLE / "worker", EXAMPLE):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
