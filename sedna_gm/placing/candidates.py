"""What placing knows about a worker that wants a node, and about a node that may take it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Candidate:
    """One node. `ready` is the status of its Ready condition: True, False or Unknown."""

    name: str
    ready: str
    ready_message: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    images: frozenset[str] = frozenset()
    unschedulable: bool = False
    """An operator wants nothing new here."""
    load: int = 0
    """How many workers that have not ended are bound to it."""


class Candidates(Protocol):
    """All nodes. Of thousands few are judged, so they are asked for and not listed."""

    def named(self, name: str) -> Candidate | None:
        """The node of that name, if it is registered."""

    def by_load(self) -> Iterator[Candidate]:
        """Every node, the least loaded first; their names break ties."""


@dataclass(frozen=True)
class Request:
    """What a worker asks of its node."""

    image: str
    node_name: str | None = None
    selector: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Placed:
    """The worker runs on `node`."""

    node: str


@dataclass(frozen=True)
class NoNode:
    """No node will do; `sentence` says which rule excluded which node."""

    sentence: str


def full_image(image: str) -> str:
    """The image with its tag: a name without one means `latest`, as everywhere else images are named."""
    return image if ":" in image.rpartition("/")[2] else f"{image}:latest"
