"""The hot-update file of the original, with hash and guard added: it names the model that a running worker shall
serve."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from sedna.api.guards import Guard
from sedna.api.times import format_time
from sedna.common.faults import reached
from sedna.common.publishing import write_atomically
from sedna_lc.state.records import Placed


def publish(file: Path, model: Placed, now: datetime, guard: Guard | None = None) -> None:
    """Replace the file in one step; whoever reads it sees the old model or the new one, never a mixture."""
    content: dict[str, object] = {
        "model_path": model.path,
        "model_update_time": format_time(now),
        "sha256": model.sha256,
        "round": model.round,
    }
    if guard is not None:
        content["guard"] = guard.dump()
    reached("lc.hot.publish.before")
    write_atomically(file, json.dumps({"model_config": content}, indent=1).encode())
    reached("lc.hot.publish.after")


def published(file: Path) -> str:
    """Return the sha256 of the model that the file names; empty where there is none, or it cannot be read."""
    try:
        content = json.loads(file.read_bytes())["model_config"]["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return content if isinstance(content, str) else ""
