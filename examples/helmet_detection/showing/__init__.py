"""The show around the helmet-detection example: what `demo.py` prepares, starts, follows, measures and draws.

`places` (folders), `preparing` (data and base model), `manifests` (overlay), `serving` (`sedna up`) or `joining` (a
system that is installed), `following` (the job through its API), `measuring` (saved models on held-out frames),
`picturing` and `charting` (results to look at).
"""

from __future__ import annotations

import sys
from pathlib import Path

# The measures and the drawing of boxes are the worker's own, so that the demo's table means what its workers mean.
sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "worker"))
