"""The sentence that `systemctl status sedna-gm` shows: where it serves, and how much there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sedna.api.kinds import KINDS
from sedna_gm.errors import StoreUnavailable
from sedna_gm.store.interface import Store


def sentence(url: str, store: Store) -> str:
    """One line; a database that does not answer is part of it, and no reason to stop serving."""
    try:
        nodes = store.list("Node").items
        ready = sum(1 for node in nodes if _is_ready(node))
        jobs = sum(len(store.list(kind.name).items) for kind in KINDS if kind.name.endswith("Job"))
    except StoreUnavailable:
        return f"Serving on {url}, but the database does not answer: see the log."
    return f"Serving on {url}; {ready} of {_count(len(nodes), 'node')} ready, {_count(jobs, 'job')}."


def _is_ready(node: Mapping[str, Any]) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or []
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
