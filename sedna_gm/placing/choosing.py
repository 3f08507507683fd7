"""Takes the node for one worker: the rules exclude, then the least loaded node wins, its name breaking ties.

Only a node's own state is looked at, never a clock, so the same snapshot always gives the same node.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from sedna_gm.placing.candidates import Candidate, Candidates, NoNode, Placed, Request
from sedna_gm.placing.rules import RULES

SPELLED_OUT = 5
"""How many nodes a sentence names. A fleet of hundreds would make it unreadable."""


def place(request: Request, nodes: Candidates, prefer: str | None = None) -> Placed | NoNode:
    """The node for this request. `prefer` is taken before a less loaded one: it is where the stage's data are."""
    excluded: dict[str, str] = {}
    for node in _in_turn(request, nodes, prefer):
        why = next((why for rule in RULES if (why := rule(request, node)) is not None), None)
        if why is None:
            return Placed(node.name)
        excluded[node.name] = why
    return NoNode(_sentence(request, sorted(excluded.items())))


def _in_turn(request: Request, nodes: Candidates, prefer: str | None) -> Iterable[Candidate]:
    """The nodes to judge, until one will do: the one that is named alone; else the preferred one, then by load."""
    if request.node_name is not None:
        named = nodes.named(request.node_name)
        # The other nodes are out of the question; naming them would hide the one reason that counts.
        return () if named is None else (named,)
    preferred = None if prefer is None else nodes.named(prefer)
    return nodes.by_load() if preferred is None else chain((preferred,), nodes.by_load())


def _sentence(request: Request, excluded: list[tuple[str, str]]) -> str:
    if not excluded and request.node_name is not None:
        return f"Node {request.node_name}, which the template names, is not registered."
    if not excluded:
        return "No node has registered yet."
    told = [f"node {name} {why}" for name, why in excluded[:SPELLED_OUT]]
    if len(excluded) > SPELLED_OUT:
        told.append(f"{len(excluded) - SPELLED_OUT} more nodes are excluded too")
    return f"No node can take the worker: {'; '.join(told)}."
