"""What is known of a model's content. A value, so that decisions can rest on it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Found:
    """A model on this node's disk."""

    sha256: str
    size_bytes: int
