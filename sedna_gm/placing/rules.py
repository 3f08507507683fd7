"""The rules that exclude a node, each on its own and with its own words. `choosing` applies them in this order."""

from __future__ import annotations

from collections.abc import Callable

from sedna_gm.placing.candidates import Candidate, Request, full_image

Rule = Callable[[Request, Candidate], str | None]
"""None when the node may take the worker, else why not, to be read after the node's name."""


def named(request: Request, node: Candidate) -> str | None:
    """`nodeName` binds: no other node will do."""
    if request.node_name is None or node.name == request.node_name:
        return None
    return f"is not the nodeName {request.node_name}"


def selected(request: Request, node: Candidate) -> str | None:
    """Every label of `nodeSelector` must be there, with its value."""
    missing = [f"{key}={value}" for key, value in request.selector.items() if node.labels.get(key) != value]
    return f"lacks the labels {', '.join(sorted(missing))} of the nodeSelector" if missing else None


def is_ready(_: Request, node: Candidate) -> str | None:
    """A node that is silent or says that it is not ready gets no new work."""
    if node.ready == "True":
        return None
    state = "is not Ready" if node.ready == "False" else "has not been heard of lately"
    return f"{state} ({node.ready_message})" if node.ready_message else state


def is_open(_: Request, node: Candidate) -> str | None:
    """An operator may keep new work away from a node."""
    return "takes nothing new (spec.unschedulable)" if node.unschedulable else None


def has_image(request: Request, node: Candidate) -> str | None:
    """Worker images are installed on nodes beforehand; none is fetched at start."""
    wanted = full_image(request.image)
    if wanted in {full_image(image) for image in node.images}:
        return None
    return f"does not have the worker image {request.image}"


RULES: tuple[Rule, ...] = (named, selected, is_ready, is_open, has_image)
