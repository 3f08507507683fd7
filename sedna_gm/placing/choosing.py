"""Takes the node for one worker: the rules exclude, then the least loaded node wins, its name breaking ties.

Only a node's own state is looked at, never a clock, so the same snapshot always gives the same node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heapify, heappop
from itertools import chain

from sedna_gm.placing.candidates import Candidate, NoNode, Placed, Request
from sedna_gm.placing.rules import RULES

SPELLED_OUT = 5
"""How many nodes a sentence names. A fleet of hundreds would make it unreadable."""


def place(request: Request, nodes: Iterable[Candidate], prefer: str | None = None) -> Placed | NoNode:
    """The node for this request. `prefer` is taken before a less loaded one: it is where the stage's data are."""
    everyone = list(nodes)
    # Of thousands of nodes few are judged: the named one, the preferred one, then by load until one will do.
    asked = [node for node in everyone if node.name == request.node_name] or everyone
    preferred = [node for node in asked if node.name == prefer]
    excluded: dict[str, str] = {}
    for node in chain(preferred, _by_load(asked)):
        why = next((why for rule in RULES if (why := rule(request, node)) is not None), None)
        if why is None:
            return Placed(node.name)
        excluded[node.name] = why
    return NoNode(_sentence(request, sorted(excluded.items())))


def _by_load(nodes: Iterable[Candidate]) -> Iterator[Candidate]:
    # A heap gives the first without sorting the rest.
    heap = [(node.load, node.name, node) for node in nodes]
    heapify(heap)
    while heap:
        yield heappop(heap)[2]


def _sentence(request: Request, excluded: list[tuple[str, str]]) -> str:
    if not excluded:
        return "No node has registered yet."
    known = {name for name, _ in excluded}
    if request.node_name is not None:
        if request.node_name not in known:
            return f"Node {request.node_name}, which the template names, is not registered."
        # The other nodes are out of the question; naming them would hide the one reason that counts.
        excluded = [entry for entry in excluded if entry[0] == request.node_name]
    told = [f"node {name} {why}" for name, why in excluded[:SPELLED_OUT]]
    if len(excluded) > SPELLED_OUT:
        told.append(f"{len(excluded) - SPELLED_OUT} more nodes are excluded too")
    return f"No node can take the worker: {'; '.join(told)}."
