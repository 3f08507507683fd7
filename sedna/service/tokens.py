"""The token by which the LocalController knows this worker: a credential, never in argv or environment.

`sedna.service.client` shows it with every report. `sedna_lc.credentials` looks whether a worker image's library has
this module: one from before it shows no token, and is asked for none.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from sedna.common.credentials import FOLDER_VARIABLE, WORKER_TOKEN


def own_token(environment: Mapping[str, str] = os.environ) -> str | None:
    """Return this worker's token; None where none was handed over. Raises OSError when it cannot be read."""
    folder = environment.get(FOLDER_VARIABLE)
    if not folder:
        return None
    try:
        # Each time anew: the file is a few bytes, and what is not kept cannot be in a dump of this process's objects.
        return (Path(folder) / WORKER_TOKEN).read_text(encoding="ascii").strip() or None
    except FileNotFoundError:
        return None
